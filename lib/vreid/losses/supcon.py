"""Supervised contrastive loss.

Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, arXiv:2004.11362, equation 2
(L_out). The features are normalised here, and positives are found by label, so that the batch may
come in any order and with any number of images a label.
"""

import torch
from torch import Tensor

from vreid.losses.pairs import Remembered, nothing, pair_up, pairwise_sim


def supcon_loss(
    feats: Tensor,
    labels: Tensor,
    memory: Remembered | None = None,
    *,
    temperature: float = 0.07,
) -> Tensor:
    """Mean over anchors of -1/|P| Σ_p log(exp(s_p / τ) / Σ_a exp(s_a / τ)).

    p runs over the anchor's positives P, a over everything but the anchor itself, s is the cosine.

    - Anchors without a positive are left out; none is left: 0, with a gradient of zeros.
    - No negatives: still defined, the positives compete among themselves.

    Args:
        feats: (B, D) of any float type; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further positives and negatives.
        temperature: τ, above 0.

    Returns:
        A scalar float32, at least 0.
    """
    pairs = pair_up(feats, labels, memory)
    anchors = pairs.positive_mask.any(dim=1).nonzero()[:, 0]
    if len(anchors) == 0:
        return nothing(feats)
    positive_mask = pairs.positive_mask[anchors]  # (A, N)
    rival_mask = positive_mask | pairs.negative_mask[anchors]
    logits = pairwise_sim(pairs.feats, pairs.others)[anchors] / temperature
    log_sum = logits.masked_fill(~rival_mask, -torch.inf).logsumexp(dim=1)  # (A,)
    mean_own = (logits * positive_mask).sum(dim=1) / positive_mask.sum(dim=1)
    return (log_sum - mean_own).mean()
