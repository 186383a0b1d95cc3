"""What a report page is made of: frozen values, checked when they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.bootstrap import Gain
from vreid.data.images import ImageArray
from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.protocol import Protocol
from vreid.report.gains import ChainGains

COLUMNS = ("mAP@100", "mAP", "rank-1", "rank-5", "rank-10")


@dataclass(frozen=True)
class ScoreRow:
    """One line of the score table.

    Attributes:
        label: What was scored, such as a member's name.
        group: The part of the table that the line stands in, such as ``"single member"``; parts
            come in the order in which they first occur.
        scores: Fractions in [0, 1] by column name; `COLUMNS` come first, others after them. A
            column that a line lacks is printed as a dash.
        note: A few words below the label.
    """

    label: str
    group: str
    scores: Mapping[str, float]
    note: str = ""

    def __post_init__(self) -> None:
        for column, value in self.scores.items():
            if not 0 <= value <= 1:  # NaN fails too
                raise DataError(
                    f"score line {self.label!r}: {column} is {value}; give fractions in [0, 1]"
                )


@dataclass(frozen=True)
class TrainingRun:
    """A run whose curves are drawn: its name and its ``metrics.jsonl``."""

    name: str
    metrics: Path


@dataclass(frozen=True)
class RankedLists:
    """What the pictures of the rank lists are drawn from.

    Attributes:
        dist: Distances, (Q, G) or square; smaller is nearer.
        images: The file of each query and gallery name that may be drawn.
        identities: (pid, camid) by name; a name that is not there is unknown.
        protocol: The rules by which the AP of a query is counted and junk is left out.
        num_queries: How many queries are drawn, spread from the best to the worst by AP.
        depth: How many gallery images are drawn for each.
    """

    dist: DistMat
    images: Mapping[str, Path]
    identities: Mapping[str, tuple[int, int]]
    protocol: Protocol
    num_queries: int = 9
    depth: int = 10

    def __post_init__(self) -> None:
        if min(self.num_queries, self.depth) < 1:
            raise DataError(
                f"ranked lists of {self.num_queries} queries and {self.depth} gallery images;"
                " give at least 1 of each"
            )


@dataclass(frozen=True)
class SliceRow:
    """One line of the table of slices.

    Attributes:
        trait: What the slice is cut by; empty for the line of all pairs.
        name: Which part it is.
        num_query, num_pairs: Queries with a match in the slice; pairs of a query and a match.
        scores: Fractions in [0, 1] by column name.
        interval: The table's first column with its interval.
    """

    trait: str
    name: str
    num_query: int
    num_pairs: int
    scores: Mapping[str, float]
    interval: Gain


@dataclass(frozen=True)
class SliceTable:
    """Scores of one result by slices.

    Attributes:
        source: What was scored.
        protocol: One line that says how the numbers were counted.
        columns: Names of the scores in order, the headline first.
        rows: The slices, all pairs first.
        notes: Where the traits are from, and which slices are left out, and why.
    """

    source: str
    protocol: str
    columns: tuple[str, ...]
    rows: tuple[SliceRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything on the page. Parts that are empty are left out.

    Attributes:
        title: Heading and window title.
        subtitle: The data set and its size. Without a date: the same inputs give the same bytes.
        protocol: One line that says how the numbers were counted; printed below each table.
        scores: Lines of the score table; those of one group are brought together.
        runs: Trainings, in the order of the page.
        cmc: Rank-k fractions by label; element k - 1 is rank-k, not falling, in [0, 1].
        ranked: Where the rank lists come from, or None.
        contact: A contact sheet of the data: a PNG or JPEG file to copy, or an array.
        gains: What each stage of the chain brings, or None.
        slices: Scores by slices of the queries and their matches, or None.
        facts: Provenance as (name, value): command, revision, versions, hashes.
        track2: Where the submission was written, or None.
    """

    title: str
    subtitle: str
    protocol: str
    scores: Sequence[ScoreRow] = ()
    runs: Sequence[TrainingRun] = ()
    cmc: Mapping[str, npt.NDArray[np.floating[Any]]] = field(default_factory=dict)
    ranked: RankedLists | None = None
    contact: Path | ImageArray | None = None
    gains: ChainGains | None = None
    slices: SliceTable | None = None
    facts: Sequence[tuple[str, str]] = ()
    track2: Path | None = None

    def __post_init__(self) -> None:
        for label, curve in self.cmc.items():
            if curve.ndim != 1 or not len(curve):
                raise DataError(
                    f"CMC curve {label!r} has shape {curve.shape}; expected (K,), one value a rank"
                )
            if not (curve.min() >= 0 and curve.max() <= 1 and (np.diff(curve) >= 0).all()):
                raise DataError(
                    f"CMC curve {label!r} runs from {curve[0]} to {curve[-1]}; expected fractions"
                    " in [0, 1] that never fall"
                )
