"""Contrastive loss on normalised features, in a similarity and in a distance form.

Hadsell et al., "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006. The
similarity form is that of Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020,
arXiv:1912.06798; the distance form leaves the distances unsquared.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from vreid.losses.pairs import Remembered, pair_up, pairwise_dist, pairwise_sim, unit

Form = Literal["similarity", "distance"]


def contrastive_loss(
    feats: Tensor,
    labels: Tensor,
    memory: Remembered | None = None,
    *,
    margin: float = 0.3,
    form: Form = "similarity",
) -> Tensor:
    """Pull positives together, push negatives apart until a margin.

    - ``similarity``, over cosines s: (1/B) Σ_anchors (Σ_p (1 - s_p) + Σ_n s_n where s_n > margin).
    - ``distance``, over Euclidean distances d in [0, 2]: mean of d_p over the positive pairs with
      d_p > 0, plus mean of margin - d_n over the negative pairs with d_n < margin.
    - No positives, or no negatives: that part is 0; neither: 0, with a gradient of zeros.
    - Identical features: distance 0 with gradient 0, never NaN.

    Args:
        feats: (B, D) of any float type, normalised here; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further positives and negatives.
        margin: Cosine below which, or distance above which a negative is left alone.
        form: See above.

    Returns:
        A scalar float32, at least 0 unless the margin is a negative cosine.
    """
    pairs = pair_up(feats, labels, memory)
    if form == "similarity":
        sim = pairwise_sim(pairs.feats, pairs.others)  # (B, N)
        attract = (1 - sim) * (pairs.positive_mask & (sim < 1))
        repel = sim * (pairs.negative_mask & (sim > margin))
        return (attract.sum() + repel.sum()) / len(feats)
    dist = pairwise_dist(unit(pairs.feats), unit(pairs.others))  # (B, N)
    attract = dist * pairs.positive_mask
    repel = F.relu(margin - dist) * pairs.negative_mask
    return _mean_of_positive(attract) + _mean_of_positive(repel)


def _mean_of_positive(values: Tensor) -> Tensor:
    """Mean of the values above 0, which are the only ones besides zeros; 0 without any."""
    return values.sum() / (values > 0).sum().clamp_min(1)
