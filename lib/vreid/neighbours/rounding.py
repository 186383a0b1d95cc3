"""Rounding rows of features to the type of a product, and measuring what that took from them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vreid.compiled import over_rows, reordered
from vreid.features import FloatArray
from vreid.neighbours.sets import Wide


def round_rows(
    feats: FloatArray,
    weight: float,
    centre: FloatArray,
    bits: npt.NDArray[np.generic],
    first: int,
    sums: Wide,
) -> None:
    """Centre rows, scale them by √|weight| and round them to the nearest, to even at half.

    Args:
        feats: (B, D).
        weight: Of the set.
        centre: (D,) what is subtracted.
        bits: (B, K) int16 patterns of bfloat16, or float32 numbers; columns first..first + D are
            overwritten.
        first: Where the set's columns begin.
        sums: (3, B) |x̂|², |x - x̂|² and sign * |x|² are added to it, in float64.
    """
    scale, sign = float(np.sqrt(abs(weight))), float(np.sign(weight))
    round_part: Callable[..., None] = _round_part16 if bits.dtype == np.int16 else _round_part32

    def work(start: int, stop: int) -> None:
        round_part(feats, centre, scale, sign, bits, first, sums, start, stop)

    over_rows(work, len(feats), least=256)


@reordered
def _round_part16(
    feats: FloatArray,
    centre: FloatArray,
    scale: float,
    sign: float,
    bits: npt.NDArray[np.int16],
    first: int,
    sums: Wide,
    start: int,
    stop: int,
) -> None:
    width = feats.shape[1]
    wide = np.empty(width, dtype=np.float32)
    pattern = wide.view(np.uint32)
    rounded = np.empty(width, dtype=np.uint32)
    value = rounded.view(np.float32)
    for row in range(start, stop):
        for col in range(width):
            wide[col] = np.float32((np.float64(feats[row, col]) - centre[col]) * scale)
        for col in range(width):  # to the nearest, to even at half
            high = (
                pattern[col] + np.uint32(0x7FFF) + ((pattern[col] >> np.uint32(16)) & np.uint32(1))
            )
            rounded[col] = high & np.uint32(0xFFFF0000)
        length, lost, total = 0.0, 0.0, 0.0
        for col in range(width):
            true = (np.float64(feats[row, col]) - centre[col]) * scale
            near = np.float64(value[col])
            length += near * near
            lost += (true - near) * (true - near)
            total += true * true
        for col in range(width):
            bits[row, first + col] = np.int16(rounded[col] >> np.uint32(16))
        sums[0, row] += length
        sums[1, row] += lost
        sums[2, row] += sign * total


@reordered
def _round_part32(
    feats: FloatArray,
    centre: FloatArray,
    scale: float,
    sign: float,
    values: FloatArray,
    first: int,
    sums: Wide,
    start: int,
    stop: int,
) -> None:
    width = feats.shape[1]
    for row in range(start, stop):
        for col in range(width):
            values[row, first + col] = np.float32(
                (np.float64(feats[row, col]) - centre[col]) * scale
            )
        length, lost, total = 0.0, 0.0, 0.0
        for col in range(width):
            true = (np.float64(feats[row, col]) - centre[col]) * scale
            near = np.float64(values[row, first + col])
            length += near * near
            lost += (true - near) * (true - near)
            total += true * true
        sums[0, row] += length
        sums[1, row] += lost
        sums[2, row] += sign * total
