"""Which images count as alike: each image's k-reciprocal neighbours and the sets that join them.

An image's set holds its k-reciprocal neighbours, extended by the sets, of half as many neighbours,
of those that share more than two thirds of theirs with it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vreid.compiled import compiled, over_rows
from vreid.features import IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide

# (rows (B,), indptr (B + 1,), cols (P,)) -> (P,) float64 distances
Pairs = Callable[[IntArray, IntArray, Index], Wide]


@dataclass(frozen=True)
class Alike:
    """The sets of N images: that of image i is ``indptr[i]:indptr[i + 1]``.

    Attributes:
        indptr: (N + 1,) int64.
        cols: (P,) int32 images, each once in a set, in any order.
        gaps: (P,) float64 their distances from the image.
    """

    indptr: IntArray
    cols: Index
    gaps: Wide


def find_alike(
    idx: Index,
    dist: Wide,
    pairs: Pairs,
    *,
    num_full: int,
    num_half: int,
    symmetric: bool = True,
) -> Alike:
    """The sets of N images.

    Args:
        idx: (N, K) nearest images, nearest first, K >= min(N, num_full).
        dist: (N, K) their distances.
        pairs: Gives the distances of pairs that are not in the lists.
        num_full: Places of a list among which neighbours must find each other, the image's own
            counted.
        num_half: The same for the sets that join.
        symmetric: Whether the distance of a pair may be taken from either image's list.
    """
    num_all = len(idx)
    lists = np.ascontiguousarray(idx[:, :num_full])
    back = np.empty(lists.shape, dtype=np.int32)
    over_rows(lambda start, stop: _find_back(lists, back, start, stop), num_all)
    indptr = count_rows(
        num_all,
        lambda counts, start, stop: _count_set(lists, back, num_half, counts, start, stop),
    )
    cols = np.empty(indptr[-1], dtype=np.int32)
    gaps = np.empty(indptr[-1], dtype=np.float64)
    over_rows(
        lambda start, stop: _fill_set(
            lists, back, num_half, dist, symmetric, indptr, cols, gaps, start, stop
        ),
        num_all,
    )
    _complete(indptr, cols, gaps, pairs)
    return Alike(indptr, cols, gaps)


def count_rows(num_rows: int, work: Callable[[IntArray, int, int], None]) -> IntArray:
    """Where each row begins, from a function that writes the entries of rows start..stop."""
    counts = np.zeros(num_rows + 1, dtype=np.int64)
    over_rows(lambda start, stop: work(counts[1:], start, stop), num_rows)
    return np.cumsum(counts)


def _complete(indptr: IntArray, cols: Index, gaps: Wide, pairs: Pairs) -> None:
    """Measure the pairs whose distance was in neither image's list."""
    missing = np.flatnonzero(np.isnan(gaps))
    if not len(missing):
        return
    row_of = np.searchsorted(indptr, missing, side="right") - 1
    rows, counts = np.unique(row_of, return_counts=True)
    gaps[missing] = pairs(rows, np.concatenate([[0], np.cumsum(counts)]), cols[missing])


@compiled
def _find_back(lists: Index, back: Index, start: int, stop: int) -> None:
    """Place of each image in the list of its neighbour; the length of a list when it is absent."""
    length = lists.shape[1]
    for row in range(start, stop):
        for place in range(length):
            other = lists[row, place]
            found = 0
            while found < length and lists[other, found] != row:
                found += 1
            back[row, place] = found


@compiled
def _collect(
    lists: Index, back: Index, num_half: int, row: int, marks: Index, members: Index
) -> tuple[int, int]:
    """Write the set of an image into `members`; returns its size and that of its first part.

    `marks` says which images are in: 2 row + 1 for k-reciprocal neighbours, 2 row + 2 for others.
    """
    length = lists.shape[1]
    size = 0
    for place in range(length):
        if back[row, place] < length:
            members[size] = lists[row, place]
            marks[members[size]] = 2 * row + 1
            size += 1
    first = size
    short = min(num_half, length)
    for at in range(first):
        other = members[at]
        total, common = 0, 0
        for place in range(short):
            if back[other, place] < short:
                total += 1
                if marks[lists[other, place]] == 2 * row + 1:
                    common += 1
        if 3 * common > 2 * total:  # in integers: 2/3 has no exact float
            for place in range(short):
                image = lists[other, place]
                if back[other, place] < short and marks[image] <= 2 * row:
                    marks[image] = 2 * row + 2
                    members[size] = image
                    size += 1
    return size, first


@compiled
def _count_set(
    lists: Index, back: Index, num_half: int, counts: IntArray, start: int, stop: int
) -> None:
    marks = np.full(lists.shape[0], -1, dtype=np.int32)
    members = np.empty(min(lists.shape[0], lists.shape[1] * (num_half + 1)), dtype=np.int32)
    for row in range(start, stop):
        counts[row] = _collect(lists, back, num_half, row, marks, members)[0]


@compiled
def _fill_set(
    lists: Index,
    back: Index,
    num_half: int,
    dist: Wide,
    symmetric: bool,
    indptr: IntArray,
    cols: Index,
    gaps: Wide,
    start: int,
    stop: int,
) -> None:
    length = lists.shape[1]
    marks = np.full(lists.shape[0], -1, dtype=np.int32)
    members = np.empty(min(lists.shape[0], length * (num_half + 1)), dtype=np.int32)
    for row in range(start, stop):
        size, _ = _collect(lists, back, num_half, row, marks, members)
        for at in range(size):
            other = members[at]
            gap = np.nan
            for place in range(length):
                if lists[row, place] == other:
                    gap = dist[row, place]
                    break
                if symmetric and lists[other, place] == row:
                    gap = dist[other, place]
                    break
            cols[indptr[row] + at] = other
            gaps[indptr[row] + at] = gap
