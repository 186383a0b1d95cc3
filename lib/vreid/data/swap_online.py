"""Background swap in training: now and then a vehicle stands before another background.

Every image decides anew each time it is loaded, so that a vehicle is seen before many backgrounds
and none of them tells who it is. The images composed are no larger than the network's input, to
which they would be resized anyway.

Decoding a plate takes as long as decoding the image. So each epoch draws a pool of plates that
every process keeps decoded: the same for all, whatever their number, and another one each epoch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vreid.data.images import ImageArray, read_image, resize
from vreid.data.sample import UNKNOWN
from vreid.data.swap import resize_fast, swap_background
from vreid.data.swap_sources import SwapSources, check_size
from vreid.features import IntArray

POOL = 256  # plates an epoch at most, but two of each camera at least
POOL_BYTES = 64 << 20  # of them decoded, for each process
_POOL_DRAW = 1  # sets the pool's generator apart from those of the images


@dataclass(frozen=True)
class BackgroundSwap:
    """How to swap backgrounds, and where from.

    Attributes:
        sources: Masks and plates of the training images.
        prob: Probability for each image that can be swapped.
        same_camera: Only plates of the image's own camera.
        feather: See `vreid.data.swap.swap_background`.
        color: The same.
        shadow: The same.
    """

    sources: SwapSources
    prob: float
    same_camera: bool
    feather: float
    color: float
    shadow: float

    def describe(self) -> str:
        """How many images can be swapped and why others cannot, for the log."""
        sources = self.sources
        shown = sources.sizes[:, 0] > 0
        homeless = shown & (sources.camera == UNKNOWN) if self.same_camera else shown & False
        reasons = [
            f"{count} {reason}"
            for count, reason in (
                (sources.num_missing, "have no mask"),
                (sources.num_refused, "a mask that is not of a whole vehicle"),
                (int(homeless.sum()), "no plate of their camera"),
            )
            if count
        ]
        return (
            f"background swap: {int((shown & ~homeless).sum())} of {len(shown)} training images,"
            f" with probability {self.prob:g}, {len(sources.plates.paths)} plates of"
            f" {len(sources.plates.folders)} cameras" + "".join(f"; {reason}" for reason in reasons)
        )

    def begin(self, seed: tuple[int, int], size: tuple[int, int]) -> "EpochSwap":
        """The swap of one epoch.

        Args:
            seed: Seed of the run and number of the epoch.
            size: Height and width of the network's input.
        """
        return EpochSwap(self, seed, size)


class EpochSwap:
    """The swap of one epoch, with its pool of plates.

    Args:
        swap: What to do.
        seed: Seed of the run and number of the epoch.
        size: Height and width of the network's input.
    """

    def __init__(self, swap: BackgroundSwap, seed: tuple[int, int], size: tuple[int, int]) -> None:
        self._swap = swap
        self._size = size
        self._pools = _draw_pools(
            swap.sources.plates.cameras,
            count=min(POOL, POOL_BYTES // (3 * size[0] * size[1])),
            apart=swap.same_camera,
            generator=np.random.default_rng((*seed, _POOL_DRAW)),
        )
        self._decoded: dict[int, ImageArray] = {}

    def __call__(
        self, image: ImageArray, idx: int, path: Path, generator: np.random.Generator
    ) -> ImageArray:
        """Perhaps give an image another background.

        Args:
            image: (H, W, 3); it is not changed.
            idx: Its number.
            path: Its file, for messages.
            generator: Of this image at this place of this epoch.

        Returns:
            The image itself, or a composition of (h, w, 3) no larger than the network's input.

        Raises:
            DataError: When the mask is of another size, or a plate cannot be read.
        """
        swap, sources = self._swap, self._swap.sources
        pool = self._pools.get(int(sources.camera[idx]) if swap.same_camera else UNKNOWN)
        if pool is None or generator.random() >= swap.prob:
            return image
        mask = sources.mask(idx)
        if mask is None:
            return image
        check_size(mask, image, path=path)
        size = min(image.shape[0], self._size[0]), min(image.shape[1], self._size[1])
        others = sources.others(idx, pool)
        return swap_background(
            image if image.shape[:2] == size else resize(image, size),
            resize_fast(mask, size),
            self._plate(int(others[generator.integers(len(others))])),
            feather=swap.feather,
            color=swap.color,
            shadow=swap.shadow,
            place=generator.random(),
        )

    def _plate(self, number: int) -> ImageArray:
        """A plate in its proportions, with no more pixels than the network's input."""
        if number not in self._decoded:
            plate = read_image(Path(self._swap.sources.plates.paths[number]))
            height, width = plate.shape[:2]
            scale = min(1.0, math.sqrt(self._size[0] * self._size[1] / (height * width)))
            size = max(1, round(height * scale)), max(1, round(width * scale))
            self._decoded[number] = resize_fast(plate, size)
        return self._decoded[number]


def _draw_pools(
    cameras: IntArray, *, count: int, apart: bool, generator: np.random.Generator
) -> Mapping[int, IntArray]:
    """Plates to choose from, by number of the camera; under `UNKNOWN` when that does not matter.

    Args:
        cameras: (P,) camera of each plate.
        count: Plates wanted in all.
        apart: A pool for each camera.
        generator: Draws them.
    """
    groups: dict[int, IntArray] = {UNKNOWN: np.arange(len(cameras))}
    if apart:
        groups = {int(camera): np.flatnonzero(cameras == camera) for camera in np.unique(cameras)}
    share = max(2, count // len(groups))
    return {
        camera: np.sort(generator.choice(found, min(share, len(found)), replace=False))
        for camera, found in groups.items()
    }
