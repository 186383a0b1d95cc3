"""Ranks of the matches of a query, by counting what is nearer instead of sorting what is there.

The rank of a match is the number of gallery images before it: those at a smaller distance, and
those at the same distance with a smaller index. A row of distances is compared with each of its
few matches while it lies in the processor's cache, 16 columns an instruction, and nothing the size
of the matrix is written. For a row with very many matches each column is sorted into the gap
between two matches instead. The ranks are integers, so every way gives the same ones.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.compiled import available, compiled
from vreid.features import IntArray

DistArray = npt.NDArray[np.floating[Any]]

TILE = 8192  # columns; float32 ones fill half of a first-level cache
# Matches of a query from which the other way was measured to be faster: binning from 1,500 to 3,000
# by the width of the registers, sorting the row (without numba) from 250 to 1,100 by its length.
MANY = 2000
MANY_PLAIN = 500


def match_ranks(
    dist: DistArray, ends: IntArray, cols: IntArray, junk_mask: npt.NDArray[np.bool_]
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Ranks of the matches of some queries, junk left out.

    Args:
        dist: (B, G) float32 or float64 distances, rows contiguous in memory.
        ends: (B,) where the images of a query's vehicle end in ``cols``; they begin where those of
            the query before end.
        cols: (S,) gallery indices of these images, ascending within a query.
        junk_mask: (S,) which of them are junk.

    Returns:
        ranks: (S,) ranks from 0, ascending within a query; -1 fills the places of its junk, last.
        nan_mask: (B,) which rows hold NaN; their ranks mean nothing.
    """
    ranks = np.full(len(cols), -1, dtype=np.int64)
    nan_mask = np.zeros(len(dist), dtype=np.bool_)
    if available():
        fixed = dist.view(np.ndarray)  # one type for arrays and read-only maps: one compilation
        fixed.flags.writeable = False
        _count(fixed, ends, cols, junk_mask, MANY, ranks, nan_mask)
    else:
        _count_plain(dist, ends, cols, junk_mask, ranks, nan_mask)
    return ranks, nan_mask


@compiled
def _count(
    dist: DistArray,
    ends: IntArray,
    cols: IntArray,
    junk_mask: npt.NDArray[np.bool_],
    many: int,
    ranks: IntArray,
    nan_mask: npt.NDArray[np.bool_],
) -> None:
    start = 0
    for query in range(len(dist)):
        row = dist[query]  # (G,)
        own = cols[start : ends[query]]  # (s,)
        order = np.argsort(row[own], kind="mergesort")  # stable: ties stay by gallery index
        matches = own[order][~junk_mask[start : ends[query]][order]]  # (m,), nearest first
        before = ranks[start : start + len(matches)]
        before[:] = 0
        if len(matches) < many:
            nan_mask[query] = _compare(row, matches, before)
        else:
            nan_mask[query] = _bin(row, matches, before)
        num_junk = num_seen = 0
        for place in order:
            if junk_mask[start + place]:
                num_junk += 1
            else:
                before[num_seen] -= num_junk
                num_seen += 1
        start = ends[query]


@compiled
def _compare(row: DistArray, matches: IntArray, before: IntArray) -> bool:
    """Add to ``before`` how many columns come before each match; return whether one is NaN."""
    num_nan = 0
    for start in range(0, len(row), TILE):
        tile = row[start : start + TILE]
        num_nan += _num_nan(tile)
        for idx in range(len(matches)):
            col = matches[idx]
            split = min(max(col - start, 0), len(tile))  # ties count left of the match only
            before[idx] += _num_up_to(tile[:split], row[col]) + _num_below(tile[split:], row[col])
    return num_nan > 0


@compiled
def _bin(row: DistArray, matches: IntArray, before: IntArray) -> bool:
    """As `_compare`, by a binary search for each column over the matches, nearest first."""
    dists = row[matches]
    for col in range(len(row)):
        value = row[col]
        first, size = 0, len(matches)  # how many matches come before this column
        while size > 0:
            half = size // 2
            middle = first + half
            nearer = dists[middle] < value or (dists[middle] == value and matches[middle] < col)
            first = middle + 1 if nearer else first
            size = size - half - 1 if nearer else half
        if first < len(matches):
            before[first] += 1
    total = -1  # every match was counted as before itself
    for idx in range(len(before)):
        total += before[idx]
        before[idx] = total
    return _num_nan(row) > 0


# The counters are 32 bits wide like the distances, so that one register counts 16 columns.


@compiled
def _num_below(values: DistArray, limit: float) -> int:
    count = np.int32(0)
    for idx in range(len(values)):
        count = np.int32(count + np.int32(values[idx] < limit))
    return int(count)


@compiled
def _num_up_to(values: DistArray, limit: float) -> int:
    count = np.int32(0)
    for idx in range(len(values)):
        count = np.int32(count + np.int32(values[idx] <= limit))
    return int(count)


@compiled
def _num_nan(values: DistArray) -> int:
    count = np.int32(0)
    for idx in range(len(values)):
        count = np.int32(count + np.int32(values[idx] != values[idx]))
    return int(count)


def _count_plain(
    dist: DistArray,
    ends: IntArray,
    cols: IntArray,
    junk_mask: npt.NDArray[np.bool_],
    ranks: IntArray,
    nan_mask: npt.NDArray[np.bool_],
) -> None:
    """As `_count`, without numba."""
    start = 0
    for query, row in enumerate(dist):
        own, stop = cols[start : ends[query]], int(ends[query])
        order = np.argsort(row[own], kind="stable")
        junk = junk_mask[start:stop][order]
        matches = own[order][~junk]  # (m,), nearest first
        if len(matches) < MANY_PLAIN:
            for idx, col in enumerate(matches.tolist()):
                num_tied_left = np.count_nonzero(row[:col] <= row[col])
                ranks[start + idx] = num_tied_left + np.count_nonzero(row[col:] < row[col])
        else:
            places = np.empty(len(row), dtype=np.int64)
            places[np.argsort(row, kind="stable")] = np.arange(len(row))
            ranks[start : start + len(matches)] = places[matches]
        ranks[start : start + len(matches)] -= np.cumsum(junk)[~junk]
        nan_mask[query] = np.isnan(row).any()
        start = stop
