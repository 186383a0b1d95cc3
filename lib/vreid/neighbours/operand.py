"""Features rounded for a fast matrix product, with a proof of how far its results can be off.

Row i of the operand is [x̂ᵢ | ĥᵢ in three pieces | 1 1 1], where x̂ is the centred feature scaled by
√|weight| and rounded to the type of the product, and hᵢ = ½ Σ weight |xᵢ|² of the centred features
before rounding. The left side of a product has its signs turned and the last two parts exchanged,
so that one product gives ½ D[i, j] = hᵢ + hⱼ - xᵢ·xⱼ, less a chosen origin, with nothing left to
add. Three things separate it from the true value, and each has a bound (x now stands for all sets
side by side):

- rounding the features: |xᵢ·xⱼ - x̂ᵢ·x̂ⱼ| <= |xᵢ - x̂ᵢ| |xⱼ| + |x̂ᵢ| |xⱼ - x̂ⱼ| by Cauchy-Schwarz,
  with the lengths of the differences measured for every row, not assumed;
- summing in float32: at most `product.sum_error` of |x̂ᵢ| |x̂ⱼ| + |hᵢ| + |hⱼ|;
- rounding the result to the product's type: its unit roundoff, relative to the result itself, which
  for near neighbours is small.

The centre is subtracted first because real features are far from centred: at a mean cosine of 0.8
the rounding of the common part alone is larger than what separates neighbours.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vreid import product
from vreid.features import FloatArray
from vreid.neighbours.rounding import round_rows
from vreid.neighbours.sets import FeatureSets, Wide, check_range

_PIECES = 3  # bfloat16 numbers that hold a float32
_ALIGNED = 32  # columns are filled up to a multiple of it
_ROUNDED = 1 << 23  # values rounded at once when they are not kept
_MARGIN = 1.01  # for the rounding of the bounds themselves


@dataclass(frozen=True)
class Bounds:
    """What the error of a product is bounded by, for each of R rows.

    Attributes:
        norm: Length of the centred feature, the larger one of before and after rounding.
        residual: Length of what rounding took from it.
        half: |hᵢ|.
    """

    norm: Wide
    residual: Wide
    half: Wide

    def take(self, rows: npt.NDArray[np.integer]) -> "Bounds":
        """The bounds of some rows."""
        return Bounds(self.norm[rows], self.residual[rows], self.half[rows])


@dataclass(frozen=True)
class Operand:
    """The rows of some features, ready to be multiplied.

    Attributes:
        feats: The features.
        centres: (D,) of each set.
        dtype: ``torch.bfloat16`` or ``torch.float32``.
        origin: Products become ½ D - origin. Results are rounded relative to themselves, so an
            origin near the values that matter makes them finer.
        bounds: Of every row.
        stored: (N, K) all rows; None to round them each time they are needed.
    """

    feats: FeatureSets
    centres: tuple[FloatArray, ...]
    dtype: torch.dtype
    origin: float
    bounds: Bounds
    stored: Tensor | None

    @property
    def sum_error(self) -> float:
        """See `product.sum_error`."""
        return product.sum_error(padded_width(self.feats)) * _MARGIN

    @property
    def out_error(self) -> float:
        """Relative error of rounding a result."""
        return product.unit_roundoff(self.dtype) * _MARGIN

    def error(self, rows: Bounds) -> Wide:
        """(R,) bound of the error of products of these left rows with any of the operand's."""
        norm, residual = self.bounds.norm.max(), self.bounds.residual.max()
        summed = rows.norm * norm + rows.half + self.bounds.half.max()
        error: Wide = rows.residual * norm + rows.norm * residual + self.sum_error * summed
        return error

    def right(self, start: int, stop: int) -> Tensor:
        """Rows start..stop of the right side, (stop - start, K)."""
        if self.stored is not None:
            return self.stored[start:stop]
        return _round(self.feats, start, stop, self.centres, self.dtype, self.origin)[0]

    def left(self, rows: Tensor) -> Tensor:
        """Rows of the right side as rows of the left."""
        signs = torch.ones(rows.shape[1], dtype=rows.dtype)
        first = 0
        for one in self.feats.sets:
            signs[first : first + one.width] = -float(np.sign(one.weight))
            first += one.width
        halves, ones = slice(first, first + _PIECES), slice(first + _PIECES, first + 2 * _PIECES)
        left = rows * signs
        left[:, halves], left[:, ones] = rows[:, ones], rows[:, halves]
        return left


def padded_width(feats: FeatureSets) -> int:
    """K: columns of all sets, of h and of the ones, filled up."""
    return -(-(feats.width + 2 * _PIECES) // _ALIGNED) * _ALIGNED


def make_operand(
    feats: FeatureSets,
    dtype: torch.dtype,
    *,
    origin: float = 0.0,
    centres: tuple[FloatArray, ...] | None = None,
    stored: bool = True,
) -> Operand:
    """Centre, scale and round all rows; see `Operand`."""
    if centres is None:
        centres = tuple(one.centre() for one in feats.sets)
    if stored:
        rows, bounds = _round(feats, 0, feats.num_all, centres, dtype, origin)
        check_range(bounds.norm)
        return Operand(feats, centres, dtype, origin, bounds, rows)
    step = max(1, _ROUNDED // padded_width(feats))
    parts = [
        _round(feats, start, min(start + step, feats.num_all), centres, dtype, origin)[1]
        for start in range(0, feats.num_all, step)
    ]
    bounds = Bounds(
        np.concatenate([part.norm for part in parts]),
        np.concatenate([part.residual for part in parts]),
        np.concatenate([part.half for part in parts]),
    )
    check_range(bounds.norm)
    return Operand(feats, centres, dtype, origin, bounds, None)


def _round(
    feats: FeatureSets,
    start: int,
    stop: int,
    centres: tuple[FloatArray, ...],
    dtype: torch.dtype,
    origin: float,
) -> tuple[Tensor, Bounds]:
    rows = torch.zeros(stop - start, padded_width(feats), dtype=dtype)
    bits = rows.view(torch.int16).numpy() if dtype == torch.bfloat16 else rows.numpy()
    sums = np.zeros((3, stop - start))  # |x̂|², |x - x̂|², 2 h
    first = 0
    for one, centre in zip(feats.sets, centres, strict=True):
        for part, top in one.parts(start, stop):
            into = slice(top, top + len(part))
            round_rows(part, one.weight, centre, bits[into], first, sums[:, into])
        first += one.width
    halves = (sums[2] - origin) / 2
    rows[:, first : first + _PIECES] = _pieces(halves, dtype)
    rows[:, first + _PIECES : first + 2 * _PIECES] = 1
    residual = np.sqrt(sums[1])
    norm = np.sqrt(sums[0]) + residual
    return rows, Bounds(norm * _MARGIN, residual * _MARGIN, np.abs(halves) * _MARGIN)


def _pieces(halves: Wide, dtype: torch.dtype) -> Tensor:
    left = torch.from_numpy(halves.copy())
    pieces = []
    for _ in range(_PIECES):
        pieces.append(left.to(dtype))
        left = left - pieces[-1].double()
    return torch.stack(pieces, dim=1)
