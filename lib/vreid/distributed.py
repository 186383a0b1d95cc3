"""One training in several processes: who is who, and how rows and gradients meet.

The processes are those of ``torchrun`` (torch.distributed; NCCL between GPUs, gloo between CPUs).
There is no DistributedDataParallel, whose mean over processes of their own losses is another loss:
pairs across processes are missing, and a memory or an adapted weight drifts apart. Here a step of
several processes is that of one process with the whole batch:

1. each process embeds its `own_share` of the batch, with `vreid.models.sync_norm`'s statistics;
2. `gather_shares` gives all of them the whole batch in its order, and each computes the same loss;
3. the gradient flows back through the own rows only, and `sum_gradients` adds up the model's. What
   the loss itself learns (centres) saw the whole batch everywhere: its gradient is not summed.

What cannot be equal: drop-out, drop-path and MixStyle draw their own numbers in every process, and
MixStyle takes its partners from the own share.

With one process and no process group every function here does the obvious thing.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from vreid.errors import ConfigError
from vreid.features import FloatArray

T = TypeVar("T")

# The others wait while the main process evaluates; torchrun ends them when a process fails.
TIMEOUT = timedelta(hours=2)
# A CPU's tensors go through gloo in a training on GPUs too: agreeing then waits for no kernel.
BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
BUCKET = 2**25  # gradients summed in one exchange; 128 MiB of float32


@contextmanager
def process_group(device_name: str) -> Iterator[None]:
    """Join the other processes of a ``torchrun`` for as long as the context lasts.

    What the others print meanwhile is dropped, so that everything is said once; errors are not.

    - Without torchrun's variables, or with a ``WORLD_SIZE`` of 1, nothing happens.
    - Inside of another such context nothing happens either.

    Args:
        device_name: ``cpu`` or ``cuda``, with or without a number, which is not looked at: process
            ``LOCAL_RANK`` of a machine takes its GPU of that number.

    Raises:
        ConfigError: When torchrun's variables are no numbers, there is no GPU for this process, or
            the device is of another kind.
    """
    alone = _variable("WORLD_SIZE") <= 1 or not {"RANK", "LOCAL_RANK"} <= os.environ.keys()
    if alone or _started():
        yield
        return
    kind = torch.device(device_name).type
    _check(kind)
    if kind == "cuda":
        torch.cuda.set_device(_variable("LOCAL_RANK"))
    _join(BACKENDS[kind])
    try:
        with _silence():
            yield
    except BaseException:
        # NCCL may wait for the others for ever and hide the error; torchrun ends them all.
        if kind == "cpu":
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()


def rank() -> int:
    """The number of this process, in [0, `world_size`)."""
    return dist.get_rank() if _started() else 0


def world_size() -> int:
    """The number of processes."""
    return dist.get_world_size() if _started() else 1


def is_main() -> bool:
    """Whether this process writes the log, the checkpoints and the results."""
    return rank() == 0


def local_device(device: torch.device) -> torch.device:
    """The device of this process: its own GPU for any of CUDA, else the device as it is."""
    if device.type != "cuda" or not _started():
        return device
    return torch.device("cuda", _variable("LOCAL_RANK"))


def own_share(indices: Sequence[T]) -> Sequence[T]:
    """Every `world_size`-th element from `rank` on.

    The halves of a batch (real and synthetic images) are halves of every share where the number of
    processes divides them, and so are the images of a vehicle.
    """
    return indices[rank() :: world_size()]


def gather_shares(rows: Tensor, total: int) -> Tensor:
    """The inverse of `own_share`: the rows of all processes in the order of the whole.

    Args:
        rows: (n, ...) of any type, those of this process's share; n may be 0.
        total: N, the length of what was shared out.

    Returns:
        (N, ...), the same in every process; differentiable in the own rows only.
    """
    assert len(rows) == len(own_share(range(total))), f"{len(rows)} rows of {total}"
    if world_size() == 1:
        return rows
    size = -(-total // world_size())  # of the largest share; the others are at most one shorter
    return torch.stack(_from_all(rows, size), dim=1).flatten(0, 1)[:total]


def gather_in_order(rows: FloatArray, total: int) -> FloatArray:
    """`gather_shares` of an array in main memory.

    Args:
        rows: (n, D) of this process's share; (0, 0) will do where n is 0.
        total: N, the length of what was shared out.

    Returns:
        (N, D), the same in every process.
    """
    if world_size() == 1:
        assert len(rows) == total, f"{len(rows)} rows of {total}"
        return rows
    width = max(int(found) for found in _from_all(torch.tensor([rows.shape[1]]), 1))
    own = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)).reshape(len(rows), width)
    return np.asarray(gather_shares(own, total).numpy(), dtype=np.float32)


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Add up ``.grad`` over the processes, in place.

    Args:
        parameters: The same in every process; those without a gradient are left out, and must be
            without one in all of them.
    """
    if world_size() == 1:
        return
    buckets: dict[tuple[torch.dtype, torch.device, int], list[Tensor]] = {}
    total = 0
    for grad in (parameter.grad for parameter in parameters if parameter.grad is not None):
        total += grad.numel()
        buckets.setdefault((grad.dtype, grad.device, total // BUCKET), []).append(grad)
    for bucket in buckets.values():
        flat = torch.cat([grad.reshape(-1) for grad in bucket])
        dist.all_reduce(flat)
        parts = torch.split(flat, [grad.numel() for grad in bucket])
        for grad, part in zip(bucket, parts, strict=True):
            grad.copy_(part.view(grad.shape))


def any_true(flag: bool) -> bool:
    """Whether the flag is set in any process; all of them call this and get the same answer."""
    if world_size() == 1:
        return flag
    found = torch.tensor([int(flag)])
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return bool(found.item())


def barrier() -> None:
    """Wait until every process is here."""
    any_true(False)


def _join(backend: str) -> None:
    """Make the group of all processes, maybe not their first.

    Torch names the groups alike, and a process may read in the store where the others listened in
    the last one. The store itself counts: nobody is in a group before all have asked for it.
    """
    store, number, size = next(dist.rendezvous("env://", timeout=TIMEOUT))  # type: ignore[attr-defined]
    group = (store.add("vreid", 1) - 1) // size
    fresh = dist.PrefixStore(f"vreid{group}", store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=fresh, rank=number, world_size=size, timeout=TIMEOUT)


@contextmanager
def _silence() -> Iterator[None]:
    """Drop the standard output of all processes but the main one."""
    if is_main():
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _started() -> bool:
    return dist.is_available() and dist.is_initialized()


def _variable(name: str) -> int:
    """A number of torchrun's; 0 where it is not set."""
    text = os.environ.get(name, "0")
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            f"the environment's {name} is {text!r}; torchrun sets a number, else unset it"
        ) from None


def _check(kind: str) -> None:
    if kind not in BACKENDS:
        raise ConfigError(f"several processes on {kind!r}; cpu or cuda is needed")
    found, number = torch.cuda.device_count(), _variable("LOCAL_RANK")
    if kind == "cuda" and number >= found:
        raise ConfigError(
            f"process {number} of this machine has no GPU of its own, found {found}; start torchrun"
            f" with --nproc-per-node {max(found, 1)}, or set device cpu"
        )


def _from_all(rows: Tensor, size: int) -> list[Tensor]:
    """The rows of every process, filled up with zeros to ``size``; the own ones with their graph.

    What travels is bytes: neither backend knows every type of number.
    """
    missing = rows.new_zeros(size - len(rows), *rows.shape[1:])
    own = torch.cat([rows, missing]) if len(missing) else rows
    if own.numel() == 0:
        return [own] * world_size()
    sent = own.detach().contiguous().flatten().view(torch.uint8)
    received = sent.new_empty(world_size(), len(sent))
    dist.all_gather(list(received.unbind()), sent)
    parts = [part.view(own.dtype).view(own.shape) for part in received.unbind()]
    parts[rank()] = own
    return parts
