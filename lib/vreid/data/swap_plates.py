"""Background plates: where they lie, which of them an epoch draws from, and these decoded.

Decoding a plate takes as long as decoding an image. So an epoch draws its plates from a pool, which
is decoded before worker processes start and shared by them. From one epoch to the next an eighth of
the pool makes room for others: over a training many backgrounds come up, and few are decoded.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vreid.data.images import ImageArray, read_image
from vreid.data.sample import UNKNOWN
from vreid.data.swap import resize_fast
from vreid.errors import DataError
from vreid.features import IntArray

POOL = 256  # plates an epoch at most, but two of each camera at least
POOL_BYTES = 64 << 20  # of them decoded
RENEWED = 8  # one in so many, and one at least, is another in the next epoch
_POOL_DRAW = 1  # sets the pool's generator apart from those of the images, which spawn number 0


def camera_folder(camid: int) -> str:
    """The folder of a camera's plates: ``c007``, or ``unknown``."""
    return "unknown" if camid == UNKNOWN else f"c{camid:03d}"


def plate_name(image: Path) -> str:
    """The file name of the plate that was made of an image: ``<its folder>_<its stem>.jpg``."""
    return f"{image.parent.name}_{image.stem}.jpg"


@dataclass(frozen=True)
class Plates:
    """Background plates, by the camera that saw them.

    Attributes:
        paths: (P,) sorted.
        cameras: (P,) number of each one's camera folder.
        folders: The camera folders.
    """

    paths: tuple[str, ...]
    cameras: IntArray
    folders: tuple[str, ...]


def list_plates(roots: Iterable[Path]) -> Plates:
    """Find ``<root>/<camera>/*.jpg``.

    Raises:
        DataError: When one of the roots is missing or has none.
    """
    by_folder: dict[str, list[str]] = {}
    for root in roots:
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; make background plates of the images first")
        found = sorted(root.glob("*/*.jpg"))
        if not found:
            raise DataError(
                f"{root}: no background plates (looked for */*.jpg, such as c001/NAME.jpg);"
                " make them of the images first"
            )
        for path in found:
            by_folder.setdefault(str(path.parent), []).append(str(path))
    folders = tuple(sorted(by_folder))
    counts = [len(by_folder[folder]) for folder in folders]
    return Plates(
        paths=tuple(path for folder in folders for path in by_folder[folder]),
        cameras=np.repeat(np.arange(len(folders)), counts),
        folders=folders,
    )


def draw_pools(
    cameras: IntArray, *, size: tuple[int, int], apart: bool, seed: int, epoch: int
) -> Mapping[int, IntArray]:
    """Plates to choose from, by number of the camera; under `UNKNOWN` when that does not matter.

    Each group of plates is shuffled once for a training, and an epoch takes the next ones; what it
    takes follows from its number alone, so a training that goes on meets the same.

    Args:
        cameras: (P,) camera of each plate.
        size: Height and width of the network's input.
        apart: A pool for each camera.
        seed: Seed of the run.
        epoch: Number of the epoch.
    """
    groups: dict[int, IntArray] = {UNKNOWN: np.arange(len(cameras))}
    if apart:
        groups = {int(camera): np.flatnonzero(cameras == camera) for camera in np.unique(cameras)}
    count = min(POOL, POOL_BYTES // (3 * size[0] * size[1]))
    share = max(2, count // len(groups))
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_POOL_DRAW,)))
    pools = {}
    for camera, found in groups.items():
        first = epoch * max(1, share // RENEWED)
        places = np.arange(first, first + min(share, len(found)))
        pools[camera] = np.sort(generator.permutation(found).take(places, mode="wrap"))
    return pools


@dataclass
class PlateCache:
    """Plates that stay decoded from one epoch to the next.

    Attributes:
        size: Height and width of the network's input for which they are held.
        held: By number: (h, w, 3).
    """

    size: tuple[int, int] = (0, 0)
    held: dict[int, ImageArray] = field(default_factory=dict)

    def keep(
        self, numbers: Iterable[int], paths: tuple[str, ...], size: tuple[int, int]
    ) -> Mapping[int, ImageArray]:
        """Decode those plates that are not, and forget all others.

        Args:
            numbers: Of the plates wanted.
            paths: Of all plates.
            size: Height and width of the network's input.

        Raises:
            DataError: When a plate cannot be read.
        """
        old = self.held if size == self.size else {}
        self.size, self.held = size, {}
        for number in numbers:
            self.held[number] = (
                old[number] if number in old else _read_plate(Path(paths[number]), size)
            )
        return self.held


def _read_plate(path: Path, size: tuple[int, int]) -> ImageArray:
    """A plate in its proportions, with no more pixels than the network's input."""
    plate = read_image(path)
    height, width = plate.shape[:2]
    scale = min(1.0, math.sqrt(size[0] * size[1] / (height * width)))
    return resize_fast(plate, (max(1, round(height * scale)), max(1, round(width * scale))))
