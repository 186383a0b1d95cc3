"""Which of the things that a network found in a crop is the vehicle.

The classes are those of COCO (Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vreid.masks import BoolArray

VEHICLES = frozenset({"car", "motorcycle", "bus", "truck"})
RIDDEN = frozenset({"motorcycle", "bicycle"})
_LEAST_SCORE = 0.3  # crops are small and blurred; whole pictures are given 0.5 and more
_LEAST_AREA = 0.05  # of the crop
_LEAST_OF_LARGEST = 0.3  # a part of a vehicle, or one far behind it, covers less


@dataclass(frozen=True)
class Instances:
    """What a network found in an image.

    Attributes:
        names: (N,) COCO's names of the classes.
        scores: (N,) in [0, 1].
        masks: (N, H, W).
    """

    names: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    masks: BoolArray


def choose_vehicle(found: Instances) -> BoolArray:
    """The mask of the vehicle that a crop shows.

    Of the vehicles with a score and an area that count, it is the one whose mask is centred nearest
    to the crop's middle. A rider belongs to it: boxes are drawn around both, and a motorcycle cut
    out from under its rider is no picture of anything. A bicycle counts where nothing else does.

    Returns:
        (H, W); all False when there is no vehicle.
    """
    height, width = found.masks.shape[1:]
    areas = found.masks.reshape(len(found.names), height * width).mean(axis=1)  # (N,)
    counted = (found.scores >= _LEAST_SCORE) & (areas >= _LEAST_AREA)
    for classes in (VEHICLES, RIDDEN):
        kind = np.array([name in classes for name in found.names], dtype=np.bool_)
        rows = np.flatnonzero(counted & kind)
        if len(rows):
            break
    else:
        return np.zeros((height, width), dtype=np.bool_)
    rows = rows[areas[rows] >= _LEAST_OF_LARGEST * areas[rows].max()]
    chosen = int(min(rows, key=lambda row: _distance_to_middle(found.masks[row])))
    mask: BoolArray = found.masks[chosen]
    if found.names[chosen] not in RIDDEN:
        return mask
    for row, name in enumerate(found.names):
        if name == "person" and counted[row] and _sits_on(found.masks[row], found.masks[chosen]):
            mask = mask | found.masks[row]
    return mask


def _distance_to_middle(mask: BoolArray) -> float:
    """From the mask's centre to the image's, in sides of the image."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return float(np.hypot((rows.mean() + 0.5) / height - 0.5, (columns.mean() + 0.5) / width - 0.5))


def _sits_on(person: BoolArray, vehicle: BoolArray) -> bool:
    """Whether a person touches a vehicle, with the middle of the person above the vehicle."""
    reach = np.ones((5, 5), dtype=np.uint8)
    near = cv2.dilate(vehicle.astype(np.uint8), reach) > 0
    columns = np.flatnonzero(vehicle.any(axis=0))
    middle = float(np.nonzero(person)[1].mean())
    return bool((person & near).any()) and columns[0] <= middle <= columns[-1]
