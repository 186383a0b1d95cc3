"""Tests in several processes: joined by gloo, and started as torchrun starts them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.multiprocessing.spawn import spawn

from vreid.distributed import barrier, process_group, rank

Work = Callable[[], dict[str, Any]]


def run_processes(work: Work, folder: Path, *, count: int = 2) -> list[dict[str, Any]]:
    """What a function of a module gives in each of several processes, by their rank."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    spawn(_run, args=(work, folder, count, store.port), nprocs=count)
    return [torch.load(folder / f"{number}.pt") for number in range(count)]


def _run(number: int, work: Work, folder: Path, count: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(number),
        LOCAL_RANK=str(number),
        WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",  # the store is with torchrun, not with process 0
    )
    for _ in range(4):  # as of several members: a group must not look for those of the last one
        with process_group("cpu"):
            barrier()
    with process_group("cpu"):
        assert rank() == number
        torch.save(work(), folder / f"{number}.pt")
    assert not torch.distributed.is_initialized()
