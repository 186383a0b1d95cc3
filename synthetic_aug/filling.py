"""Painting a vehicle over with the ground around it: the hole, and ways to fill it.

``smooth`` fills by pull and push (Gortler et al., "The Lumigraph", SIGGRAPH 1996): known pixels are
averaged up a pyramid and holes are filled from the level above, so that every hole pixel is a mean
of all that surrounds it. Grain like the image's is laid over it. OpenCV's two ways, ``telea``
(Telea, "An Image Inpainting Technique Based on the Fast Marching Method", 2004) and ``ns``
(Bertalmio et al., "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", CVPR 2001),
continue each edge inwards: made for scratches, they draw what is left of a vehicle's shadow out to
a dark ghost of the vehicle, which is why they are not the default.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.images import ImageArray
from vreid.masks import BoolArray

METHODS = ("smooth", "telea", "ns")

_Floats = npt.NDArray[np.float32]

_GROW = 0.05  # of the shorter side: how far the hole reaches beyond the mask
_BELOW, _BESIDE = 0.12, 0.06  # of height and width: where the ground next to the wheels is shaded
_DARK = 0.75  # of the ground's brightness: darker pixels that touch the hole are its shadow
_FEWEST = 30  # known pixels that grain is measured on
_MOST_GRAIN = 3.0  # grey levels; leaves and lane markings are no grain


def hole_of(image: ImageArray, mask: BoolArray) -> BoolArray:
    """The pixels to paint over: the vehicle, its blurred edge and its shadow on the ground.

    Args:
        image: (H, W, 3) RGB.
        mask: (H, W), True on the vehicle.

    Returns:
        (H, W).
    """
    height, width = mask.shape
    vehicle = mask.astype(np.uint8)
    radius = max(2, round(_GROW * min(height, width)))
    grown = cv2.dilate(vehicle, _ellipse(radius, radius)) > 0
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return np.asarray(grown, dtype=np.bool_)
    lower = vehicle.copy()
    lower[: (rows[0] + rows[-1]) // 2] = 0
    down, beside = max(2, round(_BELOW * height)), max(2, round(_BESIDE * width))
    reach = _ellipse(beside, down)
    reach[down + 1 :] = 0  # a pixel looks up for the vehicle, so that the hole grows downwards
    hole = grown | (cv2.dilate(lower, reach) > 0)
    return hole | _shadow(image, hole, top=(rows[0] + rows[-1]) // 2)


def _ellipse(x: int, y: int) -> npt.NDArray[np.uint8]:
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * x + 1, 2 * y + 1))
    return np.asarray(shape, dtype=np.uint8)


def _shadow(image: ImageArray, hole: BoolArray, *, top: int) -> BoolArray:
    """Dark ground below row ``top`` that touches the hole."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    ground = ~hole
    ground[:top] = False
    if not ground.any():
        return np.zeros_like(hole)
    dark = ground & (grey < _DARK * float(np.median(grey[ground])))
    _, labels = cv2.connectedComponents((dark | hole).astype(np.uint8))
    touching = np.unique(labels[hole])
    return np.asarray(dark & np.isin(labels, touching), dtype=np.bool_)


def fill(
    image: ImageArray, hole: BoolArray, *, method: str = "smooth", rng: np.random.Generator
) -> ImageArray:
    """Paint a hole over.

    Args:
        image: (H, W, 3) RGB.
        hole: (H, W), not all True.
        method: One of `METHODS`.
        rng: Draws the grain.

    Returns:
        (H, W, 3), equal to the image outside of the hole.
    """
    bits = hole.astype(np.uint8)
    ways: Mapping[str, Callable[[], npt.ArrayLike]] = {
        "smooth": lambda: pull_push(image, hole) + grain(image, hole, rng),
        "telea": lambda: cv2.inpaint(image, bits, 4, cv2.INPAINT_TELEA),
        "ns": lambda: cv2.inpaint(image, bits, 4, cv2.INPAINT_NS),
    }
    filled = np.clip(np.rint(np.asarray(ways[method]())), 0, 255).astype(np.uint8)
    return np.where(hole[..., None], filled, image)


def pull_push(image: ImageArray, hole: BoolArray) -> _Floats:
    """Fill a hole by means of what surrounds it; (H, W, 3) in grey levels."""
    weight = (~hole).astype(np.float32)
    return _pull_push(image.astype(np.float32) * weight[..., None], weight)


def _pull_push(values: _Floats, weight: _Floats) -> _Floats:
    """Values (h, w, 3), each already times its weight (h, w) in [0, 1]."""
    means = values / np.maximum(weight, 1e-6)[..., None]
    if min(weight.shape) <= 2:
        whole = values.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return np.asarray(np.where(weight[..., None] > 0, means, whole), dtype=np.float32)
    half = [np.asarray(cv2.pyrDown(one), dtype=np.float32) for one in (values, weight)]
    rough = cv2.pyrUp(_pull_push(half[0], half[1]), dstsize=(weight.shape[1], weight.shape[0]))
    sure = np.clip(weight, 0, 1)[..., None]
    return np.asarray(sure * means + (1 - sure) * rough, dtype=np.float32)


def grain(image: ImageArray, hole: BoolArray, rng: np.random.Generator) -> _Floats:
    """Grey noise (H, W, 1) as strong as what is fine and ordinary in the known pixels."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    fine = np.abs(grey - np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.5)))
    known = cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    known = known if np.count_nonzero(known) >= _FEWEST else ~hole
    strength = min(_MOST_GRAIN, 1.48 * float(np.median(fine[known])))  # of a normal distribution
    noise = cv2.GaussianBlur(rng.standard_normal(grey.shape, dtype=np.float32), (0, 0), 0.8)
    return np.asarray(noise / max(float(noise.std()), 1e-6) * strength, dtype=np.float32)[..., None]
