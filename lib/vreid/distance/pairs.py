"""Distances between the rows of two matrices, and the nearest rows without a matrix of them."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.features import FloatArray, IntArray

Metric = Literal["sqeuclidean", "euclidean", "cosine"]


def pairwise(
    a: FloatArray,
    b: FloatArray,
    *,
    metric: Metric = "sqeuclidean",
    out: FloatArray | None = None,
) -> FloatArray:
    """Distances between the rows of two matrices, by the fastest product of this machine.

    Args:
        a: (N, D) float32.
        b: (M, D) float32.
        metric: ``sqeuclidean`` = |x - y|², never below 0; ``euclidean`` its root; ``cosine`` =
            1 - x·y / (|x||y|), where a zero row has similarity 0 to everything.
        out: (N, M) float32 to write to, which may be mapped from a file; a new matrix by default.

    Returns:
        (N, M) float32.

    Raises:
        DataError: For matrices of different widths.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise DataError(f"cannot compare rows of shapes {a.shape} and {b.shape}")
    # Only here: it loads torch, which takes a second, and reading a matrix needs none.
    from vreid.blocks import fill_cosine, fill_squared

    if out is None:
        out = np.empty((len(a), len(b)), dtype=np.float32)
    if metric == "cosine":
        fill_cosine(a, b, out)
        return out
    fill_squared(a, b, out)
    if metric == "euclidean":
        np.sqrt(out, out=out)
    return out


def normalize(feats: FloatArray) -> FloatArray:
    """Scale the rows of (N, D) to length 1; zero rows stay zero."""
    norms = np.linalg.norm(feats, axis=1, keepdims=True)
    return np.asarray(feats / np.maximum(norms, 1e-12), dtype=np.float32)


def top_k(
    a: FloatArray, b: FloatArray, k: int, *, metric: Metric = "sqeuclidean"
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """The k nearest rows of b for each row of a, exact, without the (N, M) matrix.

    Args:
        a: (N, D) float32.
        b: (M, D) float32.
        k: How many; all M when it is larger.
        metric: See `pairwise`.

    Returns:
        (N, k) int64 rows of b, nearest first, equal distances by smaller row, and (N, k) float64
        distances.
    """
    # Only here, as in `pairwise`.
    from vreid.neighbours import nearest_neighbours

    if metric == "cosine":
        idx, dist = nearest_neighbours(*_unit_rows(a, b), k)
        return idx, dist / 2  # |x - y|² = 2 - 2 x·y for rows of length 1
    idx, dist = nearest_neighbours(a, b, k)
    return idx, np.sqrt(dist) if metric == "euclidean" else dist


def _unit_rows(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows of length 1; a zero row becomes one that is orthogonal to all of the other side."""
    sides = [normalize(a), normalize(b)]
    zero_masks = [np.asarray(np.all(side == 0, axis=1), dtype=np.bool_) for side in sides]
    if not any(mask.any() for mask in zero_masks):
        return sides[0], sides[1]
    for number, mask in enumerate(zero_masks):
        extra = np.zeros((len(sides[number]), 2), dtype=np.float32)
        extra[mask, number] = 1
        sides[number] = np.hstack([sides[number], extra])
    return sides[0], sides[1]
