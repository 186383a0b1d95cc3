"""Pictures of vehicles with true masks and with plates, in the folders that the swap reads."""

from pathlib import Path

import cv2
import numpy as np

from vreid.data.images import ImageArray
from vreid.data.sample import Sample

SIZE = (32, 40)  # height, width
BOX = (slice(8, 26), slice(6, 34))  # of the vehicle
ROAD = (90, 20, 20)  # of every picture, in red, green, blue


def draw(color: tuple[int, int, int]) -> ImageArray:
    """A box of one colour on a red road, which no plate shows."""
    picture = np.full((*SIZE, 3), ROAD, dtype=np.uint8)
    picture[BOX] = color
    return picture


def box_mask() -> ImageArray:
    """The mask of `draw`."""
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[BOX] = 255
    return mask


def write(path: Path, picture: ImageArray) -> None:
    """Write a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture if picture.ndim == 2 else picture[:, :, ::-1])


def make_swappable(root: Path, *, count: int = 8, cameras: int = 2) -> list[Sample]:
    """Write ``image_train``, ``masks`` and ``plates`` and return the samples.

    The plate of image i shows grey 100 + 10 i, so that a picture tells which it stands before.
    """
    samples = []
    for idx in range(count):
        name, camid = f"image_train/{idx:06d}.png", 1 + idx % cameras
        write(root / name, draw((0, 60 + 20 * idx, 200)))
        write(root / "masks" / name, box_mask())
        plate = np.full((*SIZE, 3), 100 + 10 * idx, dtype=np.uint8)
        write(root / "plates" / f"c{camid:03d}" / f"image_train_{idx:06d}.jpg", plate)
        samples.append(Sample(root / name, name, pid=idx // 2, camid=camid))
    return samples
