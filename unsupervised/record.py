"""What an adapted run was made from: ``clusters.csv`` and ``clusters.json`` in its folder.

The table has a line ``name,label`` for each image of the target, -1 for those left out; the other
file says from which weights and with which options. A run that goes on uses the table as it is.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.files import read_json, write_json, write_text


def is_recorded(run_dir: Path, inputs: Mapping[str, Any]) -> bool:
    """Whether the labels of this run are there and were made from the same inputs.

    Raises:
        ConfigError: When they were made from others, and were trained on.
    """
    if not (run_dir / "clusters.json").exists() or not (run_dir / "clusters.csv").exists():
        return False
    old = read_json(run_dir / "clusters.json")
    differences = [
        f"{key}: {old.get(key)} -> {value}"
        for key, value in inputs.items()
        if old.get(key) != value
    ]
    if differences and (run_dir / "last.pt").exists():
        raise ConfigError(
            f"{run_dir} holds a run adapted otherwise ({'; '.join(differences)}); remove that"
            " folder, or choose another name with adapt.suffix"
        )
    return not differences


def write_labels(
    run_dir: Path, names: Sequence[str], labels: IntArray, inputs: Mapping[str, Any]
) -> None:
    """Write both files, the table first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "label"])
    table.writerows(zip(names, labels.tolist(), strict=True))
    write_text(run_dir / "clusters.csv", text.getvalue())
    write_json(run_dir / "clusters.json", dict(inputs))


def read_labels(run_dir: Path, names: Sequence[str]) -> IntArray:
    """(N,) labels of the images of these names.

    Raises:
        DataError: When the table lists other images.
    """
    path = run_dir / "clusters.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    if [row[0] for row in rows] != list(names):
        raise DataError(
            f"{path}: lists {len(rows)} images that are not the target's {len(names)}; the data set"
            f" has changed: remove {run_dir} and adapt again"
        )
    return np.array([int(row[1]) for row in rows], dtype=np.int64)
