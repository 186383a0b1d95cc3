"""Ways of doing one thing, each in a process of its own: seconds, extra memory, result's digest.

A fresh process knows nothing of what ran before. Each way is first run on small inputs, so that
imports, compilation and self-tests are over (their time is told apart); then unused memory is
given back, the kernel's record of the largest resident size is reset, and the way runs at its real
size. What the record has grown by when it returns is the way's memory: all that it allocates and
touches, its result too; its inputs were there before.

Ratios come from one process in which the ways take turns, since a shared machine's speed changes
from minute to minute; the best of the turns counts, since noise only slows down.
"""

import hashlib
import multiprocessing
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.memory import RESERVE, available_memory, gib, peak_bytes, reset_peak
from vreid.errors import UserError

Ways = Mapping[str, Callable[[], Any]]
# Makes the inputs and returns the ways; importable by name, so that a fresh process can run it.
Build = Callable[[], Ways]


@dataclass(frozen=True)
class Measured:
    """What came out of `measure`.

    Attributes:
        seconds: The best turn of each way, the measured one first; empty when it did not finish.
        warmup: Seconds by which its first call, on small inputs, was longer than the next one.
        peak: Extra bytes at the worst moment of its first real run.
        threads: Threads that torch used.
        digest: SHA-256 of the result in hexadecimal.
        note: Why there is no result, such as "would need 427.0 GiB"; else empty.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    warmup: float = 0.0
    peak: int = 0
    threads: int = 0
    digest: str = ""
    note: str = ""


def measure(
    build: Build,
    *,
    warm: Build | None = None,
    rounds: int = 1,
    needs: int = 0,
    limit: float = 3600.0,
    keep: Path | None = None,
) -> Measured:
    """Run the first of the ways in a fresh process, then all of them in turns.

    Args:
        build: Makes inputs and ways there; a function of a module, or a `functools.partial` of one.
        warm: The same on small inputs, run before.
        rounds: Turns of each way; the run whose memory is taken is the first turn.
        needs: Bytes that the first way needs by its own estimate; it is not started when fewer are
            free.
        limit: Seconds after which the process is ended.
        keep: Where to save the result, an array, as ``.npy``.

    Raises:
        RuntimeError: When a way fails by a fault of its own, with its traceback.
    """
    if needs > available_memory() - RESERVE:
        return Measured(note=f"would need {gib(needs)}")
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, build, warm, rounds, keep), daemon=False)
    process.start()
    sender.close()  # the child holds the only end left: its death ends the wait
    try:
        return _wait(receiver, limit)
    finally:
        process.kill()
        process.join()
        receiver.close()


def _wait(receiver: Connection, limit: float) -> Measured:
    deadline = time.monotonic() + limit
    while not receiver.poll(0.1):
        if time.monotonic() > deadline:
            return Measured(note=f"not finished after {limit:.0f} s")
        if available_memory() < RESERVE:
            return Measured(note="ended: the machine's memory ran out")
    try:
        answer: Measured | str = receiver.recv()
    except EOFError:
        return Measured(note="ended by the system, mostly for want of memory")
    if isinstance(answer, str):
        raise RuntimeError(f"a measured way failed:\n{answer}")
    return answer


def _child(
    sender: Connection, build: Build, warm: Build | None, rounds: int, keep: Path | None
) -> None:
    answer: Measured | str
    try:
        answer = run_here(build, warm=warm, rounds=rounds, keep=keep)
    except MemoryError:
        answer = Measured(note="ran out of memory")
    except UserError as error:
        answer = Measured(note=str(error))
    except Exception as error:
        answer = traceback.format_exc()
        if "allocate memory" in str(error):  # torch's is an ordinary RuntimeError
            answer = Measured(note="ran out of memory")
    sender.send(answer)


def run_here(
    build: Build, *, warm: Build | None = None, rounds: int = 1, keep: Path | None = None
) -> Measured:
    """What `measure` does in its process; memory is honest only in a fresh one."""
    warmup = _warm_up(warm)
    ways = build()
    first = next(iter(ways))
    before = reset_peak()
    start = time.perf_counter()
    result = ways[first]()
    best = {first: time.perf_counter() - start}
    peak = max(0, peak_bytes() - before)
    found = digest(result)
    if keep is not None:
        np.save(keep, result)
    del result
    turns = [name for _ in range(rounds) for name in ways][1:]
    _best_of(ways, turns, best)
    return Measured(best, warmup, peak, torch.get_num_threads(), found)


def alternate(ways: Ways, *, rounds: int) -> dict[str, float]:
    """The best seconds of each way; they take turns in this process, each once unmeasured."""
    for way in ways.values():
        way()
    return _best_of(ways, [name for _ in range(rounds) for name in ways], {})


def _best_of(ways: Ways, turns: list[str], best: dict[str, float]) -> dict[str, float]:
    for name in turns:
        best[name] = min(best.get(name, float("inf")), _seconds(ways[name]))
    return best


def _warm_up(warm: Build | None) -> float:
    """Run all ways on small inputs; how much longer the first one's first call took than the next.

    That is what happens once a process: imports, compilation, self-tests.
    """
    if warm is None:
        return 0.0
    first, *others = warm().values()
    once = _seconds(first)
    for way in others:
        way()
    return max(0.0, once - _seconds(first))


def _seconds(way: Callable[[], Any]) -> float:
    start = time.perf_counter()
    result = way()
    seconds = time.perf_counter() - start
    del result  # freeing gigabytes is not the way's time
    return seconds


def digest(result: Any) -> str:
    """SHA-256 of an array, a tensor, a tuple of them, or what has ``idx`` and ``dist``."""
    found = hashlib.sha256()
    for array in _arrays(result):
        found.update(f"{array.dtype} {array.shape}".encode())
        for row in array.reshape(len(array), -1) if array.ndim else [array]:
            found.update(np.ascontiguousarray(row).data)
    return found.hexdigest()


def _arrays(result: Any) -> list[npt.NDArray[Any]]:
    if isinstance(result, np.ndarray):
        return [result]
    if isinstance(result, torch.Tensor):
        return [result.detach().cpu().numpy()]
    if hasattr(result, "idx") and hasattr(result, "dist"):
        result = (result.idx, result.dist)
    if isinstance(result, tuple | list):
        return [array for part in result for array in _arrays(part)]
    return [np.asarray(result)]
