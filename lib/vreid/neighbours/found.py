"""From candidates to exact neighbours: every candidate is measured again, and ordered."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled, over_rows
from vreid.features import IntArray
from vreid.neighbours.lists import put_best_first, tighten_rows
from vreid.neighbours.sets import FeatureSets, Wide
from vreid.neighbours.side import Side

Index = npt.NDArray[np.int32]
_ROWS = 4096  # rows whose candidates are measured together


@dataclass(frozen=True)
class Neighbours:
    """The exact k nearest images of each of R rows, and how far the farthest is.

    Attributes:
        idx: (R, k) int32, nearest first, equal distances by smaller number.
        dist: (R, k) float64 their distances.
        largest: (R,) float64 the largest distance to any image.
        num_again: Rows whose lists overflowed and that were searched again.
    """

    idx: Index
    dist: Wide
    largest: Wide
    num_again: int = 0


def measure(
    feats: FeatureSets, rows: IntArray, near: Side, far: Side, k: int, *, offset: int
) -> Neighbours:
    """The k nearest among the candidates of some rows, which hold them for certain.

    About k that look nearest are measured first; the true distance of the k-th lies well below its
    bound, so that many other candidates need not be measured at all.

    Args:
        feats: The features.
        rows: (R,) image numbers of the lists' rows.
        near, far: Candidates, numbered from `offset`.
        k: How many; every list holds as many.
        offset: Image number of candidate 0.
    """
    num_rows = len(rows)
    idx = np.empty((num_rows, k), dtype=np.int32)
    dist = np.empty((num_rows, k), dtype=np.float64)
    farthest = np.empty((num_rows, 1), dtype=np.float64)
    unused = np.empty((num_rows, 1), dtype=np.int32)
    over_rows(lambda start, stop: tighten_rows(near, start, stop), num_rows)
    over_rows(lambda start, stop: tighten_rows(far, start, stop), num_rows)
    for start in range(0, num_rows, _ROWS):
        span = slice(start, min(start + _ROWS, num_rows))
        _measure_side(feats, rows[span], near.rows(span), idx[span], dist[span], offset)
        _measure_side(feats, rows[span], far.rows(span), unused[span], farthest[span], offset)
    return Neighbours(idx, dist, -farthest[:, 0])


def _measure_side(
    feats: FeatureSets, rows: IntArray, side: Side, idx: Index, dist: Wide, offset: int
) -> None:
    """Write the k best of each row, distances times the side's sign."""
    num_rows, k = dist.shape
    filled = np.zeros(num_rows, dtype=np.int64)
    dist.fill(np.inf)
    counts = np.empty(num_rows, dtype=np.int64)
    over_rows(lambda start, stop: put_best_first(side, k, counts, start, stop), num_rows)
    _insert(feats, rows, side, _Chosen(side.indptr[:-1], counts), idx, dist, filled, offset)
    begin, worst, left = side.indptr[:-1] + counts, dist[:, -1].copy(), np.empty_like(counts)
    over_rows(lambda start, stop: _keep_possible(side, worst, begin, left, start, stop), num_rows)
    _insert(feats, rows, side, _Chosen(begin, left), idx, dist, filled, offset)


class _Chosen(NamedTuple):
    """Consecutive places of each list: the first one, and how many."""

    begin: IntArray
    length: IntArray


def _insert(
    feats: FeatureSets,
    rows: IntArray,
    side: Side,
    chosen: _Chosen,
    idx: Index,
    dist: Wide,
    filled: IntArray,
    offset: int,
) -> None:
    indptr = np.concatenate([[0], np.cumsum(chosen.length)])
    cols = np.empty(indptr[-1], dtype=np.int32)
    _copy(side.idx, chosen.begin, indptr, cols)
    exact = feats.pairs(rows, indptr, cols + np.int32(offset))
    exact *= side.sign
    over_rows(
        lambda start, stop: _insert_rows(indptr, cols, exact, idx, dist, filled, start, stop),
        len(rows),
    )


@compiled
def _keep_possible(
    side: Side,
    worst: Wide,
    begin: IntArray,
    counts: IntArray,
    start: int,
    stop: int,
) -> None:
    """Drop entries from place `begin` of each list on that cannot be as near as `worst`."""
    idx, value = side.idx, side.value
    for row in range(start, stop):
        first = side.indptr[row]
        kept = begin[row]
        for place in range(begin[row], first + side.used[row]):
            number = np.float64(value[place])
            lower = number - side.error[row] - side.out_error * abs(number)
            if 2 * (lower + side.sign * side.origin) <= worst[row]:
                idx[kept] = idx[place]
                kept += 1
        counts[row] = kept - begin[row]


@compiled
def _copy(source: Index, begin: IntArray, indptr: IntArray, cols: Index) -> None:
    for row in range(begin.shape[0]):
        for place in range(indptr[row + 1] - indptr[row]):
            cols[indptr[row] + place] = source[begin[row] + place]


@compiled
def _insert_rows(
    indptr: IntArray,
    cols: Index,
    exact: Wide,
    idx: Index,
    dist: Wide,
    filled: IntArray,
    start: int,
    stop: int,
) -> None:
    """Insert each candidate into the row's k best, ordered by distance and then by number."""
    k = idx.shape[1]
    for row in range(start, stop):
        size = filled[row]
        for pair in range(indptr[row], indptr[row + 1]):
            col, value = cols[pair], exact[pair]
            place = size
            while place > 0 and (
                value < dist[row, place - 1]
                or (value == dist[row, place - 1] and col < idx[row, place - 1])
            ):
                place -= 1
            if place == k:
                continue
            for move in range(min(size, k - 1), place, -1):
                dist[row, move] = dist[row, move - 1]
                idx[row, move] = idx[row, move - 1]
            dist[row, place] = value
            idx[row, place] = col
            size = min(size + 1, k)
        filled[row] = size
