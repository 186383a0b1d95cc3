"""Scores by slices of the pairs of a query and its matches: what is hard, and for whom.

A slice keeps some of the matches, such as those seen from the opposite side or all of the small
queries; the other images of the query's vehicle are left out of its list, as junk is, and queries
without a match in the slice do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.bootstrap import Gain, paired_gain
from vreid.counting import DistArray, match_ranks
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.relevance import Relevance
from vreid.scores import FloatsArray, Scores, score_hits, summarize

BoolArray = npt.NDArray[np.bool_]
Named = tuple[str, BoolArray]  # a slice's name, (S,) the pairs in it

SAME_VIEW = 45.0  # degrees up to which two orientations are the same; from 180 less it, opposite
_ROWS = 64  # queries ranked at a time


@dataclass(frozen=True, eq=False)
class Traits:
    """What is known of N images beyond vehicle and camera.

    Attributes:
        angles: (N,) float64 degrees in [0, 360), NaN unknown.
        scenes: (N,) int64 number of the camera group, `UNKNOWN` where it is not known.
        nights: (N,) int64 1 at night, 0 by day, `UNKNOWN`.
        lookalikes: (N,) int64 1 where another vehicle has the same model and paint, 0, `UNKNOWN`.
        areas: (N,) int64 pixels of the image, `UNKNOWN`; needed of queries only.
    """

    angles: FloatsArray
    scenes: IntArray
    nights: IntArray
    lookalikes: IntArray
    areas: IntArray

    def __post_init__(self) -> None:
        shapes = {name: column.shape for name, column in vars(self).items()}
        if len(set(shapes.values())) > 1:
            raise DataError(f"traits of images have unlike shapes: {shapes}")

    @classmethod
    def unknown(cls, count: int) -> "Traits":
        """Of ``count`` images of which nothing is known; put in what is with `replace`."""
        column = np.full(count, UNKNOWN, dtype=np.int64)
        return cls(np.full(count, np.nan), column, column, column, column)

    def take(self, rows: npt.NDArray[np.intp]) -> "Traits":
        """Some of the images, in any order."""
        return Traits(**{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True)
class Slice:
    """One slice and its scores.

    Attributes:
        trait: What it is cut by.
        name: Which part it is.
        scores: Of the queries with a match in the slice.
        num_pairs: Pairs of a query and a match in it.
        interval: The headline with its 95 % interval over queries.
    """

    trait: str
    name: str
    scores: Scores
    num_pairs: int
    interval: Gain


def score_slices(
    dist: DistArray, relevance: Relevance, *, query: Traits, gallery: Traits, draws: int, seed: int
) -> list[Slice]:
    """Score every slice that has a match in it, all pairs first.

    Args:
        dist: (Q, G) distances, smaller is nearer.
        relevance: Identities and cameras of both under the rules.
        query: Of the Q queries.
        gallery: Of the G gallery images.
        draws, seed: Of the intervals, see `vreid.bootstrap`.

    Raises:
        DataError: When no query has a match at all, and for traits of other numbers of images.
    """
    if dist.shape != (len(query.angles), len(gallery.angles)):
        counts = f"{len(query.angles)} queries and {len(gallery.angles)} gallery images"
        raise DataError(f"distances have shape {dist.shape} for the traits of {counts}")
    cols, rows, junk_mask = relevance.same_vehicle(slice(0, len(dist)))
    pairs = query.take(rows), gallery.take(cols)
    found = []
    for trait, name, kept in _cut(query, *pairs):
        out_mask = junk_mask | ~kept
        if out_mask.all() and trait:
            continue
        scores = _score(dist, relevance, cols, rows, out_mask)
        interval = paired_gain(scores.ap, scores.ap * 0, draws=draws, seed=seed)
        found.append(Slice(trait, name, scores, int(np.count_nonzero(~out_mask)), interval))
    return found


def _cut(query: Traits, ours: Traits, theirs: Traits) -> Iterator[tuple[str, str, BoolArray]]:
    """(trait, name, (S,) pairs) of every slice; ``ours`` and ``theirs`` are of the pairs."""
    yield "", "all", np.ones(len(ours.angles), dtype=np.bool_)
    for trait, parts in {
        "orientation": _by_angle(ours.angles, theirs.angles),
        "scene": _by_scene(ours.scenes, theirs.scenes),
        "light": _by_light(ours.nights, theirs.nights),
        "resolution of the query": _by_area(query.areas, ours.areas),
        "look-alikes": [
            ("vehicle with a look-alike", ours.lookalikes == 1),
            ("vehicle without", ours.lookalikes == 0),
        ],
    }.items():
        for name, kept in parts:
            yield trait, name, kept


def _by_angle(ours: FloatsArray, theirs: FloatsArray) -> list[Named]:
    apart = np.abs((ours - theirs + 180) % 360 - 180)  # degrees in [0, 180], NaN unknown
    return [
        (f"same (to {SAME_VIEW:.0f}°)", apart <= SAME_VIEW),
        ("across", (apart > SAME_VIEW) & (apart < 180 - SAME_VIEW)),
        (f"opposite (from {180 - SAME_VIEW:.0f}°)", apart >= 180 - SAME_VIEW),
    ]


def _by_scene(ours: IntArray, theirs: IntArray) -> list[Named]:
    known = (ours != UNKNOWN) & (theirs != UNKNOWN)
    return [("same scene", known & (ours == theirs)), ("across scenes", known & (ours != theirs))]


def _by_light(ours: IntArray, theirs: IntArray) -> list[Named]:
    return [
        ("both by day", (ours == 0) & (theirs == 0)),
        ("one at night", (ours + theirs == 1) & (ours >= 0) & (theirs >= 0)),
        ("both at night", (ours == 1) & (theirs == 1)),
    ]


def _by_area(areas: IntArray, ours: IntArray) -> list[Named]:
    """Thirds of the queries by their areas; equal areas stay together."""
    known = areas[areas != UNKNOWN]
    if not len(known) or known.min() == known.max():
        return []
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    return [
        (f"small (to {low:.0f} px)", (ours != UNKNOWN) & (ours <= low)),
        ("medium", (ours > low) & (ours <= high)),
        (f"large (above {high:.0f} px)", ours > high),
    ]


def _score(
    dist: DistArray, relevance: Relevance, cols: IntArray, rows: IntArray, out_mask: BoolArray
) -> Scores:
    """Scores when the pairs of ``out_mask`` are left out of the lists."""
    num_query = len(dist)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=num_query))])
    columns = np.full((num_query, 4), np.nan)
    for low in range(0, num_query, _ROWS):
        high = min(low + _ROWS, num_query)
        part = slice(starts[low], starts[high])
        block: DistArray = np.ascontiguousarray(dist[low:high])
        ends = starts[low + 1 : high + 1] - starts[low]
        ranks, _ = match_ranks(block, ends, cols[part], out_mask[part])
        relevant = np.bincount(rows[part][~out_mask[part]] - low, minlength=high - low)
        hit = ranks >= 0
        columns[low:high] = score_hits(
            ranks[hit], rows[part][hit] - low, relevant, relevance.protocol
        )
    return summarize(columns, relevance.protocol, num_gallery=dist.shape[1])
