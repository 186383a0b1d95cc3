"""Background swap in training: now and then a vehicle stands before another background.

Every image decides anew each time it is loaded, so that a vehicle is seen before many backgrounds
and none of them tells who it is. What is composed is no larger than the network's input, to which
it would be resized anyway.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vreid.data.images import ImageArray, resize
from vreid.data.sample import UNKNOWN
from vreid.data.swap import swap_background
from vreid.data.swap_plates import PlateCache, draw_pools
from vreid.data.swap_sources import SwapSources, check_size

MASK_SIDE = 96  # pixels at which masks are held; their edges are soft, so they grow without steps


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
        cache: Plates decoded for the last epoch that began.
    """

    sources: SwapSources
    prob: float
    same_camera: bool
    feather: float
    color: float
    shadow: float
    cache: PlateCache = field(default_factory=PlateCache, repr=False, compare=False)

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

        Raises:
            DataError: When a plate cannot be read.
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
        plates = swap.sources.plates
        self._swap = swap
        self._size = size
        self._pools = draw_pools(
            plates.cameras, size=size, apart=swap.same_camera, seed=seed[0], epoch=seed[1]
        )
        numbers = np.concatenate(list(self._pools.values())).tolist()
        self._decoded = swap.cache.keep(numbers, plates.paths, size)

    def __call__(
        self, image: ImageArray, idx: int, path: Path, draws: tuple[float, float, float]
    ) -> ImageArray:
        """Perhaps give an image another background.

        Args:
            image: (H, W, 3); it is not changed.
            idx: Its number.
            path: Its file, for messages.
            draws: Of this image at this place of this epoch, each in [0, 1): they decide whether,
                before which plate, and where that is cut out.

        Returns:
            The image itself, or a composition of (h, w, 3) no larger than the network's input.

        Raises:
            DataError: When the mask is of another size.
        """
        swap, sources = self._swap, self._swap.sources
        pool = self._pools.get(int(sources.camera[idx]) if swap.same_camera else UNKNOWN)
        if pool is None or draws[0] >= swap.prob:
            return image
        found = sources.cut_out(idx)
        if found is None:
            return image
        mask, ground = found
        check_size(sources.size(idx), image, path=path)
        size = min(image.shape[0], self._size[0]), min(image.shape[1], self._size[1])
        others = sources.others(idx, pool)
        return swap_background(
            image if image.shape[:2] == size else resize(image, size),
            mask,
            self._decoded[int(others[int(draws[1] * len(others))])],
            feather=swap.feather,
            color=swap.color,
            shadow=swap.shadow,
            place=draws[2],
            ground=ground,
        )
