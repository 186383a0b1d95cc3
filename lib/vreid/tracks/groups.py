"""Which images make a tracklet: those of one vehicle passing one camera once."""

from collections.abc import Iterator

import numpy as np

from vreid.data.sample import UNKNOWN
from vreid.features import IntArray


def group_tracks(trackids: IntArray) -> IntArray:
    """Number tracklets 0..T-1 in the order in which their first images come.

    Args:
        trackids: (N,) as in `Features`; -1 is unknown, and such an image is a tracklet alone.

    Returns:
        (N,) int64, the tracklet of each image.

    >>> group_tracks(np.array([7, -1, 3, 7, -1])).tolist()
    [0, 1, 2, 0, 3]
    """
    keys = trackids.astype(np.int64)
    unknown = np.flatnonzero(keys == UNKNOWN)
    keys[unknown] = -2 - np.arange(len(unknown))  # a key of its own for each
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[inverse.ravel()]


def first_images(track_idx: IntArray) -> IntArray:
    """(T,) the first image of each tracklet; its name is the tracklet's in files."""
    return np.unique(track_idx, return_index=True)[1].astype(np.int64)


def num_tracks(track_idx: IntArray) -> int:
    """How many tracklets there are."""
    return int(track_idx.max()) + 1 if len(track_idx) else 0


def members(track_idx: IntArray) -> Iterator[IntArray]:
    """The images of each tracklet, in order."""
    order = np.argsort(track_idx, kind="stable")
    begin = 0
    for size in np.bincount(track_idx, minlength=num_tracks(track_idx)).tolist():
        yield order[begin : begin + size]
        begin += size


def vote_by_track(values: IntArray, track_idx: IntArray) -> IntArray:
    """(N,) each tracklet's most frequent value, such as a camera; the smaller one among equals."""
    result = values.copy()
    for images in members(track_idx):
        found, counts = np.unique(values[images], return_counts=True)
        result[images] = found[np.argmax(counts)]
    return result
