"""From a ragged mask to the outline of one solid thing."""

import cv2
import numpy as np

from vreid.masks import BoolArray

_CLOSE = 0.1  # radius of notches that are closed, as a share of the shorter side
_OPEN = 0.05  # radius of threads that are cut off


def largest_part(mask: BoolArray) -> BoolArray:
    """The largest connected part of a mask (H, W), without holes; an empty mask stays empty."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if len(stats) == 1:
        return mask
    part = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    outside = np.pad(~part, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(outside, connectivity=4)
    return np.asarray((labels != labels[0, 0])[1:-1, 1:-1], dtype=np.bool_)


def solid(mask: BoolArray) -> BoolArray:
    """One part without holes, notches and threads: vehicles are nearly convex.

    A window or a stripe of the background's colour bites a notch into a vehicle's outline, a lane
    marking that touches it adds a thread.
    """
    shorter = min(mask.shape)
    closed = _morph(mask, cv2.MORPH_CLOSE, max(1, round(_CLOSE * shorter)))
    opened = _morph(closed, cv2.MORPH_OPEN, max(1, round(_OPEN * shorter)))
    return largest_part(opened)


def _morph(mask: BoolArray, operation: int, radius: int) -> BoolArray:
    """Close or open with a disk; outside of the image nothing is taken for the vehicle."""
    pad = radius + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = cv2.morphologyEx(np.pad(mask.astype(np.uint8), pad), operation, disk)
    return np.asarray(padded[pad:-pad, pad:-pad] > 0, dtype=np.bool_)
