"""Backbones: any timm network as a function from images to a feature map.

timm: Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861. What is added here: the
last stride, IBN-a, MixStyle, strict weights; of transformers maps or the class token, overlapping
patches and side information.
"""

from typing import Any

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.models.mixstyle import MixStyle, attach_mixstyle
from vreid.models.network import create_network
from vreid.models.side import SideEmbedding, attach_side
from vreid.models.stride import keep_last_resolution
from vreid.models.transformer import overlap_patches

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PROBE_SIZE = (128, 128)  # pixels; divides by every stride in use and costs little


class Backbone(nn.Module):
    """A timm network without pooling and classifier.

    Attributes:
        num_features: Channels of the map.
        lower_features: Channels of the stage before the last; 0 where there are no such stages.
        stride: Pixels of the image a step of the map.
        grid: Rows and columns of the map where the stride does not give them; None elsewhere.
        mean, std: Per channel, of images in [0, 1], as the weights expect.
    """

    net: Any  # timm's networks have no types

    def __init__(
        self,
        net: nn.Module,
        *,
        stride: int,
        grid: tuple[int, int] | None = None,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.net = net
        self.num_features = int(self.net.num_features)
        self.lower_features = _lower_features(net)
        self.stride = stride
        self.grid = grid
        self.mean = mean
        self.std = std

    @property
    def has_token(self) -> bool:
        """Whether there is a class token."""
        return getattr(self.net, "cls_token", None) is not None

    @property
    def side(self) -> SideEmbedding | None:
        """The embedding of cameras and views, where there is one."""
        found = getattr(self.net, "pos_drop", None)
        return found if isinstance(found, SideEmbedding) else None

    def forward(self, images: Tensor, side: Tensor | None = None) -> Tensor:
        """Map normalised images (B, 3, H, W) to (B, C, H / stride, W / stride).

        Args:
            images: The images.
            side: (B, 2) cameras and views, for a network with a `SideEmbedding` and no other.
        """
        return self._to_map(self._features(images, side), images)

    def forward_token(self, images: Tensor, side: Tensor | None = None) -> Tensor:
        """The class tokens (B, C) instead of the map."""
        tokens = self._features(images, side)  # (B, T, C)
        return tokens[:, 0]

    def forward_levels(self, images: Tensor) -> list[Tensor]:
        """The map and that of the stage before, (B, `lower_features`, h, w)."""
        last, maps = self.net.forward_intermediates(images, indices=2)
        return [self._to_map(last, images), maps[0]]

    def _features(self, images: Tensor, side: Tensor | None) -> Tensor:
        embedding = self.side
        if embedding is not None and side is not None:
            embedding.choose(side)
        else:
            assert side is None, "this model has no embedding of cameras and views"
        feats: Tensor = self.net.forward_features(images)
        return feats

    def _to_map(self, feats: Tensor, images: Tensor) -> Tensor:
        if feats.ndim == 3:
            height, width = self._map_size(images)
            return tokens_to_map(feats, height, width=width)
        if feats.shape[1] != self.num_features:  # Swin and its like end in (B, h, w, C)
            return feats.permute(0, 3, 1, 2)
        return feats

    def _map_size(self, images: Tensor) -> tuple[int, int]:
        return self.grid or (images.shape[2] // self.stride, images.shape[3] // self.stride)


def _lower_features(net: Any) -> int:
    infos = list(getattr(net, "feature_info", ()))[-2:]
    if len(infos) < 2 or not hasattr(net, "forward_intermediates"):
        return 0
    before, last = infos
    return int(before["num_chs"]) if before["reduction"] < last["reduction"] else 0


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
    mixstyle: MixStyle | None = None,
    patch_stride: int = 0,
    drop_path: float = 0.0,
    token_dropout: float = 0.0,
    attention_dropout: float = 0.0,
    side_cameras: int = 0,
    side_views: int = 0,
    side_weight: float = 3.0,
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
            transformers) look at it; without it they take the size that timm gives them. Learned
            positions of weights for another size are resampled.
        mixstyle: Put behind the first two stages.
        patch_stride: Pixels from patch to patch of a transformer; 0 leaves it as it is.
        drop_path: Probability of leaving out a residual branch, at the last block.
        token_dropout: Drop-out of a transformer's tokens behind the positions.
        attention_dropout: Drop-out of a transformer's attention weights.
        side_cameras: Cameras of a transformer's side information; 0 for none.
        side_views: Views of it; 0 for none.
        side_weight: Its weight.

    Raises:
        ConfigError: When the network is unknown or cannot be used like this, or the weights are
            missing or belong to another network.
    """
    if last_stride not in (1, 2):
        raise ConfigError(f"model.last_stride is {last_stride}; expected 1 or 2")
    net = create_network(
        name,
        ibn=ibn,
        weights=weights,
        image_size=image_size,
        drop_path=drop_path,
        token_dropout=token_dropout,
        attention_dropout=attention_dropout,
    )
    probe = _probe(net, image_size)
    grid = None
    stride = int(net.feature_info[-1]["reduction"])
    if patch_stride:
        size = (probe.shape[2], probe.shape[3])
        grid = overlap_patches(net, patch_stride, image_size=size, name=name)
        stride = size[0] // grid[0]
    # The probe runs in evaluation mode: it must not touch the statistics of the weights.
    net.eval()
    if last_stride == 1:
        keep_last_resolution(net, probe, name=name)
        stride //= 2
    cfg = net.pretrained_cfg
    mean, std = (cfg["mean"], cfg["std"]) if weights == "timm" else (IMAGENET_MEAN, IMAGENET_STD)
    backbone = Backbone(net, stride=stride, grid=grid, mean=mean, std=std)
    _check(backbone, probe, name)
    if mixstyle is not None:
        attach_mixstyle(net, mixstyle, images=probe, name=name)
    if side_cameras or side_views:
        attach_side(
            net, num_cameras=side_cameras, num_views=side_views, weight=side_weight, name=name
        )
    return backbone.train()


def _check(backbone: Backbone, probe: Tensor, name: str) -> None:
    with torch.no_grad():
        found = tuple(backbone(probe).shape)
    height, width = backbone.grid or (s // backbone.stride for s in probe.shape[2:])
    expected = (1, backbone.num_features, height, width)
    if found != expected:
        raise ConfigError(
            f"{name}: gives a map of shape {found} where {expected} was expected; this network"
            " cannot be used as a backbone, take another"
        )


def _probe(net: Any, image_size: tuple[int, int] | None) -> Tensor:
    """A blank image of a size that the network takes, on its device."""
    size = PROBE_SIZE
    if net.pretrained_cfg.get("fixed_input_size"):
        size = image_size or net.pretrained_cfg["input_size"][1:]
    first = next(net.parameters())
    return torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype)
