"""Random patch: a piece of another training image hides a part of this one.

Kaiyang Zhou and others, "Learning Generalisable Omni-Scale Representations for Person
Re-Identification", TPAMI 2021, arXiv:1910.06827. There every worker process keeps a pool of patches
from the images that it has met, so that results depend on the number of workers and on where a
training goes on after a stop. Here the patch comes from any image of the training set, which the
caller draws.
"""

import math

import torch
from torch import Tensor
from torchvision.transforms import v2

TRIES = 100  # draws of a size until one fits, as in the published form
CHANGE_PROB = 0.5  # of mirroring the patch, and of turning it
MAX_TURN = 10.0  # degrees


def paste_patch(
    image: Tensor, donor: Tensor, *, area: tuple[float, float], ratio: tuple[float, float]
) -> Tensor:
    """Paste a random rectangle of one image at a random place of another.

    The patch is mirrored half the time, and turned by up to 10 degrees half the time, with black
    corners. Its height to width is drawn evenly from the range and not from its logarithms, as
    published: most patches are tall.

    Args:
        image: (3, H, W) uint8; it is not changed.
        donor: (3, H, W) uint8, where the patch is taken.
        area: Least and largest share of the image that the patch covers.
        ratio: Least and largest height to width of it.

    Returns:
        (3, H, W) uint8; the image itself where no size fits.
    """
    size = _draw_size(image.shape[1], image.shape[2], area=area, ratio=ratio)
    if size is None:
        return image
    patch = _cut(donor, size)
    if torch.rand(()) < CHANGE_PROB:
        patch = patch.flip(2)
    if torch.rand(()) < CHANGE_PROB:
        turn = float(torch.empty(()).uniform_(-MAX_TURN, MAX_TURN))
        patch = v2.functional.rotate(patch, turn, v2.InterpolationMode.BILINEAR)
    pasted = image.clone()
    _cut(pasted, size).copy_(patch)
    return pasted


def _draw_size(
    height: int, width: int, *, area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int] | None:
    """Height and width of a patch in pixels, smaller than the image's."""
    for _ in range(TRIES):
        pixels = height * width * float(torch.empty(()).uniform_(*area))
        aspect = float(torch.empty(()).uniform_(*ratio))
        size = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < size[0] < height and 0 < size[1] < width:
            return size
    return None


def _cut(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A random place of a size, as a view (3, h, w) into the image."""
    top = int(torch.randint(image.shape[1] - size[0] + 1, ()))
    left = int(torch.randint(image.shape[2] - size[1] + 1, ()))
    return image[:, top : top + size[0], left : left + size[1]]
