"""Read a run's ``metrics.jsonl``: one JSON object a line, written while training.

``{"kind": "train", "epoch": 1, "step": 10, "lr": 3e-4, "total": 2.3, "id": 1.9, "triplet": 0.4}``
and ``{"kind": "eval", "epoch": 1, "map": 0.3, "rank1": 0.4}``. Epochs count from 1, steps through
the whole training.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vreid.errors import DataError

Line = Mapping[str, float]


@dataclass(frozen=True)
class MetricsLog:
    """The numbers of a training, in the order of training.

    Attributes:
        train: Numbers of each training line, with ``epoch`` and ``step``.
        evals: Numbers of each validation, with ``epoch``.
        num_skipped: Lines that could not be read.
    """

    train: tuple[Line, ...]
    evals: tuple[Line, ...]
    num_skipped: int = 0

    def train_x(self) -> list[float]:
        """Position of each training line in epochs: the last line of epoch 3 is at 3.0.

        An epoch's last step is always logged, so the most steps per epoch are those of a whole
        one. Until the first epoch ends, its last line so far is taken for its end.
        """
        steps_per_epoch = max((line["step"] / line["epoch"] for line in self.train), default=1)
        return [line["step"] / steps_per_epoch for line in self.train]


def read_metrics_log(path: Path) -> MetricsLog:
    """Read the log of a run, also of one that was killed and taken up again.

    - A torn line, at the end or where a killed run was resumed, is skipped and counted.
    - A step or a validation that was logged twice, before and after a resume, counts once: the
      later line.
    - Lines of another ``kind`` are left alone.

    Raises:
        DataError: When the file is missing, or has lines and none of them can be read.
    """
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; train the run first") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); is it a file?") from None
    train: dict[float, Line] = {}
    evals: dict[float, Line] = {}
    lines = [line for line in text.splitlines() if line.strip()]
    num_skipped = 0
    for line in lines:
        entry = _parse(line)
        if entry is None:
            num_skipped += 1
            continue
        kind, numbers = entry
        if kind == "train":
            train[numbers["step"]] = numbers
        elif kind == "eval":
            evals[numbers["epoch"]] = numbers
    if lines and num_skipped == len(lines):
        raise DataError(
            f"{path}: none of its {len(lines)} lines is a metrics line; expected JSON objects with"
            ' "kind" and "epoch"'
        )
    return MetricsLog(
        train=tuple(train[key] for key in sorted(train)),
        evals=tuple(evals[key] for key in sorted(evals)),
        num_skipped=num_skipped,
    )


def _parse(line: str) -> tuple[str, Line] | None:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return None
    numbers = {
        key: float(number)
        for key, number in value.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }
    needed = ("epoch", "step") if value["kind"] == "train" else ("epoch",)
    valid = all(numbers.get(key, 0) >= 1 for key in needed)
    return (value["kind"], numbers) if valid else None


def columns(lines: Sequence[Line]) -> list[str]:
    """Names of the numbers in some lines, in order of appearance.

    >>> columns([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "id": 1.0, "loss": 1.5}])
    ['epoch', 'loss', 'id']
    """
    return list(dict.fromkeys(key for line in lines for key in line))
