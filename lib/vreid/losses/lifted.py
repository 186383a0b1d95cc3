"""Generalised lifted structure loss: all positives and all negatives of an anchor, smoothly.

Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", 2017,
arXiv:1703.07737, their generalisation of Oh Song et al., "Deep Metric Learning via Lifted
Structured Feature Embedding", CVPR 2016, arXiv:1511.06452. Anchors that lack a positive or a
negative are left out instead of being given the half that they have, and the mean over the others
replaces the sum.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vreid.losses.pairs import Remembered, both_sides, nothing, pair_up, pairwise_dist


def lifted_loss(
    feats: Tensor, labels: Tensor, memory: Remembered | None = None, *, margin: float = 1.0
) -> Tensor:
    """Mean over anchors of max(0, log Σ_p exp(d_p) + log Σ_n exp(m - d_n)).

    d are Euclidean distances. A margin m_p of positives as well, exp(d_p - m_p), would only move m
    to m - m_p, so that one margin says it all.

    - No anchor has both a positive and a negative: 0, with a gradient of zeros.
    - Identical features: distance 0, and gradient 0 where that distance counts (never NaN).

    Args:
        feats: (B, D) of any float type, not normalised here; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further positives and negatives.
        margin: m.

    Returns:
        A scalar float32, at least 0.
    """
    pairs = pair_up(feats, labels, memory)
    anchors = both_sides(pairs)
    if len(anchors) == 0:
        return nothing(feats)
    dist = pairwise_dist(pairs.feats, pairs.others)[anchors]  # (A, N)
    # exp(-inf) = 0 leaves a pair out, and no row is empty
    far = dist.masked_fill(~pairs.positive_mask[anchors], -torch.inf).logsumexp(dim=1)  # (A,)
    near = (-dist).masked_fill(~pairs.negative_mask[anchors], -torch.inf).logsumexp(dim=1)
    return F.relu(far + near + margin).mean()
