"""What a verb takes, by a process of its own: CPU seconds, wall seconds, peak memory.

``python -m scripts.measure RECORD VERB …`` runs ``python -m VERB …`` and adds a line to RECORD.
This small process stands between since Linux hands the peak memory of a process down to those that
it starts: started from one that holds features and networks, a training would never seem to need
less than that. Memory is that of the process, not of a GPU.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vreid.errors import DataError
from vreid.files import read_json, write_json
from vreid.stopping import stop_requests

RECORD = "cost.json"  # of a run, in its directory
STOPPED = (130, 143, -2, -15)  # exit codes of a verb that was asked to stop


@dataclass(frozen=True)
class Cost:
    """What a verb took, over all its starts.

    Attributes:
        cpu_seconds: User and system time of the process and of those it waited for.
        wall_seconds: Time on the clock; noise on a machine that does other things too.
        peak_bytes: Largest resident memory of one process.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


def run_measured(words: Sequence[str], record: Path) -> str:
    """Run ``python -m WORDS`` to its end, silently.

    A stop (Ctrl-C, SIGTERM) is passed on, and waited for.

    Args:
        words: Module and arguments.
        record: Where its cost is added.

    Returns:
        Empty when it succeeded, else the last line it said.

    Raises:
        KeyboardInterrupt: When it was stopped.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        command = [sys.executable, "-m", "scripts.measure", str(record), *words]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        with stop_requests(process.terminate):
            code = process.wait()
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    if code in STOPPED:
        raise KeyboardInterrupt
    if code == 0:
        return ""
    last = lines[-1].removeprefix("error: ") if lines else "it said nothing"
    return last if code == 2 else f"exit code {code}: {last}"


def read_cost(record: Path) -> Cost | None:
    """The cost of all starts together; None where one of them is not known.

    A start that was killed together with its measuring process left no numbers.
    """
    starts = _read(record)
    if not starts or None in starts:
        return None
    costs = [Cost(**start) for start in starts if start is not None]
    return Cost(
        cpu_seconds=sum(cost.cpu_seconds for cost in costs),
        wall_seconds=sum(cost.wall_seconds for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
    )


def measure(words: Sequence[str], record: Path) -> int:
    """Run ``python -m WORDS``, add its cost to ``record`` and return its exit code."""
    earlier = _read(record)
    write_json(record, [*earlier, None])  # stays when this process is killed, too
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", *words])
    with stop_requests(process.terminate):
        _, status, usage = os.wait4(process.pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    cost = Cost(
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 2),
        wall_seconds=round(time.monotonic() - started, 2),
        peak_bytes=usage.ru_maxrss * unit,
    )
    write_json(record, [*earlier, asdict(cost)])
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code == -9:
        print(f"python -m {words[0]} was killed; is there enough memory?", file=sys.stderr)
    return code if code >= 0 else 128 - code


def _read(record: Path) -> list[dict[str, Any] | None]:
    if not record.exists():
        return []
    starts = read_json(record)
    keys = {"cpu_seconds", "wall_seconds", "peak_bytes"}
    if not isinstance(starts, list) or any(start and set(start) != keys for start in starts):
        raise DataError(f"{record}: not a record of what a training took; remove it")
    return starts


if __name__ == "__main__":
    sys.exit(measure(sys.argv[2:], Path(sys.argv[1])))
