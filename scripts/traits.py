"""What is known of a recipe's images beyond vehicle and camera, for `scripts.slices`.

Facts lie in ``facts.csv`` beside the truth: ``name`` and any of the columns ``orientation``
(degrees in [0, 360)), ``scene`` (a camera group, any text), ``night`` and ``lookalike`` (0 or 1);
an empty cell is unknown. `synthetic_aug.facts` writes the file for a rendered city.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scripts.plan import Plan
from vreid.build_data import build_split
from vreid.data.images import read_image
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.options.chain_distances import Constrain
from vreid.predictions import Predictions
from vreid.scores import FloatsArray
from vreid.slices import Traits
from vreid.tables import read_columns, read_text

FACTS = "facts.csv"
COLUMNS = ("orientation", "scene", "night", "lookalike")


@dataclass(frozen=True)
class Known:
    """Traits of queries and gallery, and where they are from or why they are missing."""

    query: Traits
    gallery: Traits
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """The table of facts: by column, the texts of names that are not empty.

    Attributes:
        path: The file, whether it is there or not.
        columns: Those that it has.
    """

    path: Path
    columns: dict[str, dict[str, str]]

    @classmethod
    def read(cls, path: Path) -> "Facts":
        """Read the table; one that is not there has no columns.

        Raises:
            DataError: When it is no such table.
        """
        if not path.exists():
            return cls(path, {})
        header = [name.strip() for name in read_text(path).partition("\n")[0].split(",")]
        found = {}
        for column in (name for name in COLUMNS if name in header):
            rows = read_columns(path, ["name", column])
            found[column] = {name: text for name, text in rows if text}
        return cls(path, found)

    def numbers(self, column: str, samples: Sequence[Sample], *, below: float) -> FloatsArray:
        """(N,) float64 of a column's numbers in [0, below); NaN where unknown.

        Raises:
            DataError: For a text that is no such number.
        """
        texts = self.columns[column]
        values = np.full(len(samples), np.nan)
        for idx, sample in enumerate(samples):
            text = texts.get(sample.name)
            if text is None:
                continue
            try:
                values[idx] = float(text)
            except ValueError:
                values[idx] = -1
            if not 0 <= values[idx] < below:
                raise DataError(
                    f"{self.path}: {column} of {sample.name} is {text!r}; expected a number from 0"
                    f" to below {below:g}"
                )
        return values


def read_traits(plan: Plan, query: Sequence[str], gallery: Sequence[str]) -> Known:
    """Everything that is known of some of the recipe's queries and gallery images, by their names.

    Orientations are those of the facts, else of the data set, else predicted ones; scenes those of
    the facts, else the camera groups of the recipe's ``constrain``.

    Raises:
        DataError: For a name that the data set does not have, when a file is not what it should be,
            and when an image cannot be read.
    """
    samples = _find(plan, [*query, *gallery])
    facts = Facts.read(Path(plan.config.test.truth or plan.config.data.root) / FACTS)
    angles, angle_note = _angles(plan, samples, facts)
    scenes, scene_note = _scenes(plan, samples, facts)
    nights, night_note = _flags("night", samples, facts)
    twins, twin_note = _flags("lookalike", samples, facts)
    areas = np.full(len(samples), UNKNOWN, dtype=np.int64)
    areas[: len(query)] = _areas(samples[: len(query)])
    traits = Traits(angles, scenes, nights, twins, areas)
    notes = [angle_note, scene_note, night_note, twin_note]
    if len(set(areas[: len(query)].tolist())) < 2:
        notes.append("resolution left out: all queries are of one size.")
    first, second = np.split(np.arange(len(samples)), [len(query)])
    return Known(traits.take(first), traits.take(second), tuple(notes))


def _find(plan: Plan, names: Sequence[str]) -> list[Sample]:
    split = build_split(plan.config.data)
    known = {sample.name: sample for sample in (*split.query, *split.gallery)}
    for name in names:
        if name not in known:
            raise DataError(
                f"{name} is not in the data set of {plan.recipe}; score a distance of its own"
                " queries and gallery"
            )
    return [known[name] for name in names]


def _angles(plan: Plan, samples: Sequence[Sample], facts: Facts) -> tuple[FloatsArray, str]:
    if "orientation" in facts.columns:
        values = facts.numbers("orientation", samples, below=360)
        return values, f"orientation: from {facts.path}."
    values = np.array([sample.angle for sample in samples], dtype=np.float64)
    if not np.isnan(values).all():
        return values, "orientation: from the data set."
    run = plan.run("orientation")
    files = [run / "features" / f"{part}.labels.npz" for part in ("query", "gallery")]
    missing = [path for path in files if not path.exists()]
    if missing:
        return values, (
            f"orientation left out: {_lacks(facts, 'orientation')}, the data set has none, and"
            f" there is no {missing[0]}; predict them with python -m orientation.predict {run}"
            f" --data {plan.recipe}."
        )
    predicted: dict[str, float] = {}
    for path in files:
        labels = Predictions.load(path)
        predicted |= dict(zip(labels.names, labels.predicted.tolist(), strict=True))
    values = np.array([predicted.get(sample.name, np.nan) for sample in samples])
    return values, f"orientation: predicted by {run}, not the truth."


def _scenes(plan: Plan, samples: Sequence[Sample], facts: Facts) -> tuple[IntArray, str]:
    if "scene" in facts.columns:
        texts = facts.columns["scene"]
        numbers = {text: idx for idx, text in enumerate(sorted(set(texts.values())))}
        found = [numbers[texts[one.name]] if one.name in texts else UNKNOWN for one in samples]
        return np.array(found, dtype=np.int64), f"scene: from {facts.path}."
    groups = [one.groups for one in plan.config.chain if isinstance(one, Constrain) and one.groups]
    if not groups:
        unknown = np.full(len(samples), UNKNOWN, dtype=np.int64)
        return unknown, (
            f"scene left out: {_lacks(facts, 'scene')}, and the recipe's chain names no groups of"
            " cameras."
        )
    camids = np.array([sample.camid for sample in samples], dtype=np.int64)
    scenes = np.full(len(samples), UNKNOWN, dtype=np.int64)
    for number, (low, high) in enumerate(groups[0]):
        scenes[(camids >= low) & (camids <= high)] = number
    return scenes, "scene: the groups of cameras of the recipe's constrain."


def _flags(column: str, samples: Sequence[Sample], facts: Facts) -> tuple[IntArray, str]:
    if column not in facts.columns:
        unknown = np.full(len(samples), UNKNOWN, dtype=np.int64)
        return unknown, f"{column} left out: {_lacks(facts, column)}."
    values = facts.numbers(column, samples, below=2)
    flags = np.where(np.isnan(values), UNKNOWN, values).astype(np.int64)
    note = f"{column}: from {facts.path}."
    if column == "night" and not (flags == 1).any():
        note = f"night left out: by {facts.path} no image was taken at night."
        flags[:] = UNKNOWN
    return flags, note


def _lacks(facts: Facts, column: str) -> str:
    return f"{facts.path} has no column {column}" if facts.columns else f"there is no {facts.path}"


def _areas(samples: Sequence[Sample]) -> list[int]:
    found = []
    for sample in tqdm(samples, desc="areas", disable=None, leave=False):
        height, width = read_image(sample.path).shape[:2]
        found.append(height * width)
    return found
