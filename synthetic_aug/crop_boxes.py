"""From an activation map, or a mask, to the box around its vehicle."""

from typing import NamedTuple

import cv2
import numpy as np

from vreid.data.boxes import Box
from vreid.errors import DataError
from vreid.features import FloatArray
from vreid.masks import LEAST, BoolArray, mask_quality

_FLAT = 1e-3  # of the largest activation: maps that vary less show no place


class Found(NamedTuple):
    """The box of one image.

    Attributes:
        box: In pixels of the image; all of it where there is a reason.
        size: Height and width of the image.
        reason: Why map or mask show no vehicle; empty when they do.
    """

    box: Box
    size: tuple[int, int]
    reason: str = ""

    @property
    def share(self) -> float:
        """Share of the image's area that the box keeps, in (0, 1]."""
        return self.box.area / (self.size[0] * self.size[1])


def find_box(
    energy: FloatArray, size: tuple[int, int], *, threshold: float, margin: float
) -> Found:
    """The box around the strongest connected part of an activation map.

    The map is spread over the image bilinearly. Of the parts that are connected (diagonals count)
    and reach ``threshold`` times the largest activation, the one with the largest sum is taken.

    - A flat map and one that is not finite show no place: the box is the whole image.
    - So it is where the box, without its margin, covers less than a twentieth of the image.

    Args:
        energy: (h, w), 0 or more.
        size: Height and width of the image in pixels.
        threshold: In (0, 1).
        margin: Added on each side: share of the box's width or height.
    """
    whole = whole_box(size)
    if not np.isfinite(energy).all():
        return Found(whole, size, "the map is not finite")
    peak = float(energy.max())
    if peak <= 0 or peak - float(energy.min()) < _FLAT * peak:
        return Found(whole, size, "the map is flat")
    spread = cv2.resize(energy / peak, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)  # (H, W)
    above = spread >= threshold * spread.max()
    _, parts, rectangles, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8))
    sums = np.bincount(parts.ravel(), weights=(spread * above).ravel())
    x, y, width, height = rectangles[int(np.argmax(sums)), :4].tolist()
    if width * height < LEAST * whole.area:
        return Found(whole, size, f"tiny: {width * height / whole.area:.1%} of the image")
    return Found(_widened(Box(x, y, x + width, y + height), size, margin), size)


def find_mask_box(mask: BoolArray, *, margin: float) -> Found:
    """The box around a mask (H, W); the whole image where `mask_quality` finds it unusable.

    Args:
        mask: True on the vehicle.
        margin: Added on each side: share of the box's width or height.
    """
    size = (mask.shape[0], mask.shape[1])
    reason = mask_quality(mask)
    if reason:
        return Found(whole_box(size), size, reason)
    return Found(_widened(mask_box(mask), size, margin), size)


def _widened(box: Box, size: tuple[int, int], margin: float) -> Box:
    dx, dy = (round(margin * side) for side in (box.x1 - box.x0, box.y1 - box.y0))
    return Box(
        max(0, box.x0 - dx),
        max(0, box.y0 - dy),
        min(size[1], box.x1 + dx),
        min(size[0], box.y1 + dy),
    )


def whole_box(size: tuple[int, int]) -> Box:
    """The box of a whole image of a height and width."""
    return Box(0, 0, size[1], size[0])


def mask_box(mask: BoolArray) -> Box:
    """The smallest box that holds a mask (H, W).

    Raises:
        DataError: When the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise DataError("the mask is empty; take it out of the folder")
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def box_iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, in [0, 1].

    >>> box_iou(Box(0, 0, 2, 2), Box(1, 0, 3, 2))
    0.3333333333333333
    """
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    both = max(0, width) * max(0, height)
    return both / (first.area + second.area - both)
