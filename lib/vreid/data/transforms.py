"""Augmentation of training images: mostly torchvision's, on uint8 (3, H, W) tensors.

The steps and their default strengths follow the AI City 2021 Track 2 entry of Cybercore; the
perspective is V2ReID's, the rotation CTACL's. Random erasing: Zhun Zhong and others, "Random
Erasing Data Augmentation", AAAI 2020, arXiv:1708.04896. AugMix: Dan Hendrycks and others, "AugMix:
A Simple Data Processing Method to Improve Robustness and Uncertainty", ICLR 2020, arXiv:1912.02781.
Unlike in that entry, erased areas take the ImageNet mean as bytes, which is 0 after normalisation
(that entry filled in the mean after normalising). Test images are resized and nothing else.

The order: flip, perspective, pad and crop, zoom, rotation, patch, colour, AugMix, blur, erasing.
Each system's own steps come in its own order, except that CTACL flips after the zoom; a zoom draws
its place evenly, so the images are as likely either way. Borders that a perspective or a rotation
uncovers are black, as those that the padding adds.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from vreid.data.augmentation import Augmentation, Step
from vreid.data.erasing import erase_with_noise
from vreid.data.patches import paste_patch
from vreid.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def build_train_transform(
    *,
    size: tuple[int, int],
    flip_prob: float = 0.5,
    perspective_prob: float = 0.0,
    perspective_scale: float = 0.1,
    pad: int = 10,
    zoom_prob: float = 0.0,
    zoom_area: tuple[float, float] = (0.75, 1.0),
    zoom_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    rotation_prob: float = 0.0,
    rotation_degrees: float = 10.0,
    patch_prob: float = 0.0,
    patch_area: tuple[float, float] = (0.01, 0.16),
    patch_ratio: tuple[float, float] = (0.1, 10.0),
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
    erase_fill: Literal["mean", "zero", "pixel"] = "mean",
) -> Augmentation:
    """Chain the steps of training; a step whose probability is 0 is left out.

    Args:
        size: Height and width of the images, which are resized before (`vreid.data.images.resize`)
            and keep that size.
        flip_prob: Mirror left to right.
        perspective_prob: Move the four corners inwards.
        perspective_scale: Furthest, as a share of half the image's width and height, in [0, 1].
        pad: Pixels of black border added before cutting ``size`` out at random; 0 for none.
        zoom_prob: Cut out a random rectangle and resize it to ``size``.
        zoom_area: Least and largest share of the area that it covers.
        zoom_ratio: Least and largest width to height of the rectangle, relative to the image's.
        rotation_prob: Turn around the centre, with linear interpolation.
        rotation_degrees: Furthest to either side.
        patch_prob: Paste a piece of another image, see `vreid.data.patches`.
        patch_area: Least and largest share of the area that it covers.
        patch_ratio: Least and largest height to width of it.
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
        erase_fill: ``mean`` the ImageNet mean, ``zero`` black, ``pixel`` noise of the spread of
            images, see `vreid.data.erasing`.

    Raises:
        ConfigError: When a probability is outside [0, 1].
    """
    _check(flip_prob, "flip_prob")
    _check(patch_prob, "patch_prob")
    geometry, finish = _Chain(), _Chain()
    bilinear = v2.InterpolationMode.BILINEAR
    geometry.add(
        perspective_prob,
        "perspective_prob",
        lambda: v2.RandomPerspective(perspective_scale, p=1, interpolation=bilinear),
    )
    if pad > 0:
        geometry.steps.append(v2.RandomCrop(size, padding=pad))
    geometry.add(zoom_prob, "zoom_prob", lambda: _zoom(size, zoom_area, zoom_ratio))
    geometry.add(
        rotation_prob,
        "rotation_prob",
        lambda: v2.RandomRotation(rotation_degrees, interpolation=bilinear),
    )
    finish.add(
        color_prob,
        "color_prob",
        lambda: v2.ColorJitter(brightness, contrast, saturation, hue),
    )
    finish.add(
        augmix_prob,
        "augmix_prob",
        lambda: v2.AugMix(severity=1, mixture_width=3, chain_depth=1, alpha=0.1, all_ops=False),
    )
    finish.add(blur_prob, "blur_prob", lambda: partial(_blur, kernel=blur_kernel, sigma=blur_sigma))
    finish.add(erase_prob, "erase_prob", lambda: _eraser(erase_fill, erase_area, erase_ratio))
    return Augmentation(
        mirror=v2.RandomHorizontalFlip(p=1),
        mirror_prob=flip_prob,
        geometry=geometry.build(),
        patch=partial(paste_patch, area=patch_area, ratio=patch_ratio),
        patch_prob=patch_prob,
        finish=finish.build(),
    )


class _Chain:
    """Steps to run one after the other."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def add(self, prob: float, name: str, step: Callable[[], Step]) -> None:
        _check(prob, name)
        if prob > 0:
            self.steps.append(v2.RandomApply([step()], p=prob))

    def build(self) -> Step:
        return v2.Compose(self.steps) if self.steps else _unchanged


def _check(prob: float, name: str) -> None:
    if not 0 <= prob <= 1:
        raise ConfigError(f"the probability {name} is {prob}; expected 0 to 1")


def _zoom(size: tuple[int, int], area: tuple[float, float], ratio: tuple[float, float]) -> Step:
    aspect = size[1] / size[0]
    step: Step = v2.RandomResizedCrop(
        size,
        scale=area,
        ratio=(ratio[0] * aspect, ratio[1] * aspect),
        interpolation=v2.InterpolationMode.BICUBIC,
        antialias=True,
    )
    return step


def _eraser(
    fill: Literal["mean", "zero", "pixel"], area: tuple[float, float], ratio: tuple[float, float]
) -> Step:
    if fill == "pixel":
        return partial(
            erase_with_noise, area=area, ratio=ratio, mean=IMAGENET_MEAN, std=IMAGENET_STD
        )
    value = [round(255 * mean) if fill == "mean" else 0 for mean in IMAGENET_MEAN]
    step: Step = v2.RandomErasing(p=1, scale=area, ratio=ratio, value=value)
    return step


def _blur(image: Tensor, *, kernel: int, sigma: float) -> Tensor:
    """Gaussian blur: torchvision's to within one grey level, thirty times as fast on one core."""
    planes = [cv2.GaussianBlur(plane, (kernel, kernel), sigma) for plane in image.numpy()]
    return torch.from_numpy(np.stack(planes))  # (3, H, W)


def _unchanged(image: Tensor) -> Tensor:
    return image
