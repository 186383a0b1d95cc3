"""The best few of each query, all that a submission needs, without the (Q, G) matrix.

A gallery image that shares no encoding with the query has Jaccard distance 1, so among those only
the nearest can be listed. The others are known from the inverted index; of these only the ones
whose Jaccard distance leaves them a chance are measured.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled, over_rows
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.rerank.encode import Encodings, Pairs
from vreid.rerank.jaccard import choose
from vreid.rerank.users import Users

_QUERIES = 256  # queries handled together


@dataclass(frozen=True)
class Best:
    """The k best gallery images of each query.

    Attributes:
        idx: (Q, k) int64 gallery numbers, nearest first, equal distances by smaller number.
        dist: (Q, k) float32 their re-ranked distances.
    """

    idx: IntArray
    dist: FloatArray


def find_best(
    encodings: Encodings,
    users: Users,
    nearest: Index,
    nearest_dist: Wide,
    largest: Wide,
    pairs: Pairs,
    *,
    num_query: int,
    k: int,
    lambda_: float,
) -> Best:
    """Re-rank and keep the k best.

    Args:
        encodings: Of all N images, queries first.
        users: The gallery's inverted index.
        nearest: (Q, k) the k nearest gallery images of each query, numbered 0..G-1.
        nearest_dist: (Q, k) their distances.
        largest: (Q,) what the distances of each query are divided by.
        pairs: Gives the distances of pairs of images 0..N-1.
        num_query: Q.
        k: How many, <= G.
        lambda_: See `k_reciprocal`.
    """
    num_gallery = len(encodings.indptr) - 1 - num_query
    idx = np.empty((num_query, k), dtype=np.int64)
    dist = np.empty((num_query, k), dtype=np.float32)
    for first in range(0, num_query, _QUERIES):
        queries = np.arange(first, min(first + _QUERIES, num_query))
        scale = lambda_ / largest[queries]
        near = (nearest[queries], nearest_dist[queries], scale)
        counts, cols, jaccard = _candidates(encodings, users, near, first, lambda_, num_gallery)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        total = (1 - lambda_) * jaccard  # a lower bound where the distance is not known yet
        if lambda_ > 0:
            _measure(queries, indptr, cols, total, near, pairs, num_query)
        _take_best(indptr, cols, total, idx[queries[0] : queries[-1] + 1], dist[queries[0] :])
    return Best(idx, dist)


def _measure(
    queries: IntArray,
    indptr: IntArray,
    cols: Index,
    total: Wide,
    near: tuple[Index, Wide, Wide],
    pairs: Pairs,
    num_query: int,
) -> None:
    """Add the distances to the totals that may be among the best; infinity to all others.

    The nearest images stand first in each row, with known distances. Then the images that share
    most with the query are measured, as many as are wanted; by their totals most others are out.
    """
    _, near_dist, scale = near
    known = np.zeros(len(total), dtype=np.bool_)
    _add_known(indptr, total, known, near_dist, scale)
    for most_shared in (True, False):
        places = np.flatnonzero(_picked(indptr, total, known, near_dist, scale, most_shared))
        bounds = np.searchsorted(places, indptr)
        exact = pairs(queries, bounds, cols[places] + np.int32(num_query))
        total[places] += np.repeat(scale, np.diff(bounds)) * exact
        known[places] = True
    total[~known] = np.inf


def _picked(
    indptr: IntArray,
    total: Wide,
    known: npt.NDArray[np.bool_],
    near_dist: Wide,
    scale: Wide,
    most_shared: bool,
) -> npt.NDArray[np.bool_]:
    mask = np.zeros(len(total), dtype=np.bool_)

    def work(start: int, stop: int) -> None:
        _pick(indptr, total, known, near_dist, scale, mask, most_shared, start, stop)

    over_rows(work, len(scale))
    return mask


def _take_best(indptr: IntArray, cols: Index, total: Wide, idx: IntArray, dist: FloatArray) -> None:
    over_rows(lambda start, stop: _best_rows(indptr, cols, total, idx, dist, start, stop), len(idx))


def _candidates(
    encodings: Encodings,
    users: Users,
    near: tuple[Index, Wide, Wide],
    first: int,
    lambda_: float,
    num_gallery: int,
) -> tuple[IntArray, Index, Wide]:
    """How many images each query may list, and all of these with their Jaccard distances."""
    counts = np.zeros(len(near[0]), dtype=np.int64)
    found: list[tuple[int, Index, Wide]] = []

    def work(start: int, stop: int) -> None:
        cols, jaccard = choose(
            encodings.indptr,
            encodings.cols,
            encodings.weights,
            users.indptr,
            users.images,
            users.weights,
            first,
            *near,
            lambda_,
            num_gallery,
            counts,
            start,
            stop,
        )
        found.append((start, cols, jaccard))

    over_rows(work, len(counts))
    found.sort(key=lambda part: part[0])
    cols = np.concatenate([part[1] for part in found])
    return counts, cols, np.concatenate([part[2] for part in found])


@compiled
def _add_known(
    indptr: IntArray,
    total: Wide,
    known: npt.NDArray[np.bool_],
    near_dist: Wide,
    scale: Wide,
) -> None:
    for row in range(indptr.shape[0] - 1):
        for place in range(near_dist.shape[1]):
            total[indptr[row] + place] += scale[row] * near_dist[row, place]
            known[indptr[row] + place] = True


@compiled
def _pick(
    indptr: IntArray,
    total: Wide,
    known: npt.NDArray[np.bool_],
    near_dist: Wide,
    scale: Wide,
    picked: npt.NDArray[np.bool_],
    most_shared: bool,
    start: int,
    stop: int,
) -> None:
    """Mark what is to be measured: totals that can still be among the k best.

    An image that is not in the list of the nearest is at least as far as the last one there.
    """
    k = near_dist.shape[1]
    for row in range(start, stop):
        span = slice(indptr[row], indptr[row + 1])
        have = total[span][known[span]]
        worst = np.partition(have, k - 1)[k - 1] + 1e-9
        least = scale[row] * near_dist[row, k - 1]
        if most_shared:
            open_totals = total[span][~known[span]]
            if open_totals.shape[0] > k:
                worst = min(worst, np.partition(open_totals, k - 1)[k - 1] + least)
        for at in range(indptr[row], indptr[row + 1]):
            picked[at] = not known[at] and total[at] + least <= worst


@compiled
def _best_rows(
    indptr: IntArray,
    cols: Index,
    total: Wide,
    idx: IntArray,
    dist: FloatArray,
    start: int,
    stop: int,
) -> None:
    """Insert each candidate into the row's k best, ordered by total and then by number."""
    k = idx.shape[1]
    values = np.empty(k, dtype=np.float64)
    for row in range(start, stop):
        filled = 0
        for at in range(indptr[row], indptr[row + 1]):
            value, col = total[at], cols[at]
            place = filled
            while place > 0 and (
                value < values[place - 1]
                or (value == values[place - 1] and col < idx[row, place - 1])
            ):
                place -= 1
            if place == k:
                continue
            for move in range(min(filled, k - 1), place, -1):
                values[move] = values[move - 1]
                idx[row, move] = idx[row, move - 1]
            values[place] = value
            idx[row, place] = col
            filled = min(filled + 1, k)
        for place in range(k):
            dist[row, place] = values[place]
