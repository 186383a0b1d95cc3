"""Rank lists: the nearest columns of each row of a distance matrix, ties in a defined order."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.features import IntArray


def nearest(dist: npt.NDArray[np.floating[Any]], k: int) -> IntArray:
    """The k nearest columns of each row, nearest first, equal distances by smaller column.

    The order is that of a stable sort of the whole row, at the price of a partial one.

    Args:
        dist: (B, N) distances without NaN.
        k: How many; all N when it is larger.

    Returns:
        (B, min(k, N)) int64 column indices, 0-based.
    """
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
