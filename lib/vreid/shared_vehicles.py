"""Vehicles that pairs of cameras share, and the pairs that never do.

The AI City Challenge 2021's winning entry writes such pairs down by hand (arXiv:2105.09701, see
`vreid.constraints`). What differs: they are learnt from a training set, with a count that says how
sure that is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import IntArray


@dataclass(frozen=True)
class Shared:
    """How many vehicles pairs of cameras share.

    Attributes:
        cameras: (C,) camera numbers, rising.
        vehicles: (C,) vehicles seen by each.
        counts: (C, C) vehicles seen by both.
        num_vehicles: All vehicles.
    """

    cameras: IntArray
    vehicles: IntArray
    counts: IntArray
    num_vehicles: int

    def expected(self) -> npt.NDArray[np.float64]:
        """(C, C) vehicles that two cameras would share if they saw vehicles independently."""
        product = self.vehicles[:, None].astype(np.float64) * self.vehicles
        return np.asarray(product / max(1, self.num_vehicles))

    def never(self, *, least: float = 5.0) -> list[tuple[int, int]]:
        """Pairs that share no vehicle although at least so many were to be expected.

        With 5 expected vehicles chance alone leaves a pair without any in 0.7 % of cases, e^-5.
        """
        mask = (self.counts == 0) & (self.expected() >= least)
        return [
            (int(self.cameras[left]), int(self.cameras[right]))
            for left, right in np.argwhere(np.triu(mask, 1))
        ]


def count_shared(pids: IntArray, camids: IntArray) -> Shared:
    """Count the vehicles of each pair of cameras.

    Args:
        pids: (N,) vehicles of training images; those that are `UNKNOWN` are left out.
        camids: (N,) their cameras; those that are `UNKNOWN` are left out.

    Raises:
        DataError: When no image has both.
    """
    known = (pids != UNKNOWN) & (camids != UNKNOWN)
    if not known.any():
        raise DataError("no image has both a vehicle and a camera; there is nothing to learn from")
    vehicles, pid_idx = np.unique(pids[known], return_inverse=True)
    cameras, camera_idx = np.unique(camids[known], return_inverse=True)
    seen = np.zeros((len(vehicles), len(cameras)), dtype=np.int64)
    seen[pid_idx.ravel(), camera_idx.ravel()] = 1
    return Shared(cameras.astype(np.int64), seen.sum(axis=0), seen.T @ seen, len(vehicles))
