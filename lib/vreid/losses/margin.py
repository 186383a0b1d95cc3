"""Margin softmax: a classifier of cosines whose own class must win by a margin.

ArcFace: Deng et al., CVPR 2019, arXiv:1801.07698, an angle as the margin. CosFace: Wang et al.,
CVPR 2018, arXiv:1801.09414, the same as AM-Softmax: Wang et al., 2018, arXiv:1801.05599, a cosine
as the margin. What they return goes through the cross entropy of `identity_loss`.
"""

import math

import torch
from torch import Tensor


def arcface_logits(
    cosines: Tensor, labels: Tensor, *, scale: float = 64.0, margin: float = 0.5
) -> Tensor:
    """s · cos(θ + m) for the own class, s · cos θ for the others.

    Beyond θ = π - m, where cos(θ + m) would rise again, it is s · (cos θ - m · sin m), which keeps
    falling (the authors' code; the value jumps there).

    Args:
        cosines: (B, C) in [-1, 1] of any float type.
        labels: (B,) int64 in [0, C).
        scale: s.
        margin: m in radians.

    Returns:
        (B, C) float32 logits.
    """
    cosines = cosines.float()
    own = cosines.gather(1, labels[:, None])  # (B, 1)
    # By cos and sin and not by acos, whose gradient is infinite at 1; the root's is kept off 0.
    sine = (1 - own.square()).clamp_min(1e-7).sqrt()
    turned = own * math.cos(margin) - sine * math.sin(margin)
    falling = own - margin * math.sin(margin)
    target = torch.where(own >= math.cos(math.pi - margin), turned, falling)
    return scale * cosines.scatter(1, labels[:, None], target)


def cosface_logits(
    cosines: Tensor, labels: Tensor, *, scale: float = 64.0, margin: float = 0.35
) -> Tensor:
    """s · (cos θ - m) for the own class, s · cos θ for the others.

    Args:
        cosines: (B, C) in [-1, 1] of any float type.
        labels: (B,) int64 in [0, C).
        scale: s.
        margin: m, a difference of cosines.

    Returns:
        (B, C) float32 logits.
    """
    cosines = cosines.float()
    own = cosines.gather(1, labels[:, None])  # (B, 1)
    return scale * cosines.scatter(1, labels[:, None], own - margin)
