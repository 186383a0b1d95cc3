"""Which class of a classifier is which camera or angle: ``classes.json`` of its run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vreid.distributed import is_main
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.files import read_json, write_json
from vreid.options import Config
from vreid.runs import open_run

FILE = "classes.json"


@dataclass(frozen=True)
class ClassValues:
    """What the classes of a model mean.

    Attributes:
        label: What is told apart, such as ``camera``.
        values: Of class c the value ``values[c]``: a camera number, or a bin of angles.
        facts: Further numbers that the values need, such as ``{"bins": 36}``.
    """

    label: str
    values: tuple[int, ...]
    facts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_labels(
        cls, label: str, labels: IntArray, facts: Mapping[str, int] | None = None
    ) -> "ClassValues":
        """The classes that `vreid.engine.fit` makes of training labels: the sorted values."""
        return cls(label, tuple(np.unique(labels).tolist()), dict(facts or {}))

    def array(self) -> IntArray:
        """(C,) the values."""
        return np.array(self.values, dtype=np.int64)

    def keep(self, run_dir: Path, config: Config, *, more: bool = False) -> None:
        """Write them into a run that is to be trained, or see that its training has the same.

        Call it before `vreid.engine.fit`, with the same arguments.

        Raises:
            DataError: When the run was begun with other classes, as when its data set has changed.
            ConfigError: When the run has other options.
        """
        if not is_main():
            return
        open_run(run_dir, config, more=more)  # a run that `fit` would refuse stays as it is
        path = run_dir / FILE
        if path.exists() and (run_dir / "last.pt").exists():
            old = load_class_values(run_dir, self.label)
            if old != self:
                raise DataError(
                    f"{run_dir} holds a training on {old.describe()}, the data set has"
                    f" {self.describe()} now; remove that folder or choose another with output DIR"
                )
            return
        write_json(path, {"label": self.label, "classes": self.values, "facts": self.facts})

    def describe(self) -> str:
        """The classes in a few words."""
        facts = "".join(f", {key} {value}" for key, value in self.facts.items())
        shown = " ".join(map(str, self.values[:12])) + (" …" if len(self.values) > 12 else "")
        return f"{len(self.values)} {self.label} classes ({shown}{facts})"


def load_class_values(run_dir: Path, label: str) -> ClassValues:
    """Read them.

    Args:
        run_dir: Folder of the run.
        label: What the model has to tell apart.

    Raises:
        DataError: When the run has none, or tells something else apart.
    """
    path = run_dir / FILE
    if not path.exists():
        raise DataError(
            f"{run_dir}: holds no {FILE}, which says what the classes are; run python -m"
            f" {label}.train with its recipe again, which adds it and keeps a finished training"
        )
    found = read_json(path)
    try:
        values = tuple(int(one) for one in found["classes"])
        facts = {str(key): int(value) for key, value in found["facts"].items()}
        result = ClassValues(str(found["label"]), values, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not a list of classes ({error}); train the run again") from None
    if result.label != label:
        raise DataError(f"{run_dir}: tells {result.label} classes apart; expected {label}")
    return result
