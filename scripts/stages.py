"""Stages: commands that are run again only when their inputs, or the command itself, changed."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.measure import Cost, read_cost
from vreid.errors import UserError
from vreid.files import hash_file, hash_text, write_text


class StageError(UserError):
    """A stage failed; it has printed why."""


@dataclass(frozen=True)
class Stage:
    """One verb of a room.

    Attributes:
        words: Module and arguments, as after ``python -m``.
        inputs: Files it reads.
        output: File it writes.
    """

    words: tuple[str, ...]
    inputs: tuple[Path, ...]
    output: Path


def stage(module: str, *words: object, inputs: Sequence[Path], output: Path) -> Stage:
    """A stage from words of any kind; the output is passed as ``--out``."""
    texts = (module, *(str(word) for word in words), "--out", str(output))
    return Stage(texts, tuple(inputs), output)


def run_stages(stages: Sequence[Stage], *, measured: bool = False) -> None:
    """Run the stages in order, leaving out those that are up to date.

    Args:
        stages: What is run.
        measured: Whether the cost of each is written down, for `stage_cost`. A stage without a
            record is run again.

    Raises:
        StageError: When one fails.
    """
    hashes: dict[Path, str] = {}
    for number, one in enumerate(stages, start=1):
        stamp, record = one.output.with_name(f".{one.output.name}.stage"), _record(one)
        state = _state(one, hashes)
        title = f"[{number}/{len(stages)}] {one.words[0]}"
        there = one.output.exists() and stamp.exists() and (record.exists() or not measured)
        if there and stamp.read_text() == state:
            print(f"{title}: {one.output} is up to date", flush=True)
            continue
        print(f"{title}: ", end="", flush=True)  # the verb goes on with what it wrote
        for path in (stamp, record):
            path.unlink(missing_ok=True)
        run_verb(["scripts.measure", str(record), *one.words] if measured else one.words)
        hashes.pop(one.output, None)
        write_text(stamp, state)


def stage_cost(one: Stage) -> Cost | None:
    """What a stage took when it was last run; None when that was not measured."""
    return read_cost(_record(one))


def run_verb(words: Sequence[str]) -> None:
    """Run ``python -m WORDS`` and wait.

    Raises:
        StageError: When it fails.
    """
    code = subprocess.run([sys.executable, "-m", *words], check=False).returncode
    if code < 0 or code == 130:
        raise KeyboardInterrupt
    if code:
        raise StageError(f"python -m {' '.join(words)} failed with exit code {code}")


def _record(one: Stage) -> Path:
    return one.output.with_name(f".{one.output.name}.cost.json")


def _state(one: Stage, hashes: dict[Path, str]) -> str:
    for path in one.inputs:
        if path not in hashes and path.exists():
            hashes[path] = hash_file(path)
    found = " ".join(hashes.get(path, "missing") for path in one.inputs)
    return hash_text(f"{' '.join(one.words)}\n{found}")
