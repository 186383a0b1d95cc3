"""Histogram matching: each channel's grey levels get the frequencies of a target, exactly.

Equal pixels are put in order by their neighbourhoods' means, so that one level can become several
without noise: Coltuc, Bolon and Chassery, "Exact Histogram Specification", IEEE Transactions on
Image Processing 15(5), 2006, with two neighbourhoods (3 x 3 and 5 x 5 pixels) of the paper's six.
"""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.images import ImageArray
from vreid.errors import DataError

DoubleArray = npt.NDArray[np.float64]


def histograms(images: Iterable[ImageArray]) -> DoubleArray:
    """Frequencies of the levels of each channel in all images together.

    Args:
        images: (H, W, 3) each; each image weighs the same whatever its size.

    Returns:
        (3, 256), rows sum to 1.

    Raises:
        DataError: When there is no image.
    """
    total, num = np.zeros((3, 256)), 0
    for image in images:
        for channel in range(3):
            counts = np.bincount(image[..., channel].ravel(), minlength=256)
            total[channel] += counts / counts.sum()
        num += 1
    if not num:
        raise DataError("histograms of no images; is the folder empty?")
    return total / num


def match_histograms(image: ImageArray, *, source: DoubleArray, target: DoubleArray) -> ImageArray:
    """Give each pixel the target's value at the quantile that it has in the source.

    With the image's own histograms as the source the result has the target's histograms to within
    one pixel a level. With those of the whole set, the set as a whole has them.

    Args:
        image: (H, W, 3).
        source: (3, 256) frequencies as `histograms` gives them; levels of the image that do not
            occur in it lie between those that do.
        target: (3, 256) frequencies wanted.

    Returns:
        (H, W, 3).
    """
    matched = [
        _match_channel(np.ascontiguousarray(image[..., channel]), source[channel], target[channel])
        for channel in range(3)
    ]
    return np.stack(matched, axis=-1)


def _match_channel(
    plane: npt.NDArray[np.uint8], source: DoubleArray, target: DoubleArray
) -> npt.NDArray[np.uint8]:
    levels = plane.ravel()
    below = np.concatenate([[0.0], np.cumsum(source)])[levels]  # share of darker pixels
    quantiles = below + _place_in_level(plane) * source[levels]
    edges = np.cumsum(target)
    # The last level that occurs takes what rounding leaves above the sum.
    top = int(np.flatnonzero(target)[-1])
    found = np.minimum(np.searchsorted(edges, quantiles, side="right"), top)
    return found.astype(np.uint8).reshape(plane.shape)


def _place_in_level(plane: npt.NDArray[np.uint8]) -> DoubleArray:
    """For each pixel the share, in (0, 1), of the pixels of its level that come before it."""
    levels = plane.ravel()
    grey = plane.astype(np.float32)
    near, wide = (cv2.blur(grey, (side, side)).ravel() for side in (3, 5))
    order = np.lexsort((wide, near, levels))  # by level first; equal ones stay as they lie
    counts = np.bincount(levels, minlength=256)
    firsts = np.cumsum(counts) - counts  # rank of the first pixel of each level
    ranks = np.empty(len(levels), dtype=np.int64)
    ranks[order] = np.arange(len(levels))
    return np.asarray((ranks - firsts[levels] + 0.5) / counts[levels])
