"""Backbones: any timm network as a function from images to a feature map.

timm: Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861. What is added here: the
last stride, IBN-a, strict weights, and maps instead of tokens for transformers.
"""

import difflib
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from vreid.errors import ConfigError, UserError
from vreid.models.ibn import convert_ibn_a
from vreid.models.stride import keep_last_resolution
from vreid.models.weights import copy_weights, fetch_pretrained, is_ibn, read_weights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PROBE_SIZE = (128, 128)  # pixels; divides by every stride in use and costs little


class Backbone(nn.Module):
    """A timm network without pooling and classifier.

    Attributes:
        num_features: Channels of the map.
        stride: Pixels of the image a step of the map.
        mean, std: Per channel, of images in [0, 1], as the weights expect.
    """

    net: Any  # timm's networks have no types

    def __init__(
        self,
        net: nn.Module,
        *,
        stride: int,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.net = net
        self.num_features = int(self.net.num_features)
        self.stride = stride
        self.mean = mean
        self.std = std

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 3, H, W) to (B, C, H / stride, W / stride)."""
        feats: Tensor = self.net.forward_features(images)
        if feats.ndim == 3:
            height, width = images.shape[2] // self.stride, images.shape[3] // self.stride
            return tokens_to_map(feats, height, width=width)
        if feats.shape[1] != self.num_features:  # Swin and its like end in (B, h, w, C)
            return feats.permute(0, 3, 1, 2)
        return feats


def tokens_to_map(tokens: Tensor, height: int, *, width: int) -> Tensor:
    """Lay out the patch tokens (B, T + h·w, C) as (B, C, h, w).

    The first T tokens (class, registers) are dropped: they have no place in the picture.
    """
    num_patches = height * width
    assert tokens.shape[1] >= num_patches, f"{tokens.shape[1]} tokens for {height}x{width} patches"
    patches = tokens[:, tokens.shape[1] - num_patches :]  # (B, h·w, C)
    return patches.transpose(1, 2).reshape(len(tokens), -1, height, width)


def build_backbone(
    name: str,
    *,
    ibn: bool = False,
    last_stride: int = 1,
    weights: str = "timm",
    image_size: tuple[int, int] | None = None,
) -> Backbone:
    """Build a backbone and give it its weights.

    Args:
        name: A timm network, such as ``resnet50``, or one set of its weights, ``resnet50.a1_in1k``.
        ibn: Whether to convert the first three stages to IBN-a. Weights of the plain network are
            loaded before and split; weights of the converted one are loaded after.
        last_stride: 1 keeps the resolution of the last stage (320 pixels give 20 x 20 for
            ResNets), 2 leaves the network as it is (10 x 10).
        weights: ``"timm"`` for the model hub, ``"none"`` for random ones, else a file.
        image_size: (height, width) in pixels. Only networks that are built for one size (most
            transformers) look at it; without it they take the size that timm gives them.

    Raises:
        ConfigError: When the network is unknown or cannot be used like this, or the weights are
            missing or belong to another network.
    """
    if last_stride not in (1, 2):
        raise ConfigError(f"model.last_stride is {last_stride}; expected 1 or 2")
    net = _create(name, image_size, fetch=weights == "timm")
    _prepare(net, ibn, weights)
    probe = _probe(net, image_size)
    # The probe runs in evaluation mode: it must not touch the statistics of the weights.
    net.eval()
    stride = int(net.feature_info[-1]["reduction"])
    if last_stride == 1:
        keep_last_resolution(net, probe, name=name)
        stride //= 2
    cfg = net.pretrained_cfg
    mean, std = (cfg["mean"], cfg["std"]) if weights == "timm" else (IMAGENET_MEAN, IMAGENET_STD)
    backbone = Backbone(net, stride=stride, mean=mean, std=std)
    with torch.no_grad():
        found = tuple(backbone(probe).shape)
    expected = (1, backbone.num_features, probe.shape[2] // stride, probe.shape[3] // stride)
    if found != expected:
        raise ConfigError(
            f"{name}: gives a map of shape {found} where {expected} was expected; this network"
            " cannot be used as a backbone, take another"
        )
    return backbone.train()


def _create(name: str, image_size: tuple[int, int] | None, *, fetch: bool) -> Any:
    """timm's network, with pretrained weights when they are to be fetched."""
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see timm.list_models()"
        raise ConfigError(
            f"model.backbone: timm {timm.__version__} has no network {name!r}; {hint}"
        )
    options: dict[str, Any] = {"num_classes": 0, "global_pool": ""}
    try:
        cfg = get_pretrained_cfg(name)
        if image_size is not None and cfg is not None and cfg.fixed_input_size:
            options["img_size"] = image_size
        if fetch:
            options["pretrained"] = True
            options["pretrained_cfg_overlay"] = {"file": str(fetch_pretrained(name))}
        return timm.create_model(name, **options)
    except UserError:
        raise
    except (RuntimeError, TypeError, AssertionError, ValueError, SafetensorError) as error:
        raise ConfigError(
            f"model.backbone: timm cannot build {name} as a backbone ({error}); take another"
            " network or tag"
        ) from None


def _prepare(net: nn.Module, ibn: bool, weights: str) -> None:
    """Load a file, if one is given, and convert to IBN-a, in the order that fits the file."""
    if weights in ("timm", "none"):
        if ibn:
            convert_ibn_a(net)
        return
    state = read_weights(Path(weights).expanduser())
    if ibn and is_ibn(state):
        convert_ibn_a(net)
        copy_weights(net, state, source=weights)
        return
    copy_weights(net, state, source=weights)
    if ibn:
        convert_ibn_a(net)


def _probe(net: Any, image_size: tuple[int, int] | None) -> Tensor:
    """A blank image of a size that the network takes, on its device."""
    size = PROBE_SIZE
    if net.pretrained_cfg.get("fixed_input_size"):
        size = image_size or net.pretrained_cfg["input_size"][1:]
    first = next(net.parameters())
    return torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype)
