"""How likely each pixel of a crop is the vehicle's, from its place and from pixels of like colour.

A detector's box says where a vehicle is: the middle of the crop is its, the corners are not. From
this prior the colours of vehicle and background are learned, each pixel asks all others of like
colour, and the answer is combined with the prior again. That is mean-field inference in a fully
connected model (Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian
Edge Potentials", NeurIPS 2011, arXiv:1210.5644); instead of their pairwise cost the likelihood
ratio of the two colour densities counts, and on some 1,200 pixels the kernel is a plain matrix.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.images import ImageArray

FloatArray = npt.NDArray[np.floating[Any]]

_PIXELS = 1200  # of the small copy; more are slower and no better
_COLOR, _PLACE = 4.0, 0.6  # widths of the kernel: Lab units, shares of the crop's sides
_RADIUS, _POWER, _MIDDLE = 0.43, 2.5, 0.48  # the prior's rounded box, in shares of the sides
_STEEPNESS = 4.0  # of the prior: log odds in the middle
_TRUST = 4.0  # log odds that colour gives at most
_ROUNDS = 6


def box_prior(height: int, width: int) -> FloatArray:
    """Log odds (H, W) of the vehicle by place alone: positive inside a rounded box."""
    rows = np.abs((np.arange(height, dtype=np.float32) + 0.5) / height - _MIDDLE) / _RADIUS
    columns = np.abs((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5) / _RADIUS
    reach = (rows[:, None] ** _POWER + columns[None] ** _POWER) ** (1 / _POWER)  # (H, W)
    return np.asarray(_STEEPNESS * (1 - reach), dtype=np.float32)


def vehicle_probability(image: ImageArray) -> FloatArray:
    """Probability of the vehicle on a small copy of an image.

    Args:
        image: (H, W, 3) RGB.

    Returns:
        (h, w) in [0, 1], of about the image's proportions.
    """
    height, width = image.shape[:2]
    scale = min(1.0, (_PIXELS / (height * width)) ** 0.5)
    small_height, small_width = max(4, round(height * scale)), max(4, round(width * scale))
    small = cv2.resize(image, (small_width, small_height), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    kernel = _likeness(np.asarray(lab, dtype=np.float32))  # (N, N)
    prior = box_prior(small_height, small_width).ravel()  # (N,)
    inside = _sigmoid(prior)
    for _ in range(_ROUNDS):
        vehicle = kernel @ inside / inside.sum()
        ground = kernel @ (1 - inside) / (1 - inside).sum()
        ratio = np.log((vehicle + 1e-7) / (ground + 1e-7))
        inside = _sigmoid(prior + np.clip(ratio, -_TRUST, _TRUST))
    return inside.reshape(small_height, small_width)


def _likeness(lab: FloatArray) -> FloatArray:
    """Gaussian kernel (N, N) of the N pixels' colours and places."""
    height, width = lab.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    places = np.stack([rows / height, columns / width], axis=-1) / _PLACE
    points = np.concatenate([lab / _COLOR, places], axis=-1).reshape(height * width, -1)  # (N, 5)
    squares = (points * points).sum(axis=1)
    dist2 = squares[:, None] + squares[None] - 2 * points @ points.T
    return np.asarray(np.exp(-0.5 * np.maximum(dist2, 0)), dtype=np.float32)


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)
