"""Pairs of a batch, and of a batch with a memory: which go together, how far apart, how similar."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NO_LABEL = -1  # of an empty place in a memory: pairs with nothing


class Remembered(NamedTuple):
    """Features of earlier batches that a batch is compared with as well.

    Attributes:
        feats: (M, D) float32, without a gradient.
        labels: (M,) int64; `NO_LABEL` where the place is empty.
    """

    feats: Tensor
    labels: Tensor


class Pairs(NamedTuple):
    """A batch as anchors (rows) against all that it is compared with (columns).

    Attributes:
        feats: (B, D) float32, the anchors.
        others: (N, D) float32: the batch itself in the same order, then the memory; N = B + M.
        positive_mask: (B, N) bool, same label and not the anchor itself.
        negative_mask: (B, N) bool, another label.
    """

    feats: Tensor
    others: Tensor
    positive_mask: Tensor
    negative_mask: Tensor


def pair_up(feats: Tensor, labels: Tensor, memory: Remembered | None = None) -> Pairs:
    """All pairs that start in a batch (B, D) with labels (B,), in any order."""
    feats = feats.float()
    others, other_labels = feats, labels
    if memory is not None:
        others = torch.cat([feats, memory.feats])
        other_labels = torch.cat([labels, memory.labels])
    same_mask = labels[:, None] == other_labels[None, :]  # (B, N)
    itself_mask = torch.zeros_like(same_mask).fill_diagonal_(True)
    filled_mask = other_labels != NO_LABEL  # (N,)
    return Pairs(feats, others, same_mask & ~itself_mask, ~same_mask & filled_mask)


def both_sides(pairs: Pairs) -> Tensor:
    """Indices (A,) of the anchors that have a positive and a negative."""
    has_both = pairs.positive_mask.any(dim=1) & pairs.negative_mask.any(dim=1)
    return has_both.nonzero()[:, 0]


def nothing(feats: Tensor) -> Tensor:
    """The loss 0 of a batch without pairs; no constant, so that backward still works."""
    return feats.float().sum() * 0


def unit(feats: Tensor) -> Tensor:
    """Features (B, D) at length 1, float32.

    - Features of length 0 have no direction: they stay 0, with gradient 0.
    """
    feats = feats.float()
    # Without the mask the gradient of a zero would be 1e12 times that of its direction.
    zero_mask = (feats == 0).all(dim=1, keepdim=True)  # (B, 1)
    return F.normalize(feats, dim=1).masked_fill(zero_mask, 0.0)


def pairwise_dist(feats: Tensor, others: Tensor) -> Tensor:
    """Euclidean distances (B, N) in float32.

    By differences and not by |x|² + |y|² - 2 x·y: near zero the latter loses the digits that a
    margin is about, and its root has an infinite gradient.
    """
    with torch.autocast(feats.device.type, enabled=False):
        mode = "donot_use_mm_for_euclid_dist"
        return torch.cdist(feats.float(), others.float(), compute_mode=mode)


def pairwise_sim(feats: Tensor, others: Tensor) -> Tensor:
    """Cosines (B, N) in float32."""
    with torch.autocast(feats.device.type, enabled=False):
        return unit(feats) @ unit(others).T
