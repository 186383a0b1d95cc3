"""Ranked lists that follow whole tracklets: the images of one vehicle passing once come together.

As in the submission of "A Strong Baseline for Vehicle Re-Identification" (Huynh, Nguyen et al.,
CVPR Workshops 2021, arXiv:2104.10850), which writes the whole tracklet of each hit in the order of
the hits. There the list is rewritten; here the distances are, so that more can follow.
"""

import numpy as np

from vreid.errors import DataError
from vreid.features import FloatArray, IntArray

_BLOCK_VALUES = 1 << 20  # 4 MB of float32 a block of rows


def follow_tracks(dist: FloatArray, track_idx: IntArray) -> FloatArray:
    """Every image takes its tracklet's smallest distance.

    Args:
        dist: (Q, G) float32, may be memory-mapped; it is not changed.
        track_idx: (G,) from `vreid.tracks.groups.group_tracks`.

    Returns:
        (Q, G) float32. Images of one tracklet are equal, and so are in the order of their columns.

    Raises:
        DataError: When the lengths do not fit.
    """
    if len(track_idx) != dist.shape[1]:
        raise DataError(f"there are {len(track_idx)} images of tracklets for shape {dist.shape}")
    result = np.array(dist, dtype=np.float32)
    if not dist.size:
        return result
    order = np.argsort(track_idx, kind="stable")
    starts = np.flatnonzero(np.diff(track_idx[order], prepend=-1))
    step = max(1, _BLOCK_VALUES // dist.shape[1])
    for start in range(0, len(dist), step):
        block = result[start : start + step]
        nearest = np.minimum.reduceat(block[:, order], starts, axis=1)  # (B, T)
        block[:] = nearest[:, track_idx]
    return result
