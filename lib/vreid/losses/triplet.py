"""Batch-hard triplet loss on Euclidean distances.

Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", 2017,
arXiv:1703.07737. Anchors that lack a positive or a negative in the batch are left out instead of
being given a distance they do not have.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vreid.errors import ConfigError


def triplet_loss(feats: Tensor, labels: Tensor, *, margin: float = 0.3) -> Tensor:
    """Mean over anchors of max(0, d_ap - d_an + margin), or of log(1 + exp(d_ap - d_an)).

    d_ap is the distance to the farthest image of the anchor's label, d_an to the nearest one of
    another label.

    - No anchor has both a positive and a negative: 0, with a gradient of zeros.
    - Identical features: distance 0, and gradient 0 where that distance counts (never NaN).

    Args:
        feats: (B, D) of any float type, not normalised; the loss is computed in float32.
        labels: (B,) integers.
        margin: Above 0 the hard margin; 0 takes the second, soft form.

    Returns:
        A scalar float32, at least 0.

    Raises:
        ConfigError: When the margin is negative.
    """
    if margin < 0:
        raise ConfigError(f"loss.margin is {margin}; expected 0 (soft margin) or more, such as 0.3")
    dist = _pairwise_dist(feats)  # (B, B)
    same_mask = labels[:, None] == labels[None, :]
    itself_mask = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive_mask, negative_mask = same_mask & ~itself_mask, ~same_mask
    anchors = (positive_mask.any(dim=1) & negative_mask.any(dim=1)).nonzero()[:, 0]
    if len(anchors) == 0:
        return feats.float().sum() * 0  # not a constant: backward must still work
    dist = dist[anchors]  # (A, B)
    dist_ap = dist.masked_fill(~positive_mask[anchors], -torch.inf).max(dim=1).values
    dist_an = dist.masked_fill(~negative_mask[anchors], torch.inf).min(dim=1).values
    if margin == 0:
        return F.softplus(dist_ap - dist_an).mean()
    return F.relu(dist_ap - dist_an + margin).mean()


def _pairwise_dist(feats: Tensor) -> Tensor:
    """Euclidean distances (B, B) in float32.

    By differences and not by |x|² + |y|² - 2 x·y: near zero the latter loses the digits that the
    margin is about, and its root has an infinite gradient.
    """
    with torch.autocast(feats.device.type, enabled=False):
        feats = feats.float()
        return torch.cdist(feats, feats, compute_mode="donot_use_mm_for_euclid_dist")
