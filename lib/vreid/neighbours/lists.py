"""Candidate lists: what a scan over rough distances keeps, so that no true neighbour is lost.

A rough value v of a pair is off by at most e, so its true value lies in [v - e, v + e]. The upper
end of the k-th smallest rough value of a row is a limit that its k-th true neighbour cannot exceed,
and a pair whose lower end lies above the limit is none of the k nearest. The same holds for the
farthest image with all signs turned. Limits only tighten while the scan goes on, so what is
dropped stays dropped.

Rough values are read as the bit patterns of the product's own type, many at a time: the patterns of
positive numbers are ordered as the numbers are, and one comparison of the smallest of a chunk
settles almost all of them. A row whose list overflows is marked, to be searched again.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled, reordered
from vreid.neighbours.side import HIGHEST, Side

_CHUNK = 32  # rough values of a row that are settled by one comparison
_STRIP = 512  # columns whose lists stay in the cache together
_HALVINGS = 10  # of the range of a list, to find its k-th smallest value
_BAND = 16  # rough values of a column that are

_Tile = npt.NDArray[Any]  # (B, C) int16 or int32 patterns
_Floats = npt.NDArray[np.float32]


@compiled
def _number(pattern: int, shift: int) -> float:
    return np.float64(np.int32(np.int32(pattern) << np.int32(shift)).view(np.float32))


@compiled
def _set_reach(side: Side, row: int, reach: float) -> None:
    side.reach[row] = reach
    if np.isinf(reach):
        side.pattern[row] = HIGHEST if (reach > 0) == (side.sign > 0) else -HIGHEST - 1
        return
    number = np.float32(side.sign * reach + 0.0)  # never -0
    pattern = np.int32(number.view(np.int32) >> np.int32(side.shift))
    if side.sign > 0:
        # The patterns of negative numbers lie in the reverse order, all below those of others.
        side.pattern[row] = pattern + 1 if number >= 0 else -1
    else:
        side.pattern[row] = pattern - 1 if number > 0 else -HIGHEST - 1


@reordered
def _ends(values: npt.NDArray[Any]) -> tuple[Any, Any]:
    """The smallest and the largest."""
    low = values[0]
    high = values[0]
    for at in range(values.shape[0]):
        low = min(low, values[at])
        high = max(high, values[at])
    return low, high


@compiled
def limit_of(values: _Floats, k: int) -> np.float32:
    """One of the values that at least k of them do not exceed, and hardly more than k.

    Halving the range and counting takes a fraction of the time of selecting the k-th exactly: both
    are done with vector registers. A limit a little above the k-th keeps a few more candidates.
    """
    low, high = _ends(values)
    for _ in range(_HALVINGS):
        middle = np.float32(0.5 * (low + high))
        count = 0
        for at in range(values.shape[0]):
            count += values[at] <= middle
        if count < k:
            low = middle
        else:
            high = middle
            if 4 * count <= 5 * k:
                break
    return _largest_within(values, high)


@reordered
def _largest_within(values: _Floats, limit: np.float32) -> np.float32:
    largest = np.float32(-np.inf)
    for at in range(values.shape[0]):
        if values[at] <= limit:
            largest = max(largest, values[at])
    return largest


@compiled
def tighten(side: Side, row: int) -> None:
    """Lower the reach of a row by its k smallest values and drop what lies beyond."""
    first, used, k = side.indptr[row], side.used[row], side.k[row]
    if used < k or side.reach[row] == -np.inf:
        return
    kth = np.float64(limit_of(side.value[first : first + used], k))
    limit = kth + side.out_error * abs(kth) + side.error[row]
    reach = limit + side.error[row]
    reach += 1.02 * side.out_error * abs(reach)
    if reach < side.reach[row]:
        _set_reach(side, row, reach)
    idx, value, within = side.idx, side.value, side.reach[row]
    kept = first
    for place in range(first, first + used):  # without a branch: half of them would be guessed
        idx[kept] = idx[place]
        value[kept] = value[place]
        kept += value[place] <= within
    side.used[row] = kept - first


@compiled
def tighten_rows(side: Side, start: int, stop: int) -> None:
    """Tighten rows start..stop."""
    for row in range(start, stop):
        tighten(side, row)


@compiled
def put_best_first(
    side: Side, k: int, counts: npt.NDArray[np.int64], start: int, stop: int
) -> None:
    """Move the entries of each list that look like the k best to its front; counts[row] of them."""
    idx, value = side.idx, side.value
    for row in range(start, stop):
        first, used = side.indptr[row], side.used[row]
        if used <= k:
            counts[row] = used
            continue
        limit = limit_of(value[first : first + used], k)
        front = first
        for place in range(first, first + used):
            if value[place] <= limit:
                idx[place], idx[front] = idx[front], idx[place]
                value[place], value[front] = value[front], value[place]
                front += 1
        counts[row] = front - first


@compiled
def _make_room(side: Side, row: int) -> None:
    room = side.indptr[row + 1] - side.indptr[row]
    tighten(side, row)
    if side.used[row] > room - room // 16:  # it would be tightened again and again
        side.used[row] = 0
        _set_reach(side, row, -np.inf)


@compiled
def scan_rows(tile: _Tile, near: Side, far: Side, row0: int, col0: int) -> None:
    """Offer the columns of a tile to the lists of its rows.

    Args:
        tile: (B, C) patterns; its columns are candidates col0, col0 + 1, …
        near, far: Lists of all rows; row r of the tile has list row0 + r.
        row0, col0: Where the tile lies.
    """
    near_first, near_idx, near_value, near_used = near.indptr, near.idx, near.value, near.used
    near_reach, near_pattern = near.reach, near.pattern
    far_first, far_idx, far_value, far_used = far.indptr, far.idx, far.value, far.used
    far_reach, far_pattern = far.reach, far.pattern
    num_cols = tile.shape[1]
    for at in range(tile.shape[0]):
        row = row0 + at
        for first in range(0, num_cols, _CHUNK):
            last = min(first + _CHUNK, num_cols)
            low, high = _ends(tile[at, first:last])
            if low <= near_pattern[row]:
                for col in range(first, last):
                    if tile[at, col] <= near_pattern[row]:
                        value = _number(tile[at, col], near.shift)
                        if value <= near_reach[row]:
                            if near_used[row] == near_first[row + 1] - near_first[row]:
                                _make_room(near, row)
                            place = near_first[row] + near_used[row]
                            near_idx[place] = col0 + col
                            near_value[place] = value
                            near_used[row] += 1
            if high >= far_pattern[row]:
                for col in range(first, last):
                    if tile[at, col] >= far_pattern[row]:
                        value = -_number(tile[at, col], far.shift)
                        if value <= far_reach[row]:
                            if far_used[row] == far_first[row + 1] - far_first[row]:
                                _make_room(far, row)
                            place = far_first[row] + far_used[row]
                            far_idx[place] = col0 + col
                            far_value[place] = value
                            far_used[row] += 1


@compiled
def scan_cols(tile: _Tile, near: Side, far: Side, row0: int, col0: int) -> None:
    """Offer the rows of a tile to the lists of its columns: the other half of a symmetric matrix.

    Args:
        tile: (B, C) patterns; its rows are candidates row0, row0 + 1, …
        near, far: Lists of all rows; column c of the tile has list col0 + c.
        row0, col0: Where the tile lies.
    """
    near_first, near_idx, near_value, near_used = near.indptr, near.idx, near.value, near.used
    near_reach, near_pattern = near.reach, near.pattern
    far_first, far_idx, far_value, far_used = far.indptr, far.idx, far.value, far.used
    far_reach, far_pattern = far.reach, far.pattern
    num_rows, num_cols = tile.shape
    lows = np.empty(_STRIP, dtype=tile.dtype)
    highs = np.empty(_STRIP, dtype=tile.dtype)
    for first in range(0, num_cols, _STRIP):
        last = min(first + _STRIP, num_cols)
        for start in range(0, num_rows, _BAND):
            stop = min(start + _BAND, num_rows)
            for col in range(last - first):
                lows[col] = tile[start, first + col]
                highs[col] = tile[start, first + col]
            for at in range(start + 1, stop):
                _widen(tile[at, first:last], lows, highs)
            for col in range(first, last):
                row = col0 + col
                if lows[col - first] <= near_pattern[row]:
                    for at in range(start, stop):
                        if tile[at, col] <= near_pattern[row]:
                            value = _number(tile[at, col], near.shift)
                            if value <= near_reach[row]:
                                if near_used[row] == near_first[row + 1] - near_first[row]:
                                    _make_room(near, row)
                                place = near_first[row] + near_used[row]
                                near_idx[place] = row0 + at
                                near_value[place] = value
                                near_used[row] += 1
                if highs[col - first] >= far_pattern[row]:
                    for at in range(start, stop):
                        if tile[at, col] >= far_pattern[row]:
                            value = -_number(tile[at, col], far.shift)
                            if value <= far_reach[row]:
                                if far_used[row] == far_first[row + 1] - far_first[row]:
                                    _make_room(far, row)
                                place = far_first[row] + far_used[row]
                                far_idx[place] = row0 + at
                                far_value[place] = value
                                far_used[row] += 1


@reordered
def _widen(values: npt.NDArray[Any], lows: npt.NDArray[Any], highs: npt.NDArray[Any]) -> None:
    for col in range(values.shape[0]):
        lows[col] = min(lows[col], values[col])
        highs[col] = max(highs[col], values[col])
