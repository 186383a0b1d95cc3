"""Memory of this process and of the machine: what is free, and the most that a piece of work held.

Linux keeps the largest resident size of each process and lets the process reset it (proc(5),
``clear_refs``); what counts is memory that was touched, not what was asked for.
"""

import contextlib
import ctypes
import gc
import resource
import sys
from pathlib import Path

GIB = 1 << 30
RESERVE = GIB // 2  # bytes that are left to everything else on the machine
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def reset_peak() -> int:
    """Give unused memory back, forget the largest resident size so far, return the present one.

    Memory that the allocator keeps from earlier work would hide what is allocated next. Where the
    record cannot be reset (other systems than Linux), `peak_bytes` may exceed what is used from
    now on: it errs to the side of more.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
    return _status("VmRSS") or _largest()


def peak_bytes() -> int:
    """The largest resident size of this process since `reset_peak`, in bytes."""
    return _status("VmHWM") or _largest()


def _status(key: str) -> int:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)


def _largest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory() -> int:
    """Bytes that can be had without swapping, within the limit of a container."""
    try:
        words = _MEMINFO.read_text(encoding="ascii").split()
        free = int(words[words.index("MemAvailable:") + 1]) * 1024
    except (OSError, ValueError):
        return sys.maxsize  # unknown: let it try
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, int(limit) - used)


def gib(num_bytes: float) -> str:
    """Bytes in GiB, below one in MiB.

    >>> gib(250 << 20), gib(5 << 29), gib(427 << 30)
    ('250 MiB', '2.5 GiB', '427 GiB')
    """
    if num_bytes < GIB:
        return f"{num_bytes / (1 << 20):.0f} MiB"
    return f"{num_bytes / GIB:.1f} GiB" if num_bytes < 100 * GIB else f"{num_bytes / GIB:.0f} GiB"
