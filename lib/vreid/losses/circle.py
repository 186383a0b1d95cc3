"""Circle loss, between classes and between pairs.

Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020,
arXiv:2002.10857. Each similarity pulls with a weight that grows with its distance from its optimum
(1 + m for positives, -m for negatives); the weights carry no gradient.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vreid.losses.pairs import Remembered, both_sides, nothing, pair_up, pairwise_sim

Form = Literal["batch", "anchor"]


def circle_logits(
    cosines: Tensor, labels: Tensor, *, scale: float = 64.0, margin: float = 0.35
) -> Tensor:
    """Class-level form: s · [1 + m - c]₊ · (c - 1 + m) for the own class, s · [c + m]₊ · (c - m).

    Args:
        cosines: c, (B, C) in [-1, 1] of any float type.
        labels: (B,) int64 in [0, C).
        scale: s.
        margin: m.

    Returns:
        (B, C) float32 logits, for the cross entropy of `identity_loss`.
    """
    cosines = cosines.float()
    own_mask = torch.zeros_like(cosines, dtype=torch.bool).scatter_(1, labels[:, None], True)
    return torch.where(own_mask, *_pulls(cosines, scale, margin))


def circle_loss(
    feats: Tensor,
    labels: Tensor,
    memory: Remembered | None = None,
    *,
    scale: float = 32.0,
    margin: float = 0.25,
    form: Form = "batch",
) -> Tensor:
    """Pair-wise form: softplus(log Σ_n exp(γ α_n (s_n - m)) + log Σ_p exp(-γ α_p (s_p - 1 + m))).

    α_p = [1 + m - s_p]₊, α_n = [s_n + m]₊, over cosines s of positive and negative pairs.

    - ``anchor``: the sums run over one anchor's pairs; the mean over the anchors that have both
      kinds (the paper's form, for which it takes γ = 128 in re-identification).
    - ``batch``: the sums run over all pairs of the batch, each once; the whole is divided by B
      (as other vehicle systems train it, with γ = 32).
    - No positives or no negatives: 0, with a gradient of zeros.

    Args:
        feats: (B, D) of any float type, normalised here; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further positives and negatives.
        scale: γ.
        margin: m.
        form: Over what the sums run, see above.

    Returns:
        A scalar float32, at least 0.
    """
    pairs = pair_up(feats, labels, memory)
    sim = pairwise_sim(pairs.feats, pairs.others)  # (B, N)
    own, other = _pulls(sim, scale, margin)
    if form == "batch":
        positives = -own[pairs.positive_mask.triu(1)]  # pair (i, j) of the batch only for i < j
        negatives = other[pairs.negative_mask.triu(1)]
        if len(positives) == 0 or len(negatives) == 0:
            return nothing(feats)
        return F.softplus(negatives.logsumexp(0) + positives.logsumexp(0)) / len(feats)
    anchors = both_sides(pairs)
    if len(anchors) == 0:
        return nothing(feats)
    # (A, N); exp(-inf) = 0 leaves a pair out, and no row is empty
    positives = (-own)[anchors].masked_fill(~pairs.positive_mask[anchors], -torch.inf)
    negatives = other[anchors].masked_fill(~pairs.negative_mask[anchors], -torch.inf)
    return F.softplus(negatives.logsumexp(1) + positives.logsumexp(1)).mean()


def _pulls(sim: Tensor, scale: float, margin: float) -> tuple[Tensor, Tensor]:
    """What each similarity counts as a positive, and as a negative."""
    own = scale * F.relu(1 + margin - sim.detach()) * (sim - (1 - margin))
    other = scale * F.relu(sim.detach() + margin) * (sim - margin)
    return own, other
