"""Colour transfer: mean and standard deviation of each Lab channel become those of a target.

Reinhard, Ashikhmin, Gooch and Shirley, "Color Transfer between Images", IEEE Computer Graphics and
Applications 21(5), 2001. The paper works in the space of Ruderman and others (logarithms of cone
responses), where black has no value; CIE L*a*b* is used here, as most programs do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.images import ImageArray
from vreid.errors import DataError

DoubleArray = npt.NDArray[np.float64]

_LEAST_SD = 0.1  # in units of Lab: a channel that varies less is moved and not stretched


@dataclass(frozen=True)
class LabStatistics:
    """Moments of the pixels of one or more images in CIE L*a*b*, L in [0, 100].

    Attributes:
        mean, sd: (3,) mean and standard deviation; each image weighs the same whatever its size.
    """

    mean: DoubleArray
    sd: DoubleArray


def lab_statistics(images: Iterable[ImageArray]) -> LabStatistics:
    """Moments of all images' pixels together.

    Args:
        images: (H, W, 3) RGB each.

    Raises:
        DataError: When there is no image.
    """
    moments = [_moments(to_lab(image)) for image in images]
    if not moments:
        raise DataError("colour statistics of no images; is the folder empty?")
    first, second = np.mean(moments, axis=0)  # (3,) each: of x and of x²
    return LabStatistics(first, np.sqrt(np.maximum(second - first**2, 0)))


def reinhard(image: ImageArray, *, source: LabStatistics, target: LabStatistics) -> ImageArray:
    """Move and stretch each Lab channel: ``(x - mean_s) · sd_t / sd_s + mean_t``.

    Args:
        image: (H, W, 3) RGB.
        source: The image's own statistics, or those of the whole set it is from: then all its
            images are changed alike, and a red car stays redder than a blue one.
        target: Statistics wanted.

    Returns:
        (H, W, 3) RGB; colours outside RGB are clipped.
    """
    flat = source.sd < _LEAST_SD
    scale = np.where(flat, 1.0, target.sd / np.where(flat, 1.0, source.sd))
    moved = (to_lab(image) - source.mean) * scale + target.mean  # (H, W, 3)
    moved[..., 0] = np.clip(moved[..., 0], 0, 100)
    rgb = cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_Lab2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), dtype=np.uint8)


def to_lab(image: ImageArray) -> npt.NDArray[np.float32]:
    """(H, W, 3) RGB bytes in CIE L*a*b*; OpenCV's table is right to half a unit."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)


def _moments(lab: npt.NDArray[np.float32]) -> tuple[DoubleArray, DoubleArray]:
    pixels = lab.reshape(-1, 3).astype(np.float64)
    return pixels.mean(axis=0), np.square(pixels).mean(axis=0)
