"""A vehicle before another background: cut out by its mask and laid over a background plate.

The use of masks and of plates with the vehicle painted over follows Cybercore's entry to the AI
City Challenge 2021, Track 2, which lays the cut-out over the plate as it is. Here the edge is soft,
the vehicle takes a part of the plate's light, and the ground below it is darkened:

- A mask is never exact, and the pixels along its edge hold some of the old background. The edge
  fades inside the mask only, so that what lies outside of it never shows (no halo).
- The light is the change from the old background to the new one, a gain for each of red, green and
  blue. Matching the vehicle's own mean with the plate's would grey a red car; this keeps it.
- Without a shadow between and under the wheels, where the old one was not part of the vehicle, cars
  float.

A mask may be smaller than its image. Edge and shadow are drawn at the mask's size then and brought
to the image's: what is blurred anyway loses nothing.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.compose import compose
from vreid.data.images import ImageArray
from vreid.masks import mask_quality

MIN_SPAN = 0.4  # of both sides by its bounding box; crops are drawn tight around their vehicle
MIN_SOLIDITY = 0.75  # of its convex hull; pickups have 0.8, vehicles half hidden by others less
SLIT = 0.12  # widest gap that is filled, as a share of the longer side
STRETCH = 1.5  # a plate's proportions are changed by no more than this
_LEVEL = 127  # brighter pixels of a mask belong to the vehicle
SHADOW_SIDE = 32  # pixels of the longer side at which the shadow, which is soft, is drawn
_SHADOW_DROP = 0.04  # of the longer side that the shadow lies below the vehicle, and its blur
_GAIN = (0.6, 1.6)  # weakest and strongest change of a colour
_NOISE = 8.0  # grey levels added to both means of a gain, so that black does not divide


def is_usable(mask: ImageArray) -> bool:
    """Whether a mask (H, W) can be one of a whole vehicle, by its size, extent and shape."""
    if mask_quality(mask > _LEVEL):
        return False
    shown = _binary(mask)
    points = _outline(shown)
    span = (np.ptp(points, axis=0) + 1) / (mask.shape[1], mask.shape[0])
    hull = cv2.fillConvexPoly(np.zeros_like(mask), cv2.convexHull(points), 255)
    solid = cv2.countNonZero(shown) >= MIN_SOLIDITY * cv2.countNonZero(hull)
    return bool(span.min() >= MIN_SPAN and solid)


def whole_mask(mask: ImageArray) -> ImageArray:
    """A mask (H, W) without holes and narrow gaps, each pixel 0 or 255.

    A window or a pole before the vehicle keeps what it showed: a background that shines through
    the vehicle would be no more natural.
    """
    length = 1 + 2 * round(SLIT * max(mask.shape) / 2)  # odd: an even kernel moves the mask
    room = ((length, length), (length, length))  # else what lies at the border joins with it
    shown: Any = np.pad(_binary(mask), room)
    for shape in ((1, length), (length, 1)):  # upright gaps, then level ones
        shown = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones(shape, dtype=np.uint8))
    shown = shown[length:-length, length:-length].copy()
    contours, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return _bytes(cv2.drawContours(np.zeros_like(mask), contours, -1, 255, cv2.FILLED))


def swap_background(
    image: ImageArray,
    mask: ImageArray,
    plate: ImageArray,
    *,
    feather: float = 0.02,
    color: float = 0.3,
    shadow: float = 0.5,
    place: float = 0.5,
    ground: ImageArray | None = None,
) -> ImageArray:
    """Lay an image's vehicle over a plate.

    Args:
        image: (H, W, 3).
        mask: Of any size, in the proportions of the scene, which the image may have lost; 255 on
            the vehicle and 0 elsewhere, between them where a pixel is part of both.
        plate: (h, w, 3), fitted to the image by `fit_plate`.
        feather: Width of the soft edge as a share of the shorter side, at least one pixel of the
            mask.
        color: Share in [0, 1] of the change of light that the vehicle takes over; 0 for none.
        shadow: Darkness in [0, 1] of the shadow on the plate below the vehicle; 0 for none.
        place: Where in [0, 1] the plate is cut out when it is.
        ground: From `ground_shadow` of the mask; None draws it.

    Returns:
        (H, W, 3), a new array.
    """
    size = (image.shape[0], image.shape[1])
    plate = fit_plate(plate, size, aspect=mask.shape[1] / mask.shape[0], place=place)
    front = soft_edge(mask, feather, size)
    light: ImageArray = np.full(size, 255, dtype=np.uint8)
    if shadow > 0:
        ground = ground_shadow(mask) if ground is None else ground
        light = resize_fast(_bytes(cv2.convertScaleAbs(ground, alpha=-shadow, beta=255)), size)
    gains = light_gains(image, mask, plate, strength=color) if color > 0 else (1.0, 1.0, 1.0)
    return compose(image, plate, front=front, light=light, gains=gains)


def fit_plate(
    plate: ImageArray, size: tuple[int, int], *, aspect: float, place: float
) -> ImageArray:
    """A plate (h, w, 3) at another height and width: stretched a little, cut when that is too much.

    Args:
        plate: The plate.
        size: Height and width in pixels.
        aspect: Width by height of the scene, which an image of this size may have lost.
        place: Where in [0, 1] it is cut out: left or top to right or bottom.
    """
    height, width = plate.shape[:2]
    new_width = min(width, max(1, round(height * aspect * STRETCH)))
    new_height = min(height, max(1, round(width / aspect * STRETCH)))
    left, top = round((width - new_width) * place), round((height - new_height) * place)
    return resize_fast(plate[top : top + new_height, left : left + new_width], size)


def soft_edge(mask: ImageArray, feather: float, size: tuple[int, int]) -> ImageArray:
    """Opacity of the vehicle, 0 outside the mask, rising to 255 some pixels inside of it.

    At the image's border, which is not the vehicle's, nothing fades.

    Args:
        mask: (h, w).
        feather: See `swap_background`.
        size: Height and width wanted.

    Returns:
        (height, width).
    """
    reach = max(1, round(feather * min(mask.shape)))
    blurred = cv2.blur(mask, (2 * reach + 1,) * 2, borderType=cv2.BORDER_REPLICATE)
    # Half at a straight edge, on both sides of which it is even: resized first, it stays exact.
    blurred = resize_fast(_bytes(blurred), size)
    return _bytes(cv2.subtract(blurred, cv2.bitwise_not(blurred)))  # 2 x - 255, at least 0


def light_gains(
    image: ImageArray, mask: ImageArray, plate: ImageArray, *, strength: float
) -> tuple[float, float, float]:
    """Gains of red, green and blue from the old background to a plate of the image's size.

    Only what the mask leaves free is compared; ``strength`` in [0, 1] is the share taken over.
    """
    step = max(1, min(image.shape[:2]) // 32)  # means of a few thousand pixels are good enough
    image, plate = (np.ascontiguousarray(one[::step, ::step]) for one in (image, plate))
    mask = _bytes(cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    around = cv2.threshold(mask, _LEVEL, 255, cv2.THRESH_BINARY_INV)[1]
    old, new = (cv2.mean(one, around) for one in (image, plate))
    red, green, blue = (
        min(max(((new[color] + _NOISE) / (old[color] + _NOISE)) ** strength, _GAIN[0]), _GAIN[1])
        for color in range(3)
    )
    return red, green, blue


def ground_shadow(mask: ImageArray) -> ImageArray:
    """How much the ground lies in the shadow of a vehicle, 0 to 255.

    The shadow falls below the vehicle's outline without dents, so between its wheels too; it
    fades upwards along the vehicle's lower half and outwards.

    Args:
        mask: (H, W).

    Returns:
        (h, w), the size from `shrunk_size` with `SHADOW_SIDE`: it is soft.
    """
    height, width = shrunk_size((mask.shape[0], mask.shape[1]), SHADOW_SIDE)
    small = _binary(_bytes(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)))
    points = _outline(small)
    if not len(points):
        return small
    drop = max(1, round(_SHADOW_DROP * max(height, width)))
    _, top, _, tall = cv2.boundingRect(points)
    shape = np.zeros_like(small)
    cv2.fillConvexPoly(shape, cv2.convexHull(points + np.array([0, drop], np.int32)), 255)
    shape = _bytes(cv2.blur(shape, (2 * drop + 1, 2 * drop + 1), borderType=cv2.BORDER_REPLICATE))
    slope = (top + tall / 2, top + tall * 3 / 4)  # from the middle down
    fade = np.interp(np.arange(height), slope, (0, 1))
    return np.asarray(shape * fade[:, None], dtype=np.uint8)


def shrunk_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width with a longer side of no more than ``side`` pixels."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _outline(shown: ImageArray) -> npt.NDArray[np.int32]:
    """Columns and rows of the pixels at the rim of what is not 0: (P, 2)."""
    contours, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = [np.asarray(one, dtype=np.int32).reshape(-1, 2) for one in contours]
    return np.concatenate([np.empty((0, 2), dtype=np.int32), *points])


def resize_fast(image: ImageArray, size: tuple[int, int]) -> ImageArray:
    """Resize a mask, plate or shadow to a height and width in pixels, where speed comes first.

    Args:
        image: (H, W), or (H, W, 3).
        size: Height and width wanted.

    Returns:
        (height, width), or (height, width, 3).
    """
    if image.shape[:2] == size:
        return image
    halves = 2 * size[0] <= image.shape[0] and 2 * size[1] <= image.shape[1]
    kind = cv2.INTER_AREA if halves else cv2.INTER_LINEAR  # averages, but takes three times as long
    return _bytes(cv2.resize(image, (size[1], size[0]), interpolation=kind))


def _binary(mask: ImageArray) -> ImageArray:
    """0 or 255."""
    return _bytes(cv2.threshold(mask, _LEVEL, 255, cv2.THRESH_BINARY)[1])


def _bytes(array: Any) -> ImageArray:
    """What OpenCV returns, of which its types say less."""
    return np.asarray(array, dtype=np.uint8)
