"""Ranked lists that follow whole tracklets: the images of one vehicle passing once come together.

As in the submission of "A Strong Baseline for Vehicle Re-Identification" (Huynh, Nguyen et al.,
CVPR Workshops 2021, arXiv:2104.10850), which writes the whole tracklet of each hit in the order of
the hits. There the list is rewritten, which `complete_lists` does for lists that come without
distances; `follow_tracks` rewrites distances, so that more can follow.
"""

from collections.abc import Sequence

import numpy as np

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.tracks.groups import members

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


def complete_lists(lists: Sequence[IntArray], track_idx: IntArray, top: int) -> list[IntArray]:
    """Lists in which whole tracklets follow each other, in the order of their first listed image.

    Args:
        lists: Of each query (K,) columns, nearest first; lengths may differ.
        track_idx: (G,) from `vreid.tracks.groups.group_tracks`.
        top: Entries after which a list ends, >= 1; the last tracklet may be cut.

    Returns:
        Of each query at most ``top`` columns; images of a tracklet in the order of their columns,
        whether they were listed or not. A list is shorter than ``top`` when the tracklets of all
        its images have fewer.

    Raises:
        ConfigError: For ``top`` below 1.
    """
    if top < 1:
        raise ConfigError(f"top is {top}; expected at least 1")
    of_track = list(members(track_idx))
    completed = []
    for listed in lists:
        found: list[IntArray] = [np.empty(0, dtype=np.int64)]
        held = 0
        for track in dict.fromkeys(track_idx[listed].tolist()):
            if held >= top:
                break
            found.append(of_track[track])
            held += len(of_track[track])
        completed.append(np.concatenate(found)[:top])
    return completed
