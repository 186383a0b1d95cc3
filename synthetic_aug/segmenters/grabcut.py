"""GrabCut: the vehicle's outline by graph cuts, without weights.

Rother, Kolmogorov and Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph
Cuts", SIGGRAPH 2004, in OpenCV's implementation. What the user of the paper draws is replaced:

- Sure and likely pixels come from `vehicle_probability`. A rectangle round the vehicle, the paper's
  start, says nothing here, since the crop itself is one.
- A strip of sure background is laid around the crop. The cut has no cost along an image's edge, so
  that it runs there whenever vehicle and road are alike.
- One round is enough: each further one lets the vehicle's colours learn from the road.
- The cut is made at one fixed size; on larger images a guided filter (He, Sun and Tang, "Guided
  Image Filtering", ECCV 2010) draws its outline to the image's edges.
"""

from pathlib import Path

import cv2
import numpy as np

from synthetic_aug.segmenters.likeness import FloatArray, vehicle_probability
from synthetic_aug.segmenters.tidy import solid
from vreid.data.images import ImageArray
from vreid.masks import BoolArray

_SIDE = 160  # longer side in pixels at which the cut is made
_STRIP = 6  # pixels of background laid around
_SURE, _SURE_NOT = 0.75, 0.2  # probabilities beyond which the cut has no say
_FEWEST = 32  # pixels of a side that its five Gaussians can be fitted to
_SMOOTH = 1e-3  # of the guided filter: variance of grey in [0, 1] that counts as an edge


def segment_grabcut(image: ImageArray, path: Path = Path()) -> BoolArray:
    """Find the vehicle in a crop; the same crop gives the same mask. See `Segmenter`."""
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(4, round(width * scale)), max(4, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    working = np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)
    probability = _enlarge(vehicle_probability(image), size)
    cut = _cut(working, probability).astype(np.float32)
    if scale >= 1:
        fitted = np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA))
    else:
        fitted = guided_filter(image, _enlarge(cut, (width, height)), radius=round(2 / scale))
    return solid(fitted > 0.5)


def _enlarge(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _cut(image: ImageArray, probability: FloatArray) -> BoolArray:
    labels = np.where(probability > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[probability > _SURE] = cv2.GC_FGD
    labels[probability < _SURE_NOT] = cv2.GC_BGD
    if np.count_nonzero(probability > 0.5) < _FEWEST:
        return np.asarray(probability > 0.5, dtype=np.bool_)
    strip = (_STRIP,) * 4
    framed = cv2.copyMakeBorder(image, *strip, cv2.BORDER_REPLICATE)
    labels = np.pad(labels, _STRIP, constant_values=cv2.GC_BGD)
    cv2.setRNGSeed(0)  # this thread's; the Gaussians start from a random clustering
    background, vehicle = np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 1, 1)  # a rectangle that is not looked at
    cv2.grabCut(framed, labels, nowhere, background, vehicle, 1, cv2.GC_INIT_WITH_MASK)
    inner = labels[_STRIP:-_STRIP, _STRIP:-_STRIP]
    return np.asarray((inner == cv2.GC_FGD) | (inner == cv2.GC_PR_FGD), dtype=np.bool_)


def guided_filter(image: ImageArray, soft: FloatArray, *, radius: int) -> FloatArray:
    """Draw a soft mask (H, W) to the edges of its image (H, W, 3), a straight line per window."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: FloatArray) -> FloatArray:
        blurred = cv2.blur(values, window, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred, dtype=np.float32)

    mean_grey, mean_soft = mean(grey), mean(soft)
    slope = (mean(grey * soft) - mean_grey * mean_soft) / (
        mean(grey * grey) - mean_grey**2 + _SMOOTH
    )
    offset = mean_soft - slope * mean_grey
    return mean(slope) * grey + mean(offset)
