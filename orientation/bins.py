"""Orientation as classes: B bins of 360 / B degrees, and the error of a prediction in degrees."""

import numpy as np
import numpy.typing as npt

from vreid.features import IntArray

AngleArray = npt.NDArray[np.float64]


def to_bins(angles: AngleArray, *, num_bins: int) -> IntArray:
    """Bin of each angle: (N,) degrees in [0, 360) -> (N,) in 0..B-1; bin b starts at b * 360 / B.

    >>> to_bins(np.array([0.0, 9.9, 10.0, 359.0]), num_bins=36)
    array([ 0,  0,  1, 35])
    """
    return np.asarray(angles * num_bins // 360, dtype=np.int64) % num_bins


def to_angles(bins: IntArray, *, num_bins: int) -> AngleArray:
    """The middle of each bin in degrees.

    >>> to_angles(np.array([0, 35]), num_bins=36)
    array([  5., 355.])
    """
    return np.asarray((bins + 0.5) * 360 / num_bins, dtype=np.float64)


def circular_error(predicted: AngleArray, true: AngleArray) -> AngleArray:
    """Smallest turn between two angles, in degrees in [0, 180].

    >>> circular_error(np.array([355.0, 90.0]), np.array([5.0, 270.0]))
    array([ 10., 180.])
    """
    turn = np.abs(predicted - true) % 360
    return np.asarray(np.minimum(turn, 360 - turn), dtype=np.float64)
