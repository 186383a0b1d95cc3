"""Rank lists: the nearest columns of each row of a distance matrix, ties in a defined order."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.compiled import available, compiled, over_rows, reordered
from vreid.features import IntArray

_CHUNK = 64  # distances that are settled by one comparison
_INSERTED = 512  # longer lists are sorted, not kept in order by insertion
_BLOCK_VALUES = 1 << 22  # distances whose order is sought at once without compiled loops


def nearest(dist: npt.NDArray[np.floating[Any]], k: int) -> IntArray:
    """The k nearest columns of each row, nearest first, equal distances by smaller column.

    The order is that of a stable sort of the whole row, at the price of a partial one.

    Args:
        dist: (B, N) distances without NaN; may be mapped from a file.
        k: How many; all N when it is larger.

    Returns:
        (B, min(k, N)) int64 column indices, 0-based.
    """
    num_rows, num_cols = dist.shape
    k = min(k, num_cols)
    idx = np.empty((num_rows, k), dtype=np.int64)
    step = max(1, _BLOCK_VALUES // max(1, num_cols))
    if k <= _INSERTED and available():
        for start in range(0, num_rows, step):
            _insert(np.ascontiguousarray(dist[start : start + step]), idx[start : start + step])
        return idx
    for start in range(0, num_rows, step):
        idx[start : start + step] = _partly_sorted(np.asarray(dist[start : start + step]), k)
    return idx


def _partly_sorted(dist: npt.NDArray[np.floating[Any]], k: int) -> IntArray:
    if k >= dist.shape[1]:
        return np.argsort(dist, axis=1, kind="stable")
    cols = np.argpartition(dist, k - 1, axis=1)[:, :k]  # (B, k), a set without order
    cols.sort(axis=1)  # by column, so that the stable sort below breaks ties by column
    values = np.take_along_axis(dist, cols, axis=1)
    order = np.argsort(values, axis=1, kind="stable")
    cols = np.take_along_axis(cols, order, axis=1)
    # Where the k-th distance occurs again outside the set, the set itself was arbitrary.
    num_within = np.count_nonzero(dist <= values.max(axis=1, keepdims=True), axis=1)
    tied = np.flatnonzero(num_within > k)
    if len(tied):
        cols[tied] = np.argsort(dist[tied], axis=1, kind="stable")[:, :k]
    return cols


def _insert(dist: npt.NDArray[np.floating[Any]], idx: IntArray) -> None:
    if idx.size:
        over_rows(lambda start, stop: _insert_rows(dist, idx, start, stop), len(dist))


@reordered
def _least(values: npt.NDArray[np.floating[Any]]) -> Any:
    low = values[0]
    for at in range(values.shape[0]):
        low = min(low, values[at])
    return low


@compiled
def _insert_rows(dist: npt.NDArray[np.floating[Any]], idx: IntArray, start: int, stop: int) -> None:
    """Insert in the order of columns, so that of equal distances the first columns stay."""
    num_cols, k = dist.shape[1], idx.shape[1]
    values = np.empty(k, dtype=dist.dtype)
    for row in range(start, stop):
        filled = 0
        for first in range(0, num_cols, _CHUNK):
            last = min(first + _CHUNK, num_cols)
            if filled == k and _least(dist[row, first:last]) >= values[k - 1]:
                continue
            for col in range(first, last):
                value = dist[row, col]
                if filled == k and value >= values[k - 1]:
                    continue
                place = min(filled, k - 1)
                while place > 0 and value < values[place - 1]:
                    values[place] = values[place - 1]
                    idx[row, place] = idx[row, place - 1]
                    place -= 1
                values[place] = value
                idx[row, place] = col
                filled = min(filled + 1, k)
