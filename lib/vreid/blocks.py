"""Whole matrices of float32 distances, block by block, by the fastest product of this machine.

Features are centred first: squared distances do not change, and the rounding of a common part,
which in real features is most of their length, does not get in.
"""

import numpy as np
import torch
from torch import Tensor

from vreid import product
from vreid.features import FloatArray

_COLS = 2048  # rows of the right side that are prepared at once
_ROWS = 1280
_ALIGNED = 16  # columns are filled up to a multiple of it
_SAMPLE = 4096  # rows a centre is estimated from; any centre is correct
_SPREAD = 128  # rows its grid is


def block_bytes(width: int) -> int:
    """Memory that filling a matrix takes beyond the matrix, for features of so many columns."""
    return 4 * ((_COLS + _ROWS) * padded(width) + 2 * _COLS * _ROWS)


def centre_of(left: FloatArray, right: FloatArray) -> FloatArray:
    """(D,) about the mean of both, on a grid as coarse as the features spread.

    On a grid, so that subtracting it rounds little, and nothing where features are whole numbers.
    """
    step = max(1, (len(left) + len(right)) // _SAMPLE)
    sampled = np.concatenate([left[::step], right[::step]])
    mean = sampled.mean(axis=0, dtype=np.float64)
    some = sampled[:: max(1, len(sampled) // _SPREAD)]
    spread = float(np.std(some - mean)) if some.size else 0.0
    if np.isfinite(spread) and spread > 0:
        grid = 2.0 ** np.floor(np.log2(spread))
        mean = np.round(mean / grid) * grid
    return np.asarray(mean, dtype=np.float32)


def fill_squared(
    left: FloatArray,
    right: FloatArray,
    out: FloatArray,
    *,
    weight: float = 1.0,
    add: bool = False,
) -> None:
    """Write weight * |x - y|² of all rows x, y into `out`, never below 0 for a weight above.

    One product does it all: [-2 x | |x|² | 1] with [y | 1 | |y|²].

    Args:
        left: (N, D).
        right: (M, D).
        out: (N, M), overwritten.
        weight: What distances are multiplied by.
        add: Whether to add to what `out` holds.
    """
    centre = torch.from_numpy(centre_of(left, right))
    for first in range(0, len(right), _COLS):
        cols, cols_sq = _centred(right[first : first + _COLS], centre)
        cols[:, -2], cols[:, -1] = 1, cols_sq
        for start in range(0, len(left), _ROWS):
            rows, rows_sq = _centred(left[start : start + _ROWS], centre)
            rows.mul_(-2)
            rows[:, -2], rows[:, -1] = rows_sq, 1
            block = _multiply(rows, cols).clamp_(min=0)
            target = out[start : start + _ROWS, first : first + _COLS]
            _put(block, target, weight, add=add)


def _centred(feats: FloatArray, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Centred rows with room for two columns at the end, and their squared lengths."""
    width = len(centre)
    rows = torch.empty(len(feats), padded(width))
    torch.sub(torch.from_numpy(feats), centre, out=rows[:, :width])
    rows[:, width:] = 0
    return rows, torch.linalg.vecdot(rows, rows)


def padded(width: int) -> int:
    """Columns of a product that holds the features and the two columns of their lengths."""
    return -(-(width + 2) // _ALIGNED) * _ALIGNED


def fill_cosine(left: FloatArray, right: FloatArray, out: FloatArray) -> None:
    """Write 1 - x·y / (|x||y|) of all rows x, y into `out`, (N, M); zero rows have length 1."""
    for first in range(0, len(right), _COLS):
        cols = _unit(right[first : first + _COLS])
        for start in range(0, len(left), _ROWS):
            block = _multiply(_unit(left[start : start + _ROWS]), cols)
            target = out[start : start + _ROWS, first : first + _COLS]
            _put(block.neg_().add_(1), target, 1.0, add=False)


def _unit(feats: FloatArray) -> Tensor:
    rows = torch.from_numpy(feats)
    unit: Tensor = rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_(min=1e-12)
    return unit


def _multiply(rows: Tensor, cols: Tensor) -> Tensor:
    return product.float32_product()(rows, cols, torch.empty(len(rows), len(cols)))


def _put(block: Tensor, target: FloatArray, weight: float, *, add: bool) -> None:
    if weight != 1:
        block.mul_(weight)
    view = torch.from_numpy(target)
    if add:
        view.add_(block)
    else:
        view.copy_(block)
