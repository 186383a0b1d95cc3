"""Boxes in training: now and then only the box around the vehicle is seen, not the whole image.

A second view as in "weakly supervised" cropping of fine-grained recognition: Hu and others, "See
Better Before Looking Closer: Weakly Supervised Data Augmentation Network for Fine-Grained Visual
Classification", arXiv:1901.09891. There the network crops by its own maps while it learns; here the
boxes come from a file, so another network or a detector may have made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vreid.data.boxes import Box

_BOX_DRAW = 1 << 31  # sets these draws apart from those of augmentation and background swap


@dataclass(frozen=True)
class BoxViews:
    """Which part of its training images is seen.

    Attributes:
        boxes: (N,) box of each image; None: it is always seen whole.
        rate: Share of the times that it is the box alone, in [0, 1].
    """

    boxes: Sequence[Box | None]
    rate: float

    def draw(self, idx: int, entropy: np.random.SeedSequence) -> Box | None:
        """The box of an image when it is due; None for the whole image.

        Args:
            idx: Number of the image.
            entropy: Of this image at this place of this epoch. The draw is one of its own: it
                changes nothing of the image's augmentation.
        """
        box = self.boxes[idx]
        if box is None:
            return None
        own = np.random.SeedSequence(entropy.entropy, spawn_key=(_BOX_DRAW,))
        return box if np.random.default_rng(own).random() < self.rate else None
