"""Augmentation of training images: mostly torchvision's, on uint8 (3, H, W) tensors.

The steps and their default strengths follow the AI City 2021 Track 2 entry of Cybercore. Random
erasing: Zhun Zhong and others, "Random Erasing Data Augmentation", AAAI 2020, arXiv:1708.04896.
AugMix: Dan Hendrycks and others, "AugMix: A Simple Data Processing Method to Improve Robustness and
Uncertainty", ICLR 2020, arXiv:1912.02781. Unlike there, erased areas take the ImageNet mean as
bytes, which is 0 after normalisation (that entry filled in the mean after normalising). Test images
are resized and nothing else.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from vreid.errors import ConfigError

Transform = Callable[[Tensor], Tensor]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def build_train_transform(
    *,
    size: tuple[int, int],
    flip_prob: float = 0.5,
    pad: int = 10,
    zoom_prob: float = 0.0,
    zoom_area: tuple[float, float] = (0.75, 1.0),
    zoom_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    color_prob: float = 0.25,
    brightness: float = 0.2,
    contrast: float = 0.15,
    saturation: float = 0.0,
    hue: float = 0.0,
    augmix_prob: float = 0.25,
    blur_prob: float = 0.25,
    blur_kernel: int = 5,
    blur_sigma: float = 1.3,
    erase_prob: float = 0.5,
    erase_area: tuple[float, float] = (0.02, 0.4),
    erase_ratio: tuple[float, float] = (0.3, 3.33),
) -> Transform:
    """Chain the steps of training; a step whose probability is 0 is left out.

    All randomness comes from torch's default generator; `vreid.data.loader` seeds it for each
    image.

    Args:
        size: Height and width of the images, which are resized before (`vreid.data.images.resize`)
            and keep that size.
        flip_prob: Mirror left to right.
        pad: Pixels of black border added before cutting ``size`` out at random; 0 for none.
        zoom_prob: Cut out a random rectangle and resize it to ``size``.
        zoom_area: Least and largest share of the area that it covers.
        zoom_ratio: Least and largest width to height of the rectangle, relative to the image's.
        color_prob: Change brightness, contrast, saturation and hue.
        brightness: Strength, factors in 1 ± this.
        contrast: The same of contrast.
        saturation: The same of saturation.
        hue: Largest turn of the colour circle, in [0, 0.5].
        augmix_prob: Mix the image with three lightly distorted copies.
        blur_prob: Gaussian blur.
        blur_kernel: Its width in pixels, odd.
        blur_sigma: Its standard deviation in pixels.
        erase_prob: Paint over a random rectangle.
        erase_area: Least and largest share of the area that it covers.
        erase_ratio: Least and largest height to width of it.

    Returns:
        A function from a (3, H, W) uint8 tensor to another of that shape.

    Raises:
        ConfigError: When a probability is outside [0, 1].
    """
    steps: list[Transform] = []

    def add(prob: float, name: str, step: Callable[[], Transform]) -> None:
        if not 0 <= prob <= 1:
            raise ConfigError(f"the probability {name} is {prob}; expected 0 to 1")
        if prob > 0:
            steps.append(v2.RandomApply([step()], p=prob))

    add(flip_prob, "flip_prob", lambda: v2.RandomHorizontalFlip(p=1))
    if pad > 0:
        steps.append(v2.RandomCrop(size, padding=pad))
    aspect = size[1] / size[0]
    ratio = (zoom_ratio[0] * aspect, zoom_ratio[1] * aspect)
    add(
        zoom_prob,
        "zoom_prob",
        lambda: v2.RandomResizedCrop(
            size,
            scale=zoom_area,
            ratio=ratio,
            interpolation=v2.InterpolationMode.BICUBIC,
            antialias=True,
        ),
    )
    add(color_prob, "color_prob", lambda: v2.ColorJitter(brightness, contrast, saturation, hue))
    add(
        augmix_prob,
        "augmix_prob",
        lambda: v2.AugMix(severity=1, mixture_width=3, chain_depth=1, alpha=0.1, all_ops=False),
    )
    add(blur_prob, "blur_prob", lambda: partial(_blur, kernel=blur_kernel, sigma=blur_sigma))
    fill = [round(255 * mean) for mean in IMAGENET_MEAN]
    add(
        erase_prob,
        "erase_prob",
        lambda: v2.RandomErasing(p=1, scale=erase_area, ratio=erase_ratio, value=fill),
    )
    return v2.Compose(steps) if steps else _unchanged


def _blur(image: Tensor, *, kernel: int, sigma: float) -> Tensor:
    """Gaussian blur: torchvision's to within one grey level, thirty times as fast on one core."""
    planes = [cv2.GaussianBlur(plane, (kernel, kernel), sigma) for plane in image.numpy()]
    return torch.from_numpy(np.stack(planes))  # (3, H, W)


def _unchanged(image: Tensor) -> Tensor:
    return image
