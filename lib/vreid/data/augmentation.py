"""An image's way through the steps of `vreid.data.transforms`, and what the loader must know of it.

Two steps are not functions of the image alone: the patch needs a second image, and the mirroring
changes the view that the image shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Step = Callable[[Tensor], Tensor]
Donor = Callable[[], Tensor]  # draws and gives another training image, (3, H, W) uint8


class Augmented(NamedTuple):
    """What became of an image.

    Attributes:
        image: (3, H, W) uint8.
        mirrored: Whether left and right were swapped.
    """

    image: Tensor
    mirrored: bool


Transform = Callable[[Tensor, Donor], Augmented]


@dataclass(frozen=True)
class Augmentation:
    """The chain of steps: mirror, geometry, patch, finish.

    All randomness comes from torch's default generator, which `vreid.data.loader` seeds for each
    image. A step draws one number to decide whether it is due, and none when its probability is 0:
    steps that are off do not change what the others do.

    Attributes:
        mirror: Swaps left and right.
        mirror_prob: Its probability.
        geometry: What comes between mirror and patch.
        patch: From the image and another one to the image with a patch of the other.
        patch_prob: Its probability.
        finish: What comes behind the patch.
    """

    mirror: Step
    mirror_prob: float
    geometry: Step
    patch: Callable[[Tensor, Tensor], Tensor]
    patch_prob: float
    finish: Step

    def __call__(self, image: Tensor, donor: Donor) -> Augmented:
        """Augment a (3, H, W) uint8 image, which is not changed.

        Args:
            image: The image.
            donor: Asked for another image only when a patch is due.
        """
        mirrored = _is_due(self.mirror_prob)
        if mirrored:
            image = self.mirror(image)
        image = self.geometry(image)
        if _is_due(self.patch_prob):
            image = self.patch(image, donor())
        return Augmented(self.finish(image), mirrored)


def _is_due(prob: float) -> bool:
    return prob > 0 and bool(torch.rand(1) < prob)
