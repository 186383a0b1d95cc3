"""What transformers of timm need beside building: positions, overlapping patches, drop path.

VOLO: Yuan et al., "VOLO: Vision Outlooker for Visual Recognition", TPAMI 2022, arXiv:2106.13112.
Overlapping patches: He et al., "TransReID", ICCV 2021, arXiv:2102.04378. Drop path: Huang et al.,
"Deep Networks with Stochastic Depth", ECCV 2016, arXiv:1603.09382. timm drops the paths of VOLO's
transformer blocks only; here the rate rises through all blocks, and the class-attention blocks,
which come last, have the full one.
"""

import math
from collections.abc import Mapping
from typing import Any

from timm.layers.drop import DropPath
from timm.layers.pos_embed import resample_abs_pos_embed, resample_abs_pos_embed_nhwc
from torch import Tensor, nn

from vreid.errors import ConfigError

VOLO_PATCH = 8  # pixels
VOLO_POOLING = 2  # patches a side that VOLO joins before it adds the positions


def drop_pooling(net: Any) -> None:
    """Take a transformer's own pooling away, so that what is left gives normalised tokens.

    Networks trained on the mean of their tokens normalise that mean; here the same layer
    normalises every token. Attention pooling (SigLIP) goes altogether.
    """
    if isinstance(getattr(net, "norm", None), nn.Identity) and hasattr(net, "fc_norm"):
        net.norm, net.fc_norm = net.fc_norm, nn.Identity()
    if getattr(net, "attn_pool", None) is not None:
        net.attn_pool = None


def fit_state(net: Any, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A file's tensors with the names and the grid of positions that a network has.

    - Learned positions of another image size are resampled (bicubic); the file's image was square.
    - The normalisation and the layers of `drop_pooling` are treated alike.
    - Everything else stays, also what does not fit.
    """
    ours = net.state_dict()
    fitted = dict(state)
    for field in ("weight", "bias"):
        if f"fc_norm.{field}" in fitted and f"fc_norm.{field}" not in ours:
            fitted[f"norm.{field}"] = fitted.pop(f"fc_norm.{field}")
    if getattr(net, "attn_pool", None) is None:
        fitted = {key: value for key, value in fitted.items() if not key.startswith("attn_pool.")}
    old, new = fitted.get("pos_embed"), ours.get("pos_embed")
    if old is not None and new is not None and old.shape != new.shape:
        fitted["pos_embed"] = _resampled(net, old, new)
    return fitted


def _resampled(net: Any, old: Tensor, new: Tensor) -> Tensor:
    if old.ndim != new.ndim or old.shape[-1] != new.shape[-1]:
        return old
    if new.ndim == 4:  # VOLO: (1, h, w, C)
        resized: Tensor = resample_abs_pos_embed_nhwc(old, list(new.shape[1:3]))
        return resized
    num_prefix = _prefix(net)
    side = math.isqrt(max(0, old.shape[1] - num_prefix))
    if side * side + num_prefix != old.shape[1]:
        return old
    tokens: Tensor = resample_abs_pos_embed(
        old, list(net.patch_embed.grid_size), old_size=[side, side], num_prefix_tokens=num_prefix
    )
    return tokens


def _prefix(net: Any) -> int:
    """Tokens with a position but no place in the picture."""
    return 0 if getattr(net, "no_embed_class", False) else int(getattr(net, "num_prefix_tokens", 0))


def overlap_patches(
    net: Any, stride: int, *, image_size: tuple[int, int], name: str
) -> tuple[int, int]:
    """Cut the patches so that neighbours overlap.

    - A ViT keeps its patch projection and moves it by fewer pixels; positions are resampled.
    - A VOLO gets one convolution of 8 x 8 pixels with batch normalisation in place of its stem; it
      starts from random weights.

    Args:
        net: Built for ``image_size``.
        stride: Pixels from patch to patch.
        image_size: Height and width in pixels.
        name: The network's name for the message.

    Returns:
        Rows and columns of the final map.

    Raises:
        ConfigError: When the network does not cut patches, or they would not overlap.
    """
    if hasattr(net, "pooling_scale"):
        return _overlap_volo(net, stride, image_size, name)
    embed: Any = getattr(net, "patch_embed", None)
    if not isinstance(getattr(embed, "proj", None), nn.Conv2d) or not hasattr(net, "blocks"):
        raise ConfigError(
            f"model.patch_stride: {name} does not cut its image into patches of one size; take a"
            " ViT or a VOLO, or set model.patch_stride 0"
        )
    _check_stride(stride, embed.patch_size[0], name)
    old = list(embed.grid_size)
    grid = _grid(image_size, embed.patch_size[0], stride)
    embed.proj.stride = (stride, stride)
    embed.grid_size, embed.num_patches = grid, grid[0] * grid[1]
    if getattr(net, "pos_embed", None) is not None:
        positions = resample_abs_pos_embed(
            net.pos_embed.detach(), list(grid), old_size=old, num_prefix_tokens=_prefix(net)
        )
        net.pos_embed = nn.Parameter(positions)
    if hasattr(getattr(net, "rope", None), "update_feat_shape"):
        net.rope.update_feat_shape(list(grid))
    return grid


def _overlap_volo(net: Any, stride: int, image_size: tuple[int, int], name: str) -> tuple[int, int]:
    _check_stride(stride, VOLO_PATCH, name)
    dim = net.patch_embed.proj.out_channels
    net.patch_embed = nn.Sequential(
        nn.Conv2d(3, dim, VOLO_PATCH, stride=stride, bias=False), nn.BatchNorm2d(dim)
    ).to(net.pos_embed.device)
    height, width = _grid(image_size, VOLO_PATCH, stride)
    grid = (height // VOLO_POOLING, width // VOLO_POOLING)
    net.pos_embed = nn.Parameter(resample_abs_pos_embed_nhwc(net.pos_embed.detach(), list(grid)))
    return grid


def _check_stride(stride: int, patch: int, name: str) -> None:
    if not 0 < stride <= patch:
        raise ConfigError(
            f"model.patch_stride is {stride}; patches of {name} have {patch} pixels a side, so 1 to"
            f" {patch} is needed, or 0 to leave the network as it is"
        )


def _grid(size: tuple[int, int], patch: int, stride: int) -> tuple[int, int]:
    return (size[0] - patch) // stride + 1, (size[1] - patch) // stride + 1


def spread_drop_path(net: Any, rate: float) -> None:
    """Let the rate rise from 0 at the first block of a VOLO to ``rate`` at its last.

    Other networks have theirs from timm and stay as they are.
    """
    if not hasattr(net, "post_network") or rate == 0:
        return
    stages = [stage for stage in net.network if isinstance(stage, nn.Sequential)]
    blocks = [block for stage in stages for block in stage]
    for idx, block in enumerate(blocks):
        _drop_paths(block, rate * idx / (len(blocks) - 1))
    for block in net.post_network:
        _drop_paths(block, rate)


def _drop_paths(block: Any, rate: float) -> None:
    block.drop_path1, block.drop_path2 = DropPath(rate), DropPath(rate)
