"""Looks: parts of one image at one or several sizes, for test-time augmentation (TTA).

Several scales and a centre crop are what image classification averages over at test time:
Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012;
Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015, arXiv:1409.1556. Here every
look is resized from the decoded image itself, and features are averaged instead of predictions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from vreid.data.boxes import Box, cut
from vreid.data.images import ImageArray, resize_to_tensor
from vreid.errors import ConfigError

Crop = Literal["whole", "centre", "boxes"]

CENTRE = 0.875  # of the sides, the centre crop of ImageNet's evaluation (224 of 256 pixels)


@dataclass(frozen=True)
class Look:
    """One way in which an image is shown to the network.

    Attributes:
        crop: ``whole``, ``centre`` or ``boxes``: the image's own box, the whole where it has none.
        size: Height and width in pixels that this part is resized to.
    """

    crop: Crop
    size: tuple[int, int]

    def __str__(self) -> str:
        """As in the record of the features: crop, height and width.

        >>> print(Look("centre", (64, 80)))
        centre 64x80
        """
        return f"{self.crop} {self.size[0]}x{self.size[1]}"


def make_looks(
    size: tuple[int, int],
    *,
    scales: Sequence[float] = (1.0,),
    crops: Sequence[Crop] = ("whole",),
    multiple: int = 1,
) -> tuple[Look, ...]:
    """Every crop at every scale.

    Args:
        size: Height and width that scale 1 stands for, in pixels; they need not be multiples.
        scales: Positive factors.
        crops: Parts of the image.
        multiple: Of which the sides are that other scales give, as the network needs it; each side
            is at least this.

    Raises:
        ConfigError: When two scales come to the same size.
    """
    sizes: dict[tuple[int, int], float] = {}
    for scale in scales:
        scaled = scaled_size(size, scale, multiple=multiple)
        if scaled in sizes:
            raise ConfigError(
                f"test.scales: {sizes[scaled]:g} and {scale:g} both come to {scaled[0]} x"
                f" {scaled[1]} pixels, since sides are rounded to multiples of {multiple}; leave"
                " one of them out"
            )
        sizes[scaled] = scale
    return tuple(Look(crop, scaled) for crop in crops for scaled in sizes)


def scaled_size(size: tuple[int, int], scale: float, *, multiple: int) -> tuple[int, int]:
    """Height and width times a scale, to the nearest multiple, upwards from halfway.

    >>> scaled_size((80, 80), 1.25, multiple=16)
    (96, 96)
    """
    if scale == 1:
        return size
    height, width = (max(1, math.floor(s * scale / multiple + 0.5)) * multiple for s in size)
    return height, width


def look_at(image: ImageArray, look: Look, *, box: Box | None, path: Path) -> Tensor:
    """The part of an image that a look shows, resized: (3, height, width) uint8.

    Args:
        image: (H, W, 3).
        look: Which part at which size.
        box: The image's own, for the look at ``boxes``; None: the whole image.
        path: The image's file, for the message.

    Raises:
        DataError: When the box goes beyond the image.
    """
    if look.crop == "centre":
        box = centre_box(image.shape[0], image.shape[1])
    part = image if look.crop == "whole" or box is None else cut(image, box, path=path)
    return resize_to_tensor(part, look.size)


def centre_box(height: int, width: int) -> Box:
    """The box of `CENTRE` of the sides in the middle of an image, at least a pixel each way.

    >>> centre_box(80, 160)
    Box(x0=10, y0=5, x1=150, y1=75)
    """
    inner_height, inner_width = (max(1, round(CENTRE * side)) for side in (height, width))
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    return Box(left, top, left + inner_width, top + inner_height)
