"""Random erasing with noise: a random rectangle of the image becomes a different colour each pixel.

Zhun Zhong and others, "Random Erasing Data Augmentation", AAAI 2020, arXiv:1708.04896, which found
random values best. As in timm's ``pixel`` mode the noise is normal after normalisation. Here images
are still bytes, so the noise is drawn there, brought back to bytes and cut off at 0 and 255, which
one value in thirty meets.
"""

import torch
from torch import Tensor
from torchvision.transforms import RandomErasing


def erase_with_noise(
    image: Tensor,
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> Tensor:
    """Paint noise over one rectangle.

    Args:
        image: (3, H, W) uint8; it is not changed.
        area: Least and largest share of the image that the rectangle covers.
        ratio: Least and largest height to width of it.
        mean: Of each colour, in [0, 1], as the images will be normalised.
        std: Deviation of each colour, likewise.

    Returns:
        (3, H, W) uint8; the image itself where ten rectangles were drawn that did not fit.
    """
    top, left, height, width, noise = RandomErasing.get_params(image, area, ratio, None)
    if (height, width) == image.shape[1:]:  # so torchvision says that there is no rectangle
        return image
    center, spread = (torch.tensor(values)[:, None, None] for values in (mean, std))
    colors = 255 * (center + spread * noise)  # (3, height, width)
    erased: Tensor = image.clone()
    erased[:, top : top + height, left : left + width] = colors.round().clamp(0, 255).byte()
    return erased
