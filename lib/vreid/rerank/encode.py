"""The encodings V of all images: which images count as alike, and how much.

V weighs each image of a set (see `alike`) by exp(-d) and is then averaged over the k2 nearest
images. A row has some dozens of entries out of N, so V is stored as compressed sparse rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled, over_rows
from vreid.features import IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.rerank.alike import Alike, Pairs, count_rows, find_alike

__all__ = ["Encodings", "Pairs", "average", "encode", "weigh"]


@dataclass(frozen=True)
class Encodings:
    """N sparse rows: the entries of row i are ``indptr[i]:indptr[i + 1]``.

    Attributes:
        indptr: (N + 1,) int64.
        cols: (P,) int32.
        weights: (P,) float32; they sum to 1 in each row that is not empty.
    """

    indptr: IntArray
    cols: Index
    weights: npt.NDArray[np.float32]


def encode(
    idx: Index,
    dist: Wide,
    largest: Wide,
    pairs: Pairs,
    *,
    k1: int,
    k2: int,
    symmetric: bool = True,
) -> Encodings:
    """V of N images.

    Args:
        idx: (N, K) nearest images, nearest first, K >= min(N, max(k1 + 1, k2)).
        dist: (N, K) their distances.
        largest: (N,) what the distances of each image are divided by.
        pairs: Gives the distances of pairs that are not in the lists.
        k1, k2: See `k_reciprocal`.
        symmetric: Whether the distance of a pair may be taken from either image's list.
    """
    half = round(k1 / 2)  # to even at .5, as NumPy's
    alike = find_alike(idx, dist, pairs, num_full=k1 + 1, num_half=half + 1, symmetric=symmetric)
    own = weigh(alike, largest)
    return own if k2 == 1 else average(np.ascontiguousarray(idx[:, :k2]), own)


def weigh(alike: Alike, largest: Wide) -> Encodings:
    """Weights exp(-d / largest) that sum to 1 in each row; overwrites the gaps."""
    weights = np.empty(len(alike.cols), dtype=np.float32)
    over_rows(
        lambda start, stop: _weigh(alike.indptr, alike.gaps, largest, weights, start, stop),
        len(alike.indptr) - 1,
    )
    return Encodings(alike.indptr, alike.cols, weights)


def average(nearest: Index, own: Encodings) -> Encodings:
    """The mean over the (N, k2) nearest images of each image; entries in any order."""
    num_all = len(nearest)
    indptr = count_rows(
        num_all,
        lambda counts, start, stop: _count_union(
            nearest, own.indptr, own.cols, counts, start, stop
        ),
    )
    cols = np.empty(indptr[-1], dtype=np.int32)
    weights = np.empty(indptr[-1], dtype=np.float32)
    over_rows(
        lambda start, stop: _fill_union(
            nearest, own.indptr, own.cols, own.weights, indptr, cols, weights, start, stop
        ),
        num_all,
    )
    return Encodings(indptr, cols, weights)


@compiled
def _weigh(
    indptr: IntArray,
    gaps: Wide,
    largest: Wide,
    weights: npt.NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    for row in range(start, stop):
        total = 0.0
        smallest = np.inf  # taken off all: the shares stay, and a very negative gap cannot overflow
        for at in range(indptr[row], indptr[row + 1]):
            smallest = min(smallest, gaps[at])
        for at in range(indptr[row], indptr[row + 1]):
            gaps[at] = np.exp((smallest - gaps[at]) / largest[row])
            total += gaps[at]
        for at in range(indptr[row], indptr[row + 1]):
            weights[at] = gaps[at] / total


@compiled
def _count_union(
    nearest: Index, indptr: IntArray, cols: Index, counts: IntArray, start: int, stop: int
) -> None:
    marks = np.full(nearest.shape[0], -1, dtype=np.int32)
    for row in range(start, stop):
        for place in range(nearest.shape[1]):
            other = nearest[row, place]
            for at in range(indptr[other], indptr[other + 1]):
                if marks[cols[at]] != row:
                    marks[cols[at]] = row
                    counts[row] += 1


@compiled
def _fill_union(
    nearest: Index,
    indptr: IntArray,
    cols: Index,
    weights: npt.NDArray[np.float32],
    out_indptr: IntArray,
    out_cols: Index,
    out_weights: npt.NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    places = np.full(nearest.shape[0], -1, dtype=np.int64)
    sums = np.empty(nearest.shape[0], dtype=np.float64)
    num_averaged = nearest.shape[1]
    for row in range(start, stop):
        first = out_indptr[row]
        end = first
        for place in range(num_averaged):
            other = nearest[row, place]
            for at in range(indptr[other], indptr[other + 1]):
                col = cols[at]
                if places[col] < first:
                    places[col] = end
                    out_cols[end] = col
                    sums[end - first] = weights[at]
                    end += 1
                else:
                    sums[places[col] - first] += weights[at]
        for at in range(first, end):
            out_weights[at] = sums[at - first] / num_averaged
