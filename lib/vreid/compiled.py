"""Loops compiled by numba where it is installed, and the threads that run them.

The inner loops of search, re-ranking and scoring touch a few entries of many rows; NumPy has no
word for that. They are written as plain loops, compiled at their first call and kept in numba's
cache on disk, so that later processes start at once. Every caller also has a way without numba,
slower and equal, which ``VREID_COMPILED=0`` in the environment selects.

A compiled function may call compiled functions of its own file only: the cache notices when that
file changes, and not when another one does.

Compiled loops release the interpreter's lock and run on ordinary threads, one range of rows each:
numba's own parallel loops may not be entered from two threads at once.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., object])


def available() -> bool:
    """Whether compiled loops can be used: numba is installed and not switched off."""
    if os.environ.get("VREID_COMPILED", "1") == "0":
        return False
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers; without numba it is returned as it is.

    Nothing is compiled before the first call. Sums keep their order, so results do not depend on
    the machine's vector width; a loop that may reorder its sum says so with `reordered`.
    """
    return _jit(function, fastmath=False)


def reordered(function: _Function) -> _Function:
    """As `compiled`, with sums and minima in any order, which lets them use vector registers.

    The order is fixed when the function is compiled: the same numbers give the same result in every
    call, thread and block.
    """
    return _jit(function, fastmath=True)


def _jit(function: _Function, *, fastmath: bool) -> _Function:
    try:
        from numba import njit
    except ImportError:
        return function
    options = {"reassoc", "nsz", "arcp", "contract"} if fastmath else False  # NaN stays NaN
    return cast(_Function, njit(nogil=True, cache=True, fastmath=options)(function))


def num_threads() -> int:
    """Threads to use: as many as torch does where it is loaded, else one a core."""
    torch = sys.modules.get("torch")  # it takes a second to load, and reading a list needs none
    if torch is not None:
        return int(torch.get_num_threads())
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return int(os.environ.get("OMP_NUM_THREADS") or len(cores))


def over_rows(work: Callable[[int, int], None], num_rows: int, *, least: int = 1) -> None:
    """Call ``work(start, stop)`` on ranges that cover all rows, on several threads.

    Args:
        work: Handles rows start..stop; mostly inside a compiled function.
        num_rows: How many rows there are.
        least: Rows a range holds at least.
    """
    threads = num_threads()
    step = max(least, -(-num_rows // (4 * threads)))
    spans = [(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]
    if threads == 1 or len(spans) < 2:
        for span in spans:
            work(*span)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda span: work(*span), spans):
            pass
