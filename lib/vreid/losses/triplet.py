"""Triplet loss on Euclidean distances, with four ways to choose an anchor's triplets.

Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", 2017,
arXiv:1703.07737 (batch hard, batch sample, soft margin); Ye et al., "Deep Learning for Person
Re-identification: A Survey and Outlook", TPAMI 2021, arXiv:2001.04193 (softmax-weighted triplets,
here batch soft); `vreid.losses.multi_similarity` for the pairs of the fourth. Anchors that lack a
positive or a negative in the batch are left out instead of being given a distance they do not have.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vreid.errors import ConfigError
from vreid.losses.multi_similarity import mine_multi_similarity
from vreid.losses.pairs import Pairs, Remembered, both_sides, nothing, pair_up, pairwise_dist

Mining = Literal["batch_hard", "batch_sample", "batch_soft", "multi_similarity"]


def triplet_loss(
    feats: Tensor,
    labels: Tensor,
    memory: Remembered | None = None,
    *,
    margin: float = 0.3,
    mining: Mining = "batch_hard",
    ms_epsilon: float = 0.1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean over anchors of max(0, d_ap - d_an + margin), or of log(1 + exp(d_ap - d_an)).

    Over the anchor's distances d to its positives and to its negatives:

    - ``batch_hard``: d_ap is the largest, d_an the smallest.
    - ``batch_sample``: one of each by chance, drawn with softmax(d) and softmax(-d).
    - ``batch_soft``: their averages, weighted with softmax(d) and softmax(-d).
    - ``multi_similarity``: all triplets of a positive and a negative pair that
      `mine_multi_similarity` finds for one anchor, and the mean is over those of them, in the whole
      batch, that are not 0.

    Corner cases:

    - No anchor has both a positive and a negative, or none is mined: 0, with a gradient of zeros.
    - Identical features: distance 0, and gradient 0 where that distance counts (never NaN).

    Args:
        feats: (B, D) of any float type, not normalised; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further positives and negatives.
        margin: Above 0 the hard margin; 0 takes the second, soft form.
        mining: How triplets are chosen, see above.
        ms_epsilon: Of ``multi_similarity``, a difference of cosines.
        generator: Dice of ``batch_sample``; None takes torch's own, as dropout does.

    Returns:
        A scalar float32, at least 0.

    Raises:
        ConfigError: When the margin is negative.
    """
    if margin < 0:
        raise ConfigError(f"loss.margin is {margin}; expected 0 (soft margin) or more, such as 0.3")
    pairs = pair_up(feats, labels, memory)
    if mining == "multi_similarity":
        return _mean_of_mined(pairs, margin, ms_epsilon)
    anchors = both_sides(pairs)
    if len(anchors) == 0:
        return nothing(feats)
    dist = pairwise_dist(pairs.feats, pairs.others)[anchors]  # (A, N)
    # Of the positives the far ones count, of the negatives the near ones.
    dist_ap = _chosen(dist, dist, pairs.positive_mask[anchors], mining, generator)
    dist_an = _chosen(dist, -dist, pairs.negative_mask[anchors], mining, generator)
    return _terms(dist_ap - dist_an, margin).mean()


def _terms(gaps: Tensor, margin: float) -> Tensor:
    """What differences d_ap - d_an of any shape cost, each for itself."""
    return F.softplus(gaps) if margin == 0 else F.relu(gaps + margin)


def _mean_of_mined(pairs: Pairs, margin: float, epsilon: float) -> Tensor:
    """The loss of all triplets of mined pairs, its mean over those that are not 0."""
    positive_mask, negative_mask = mine_multi_similarity(pairs, epsilon=epsilon)
    anchors, positives = positive_mask.nonzero(as_tuple=True)  # (P,) mined positive pairs
    dist = pairwise_dist(pairs.feats, pairs.others)  # (B, N)
    gaps = dist[anchors, positives, None] - dist[anchors]  # (P, N)
    terms = _terms(gaps[negative_mask[anchors]], margin)  # (T,) triplets
    return terms.sum() / (terms > 0).sum().clamp_min(1)


def _chosen(
    dist: Tensor,
    hardness: Tensor,
    mask: Tensor,
    mining: Mining,
    generator: torch.Generator | None,
) -> Tensor:
    """One distance (A,) of each row of (A, N), among those under the mask; no row is empty."""
    hardness = hardness.masked_fill(~mask, -torch.inf)
    if mining == "batch_hard":
        idx = hardness.max(dim=1, keepdim=True).indices
    elif mining == "batch_sample":
        idx = torch.multinomial(hardness.detach().softmax(dim=1), 1, generator=generator)
    else:
        return (hardness.softmax(dim=1) * dist).sum(dim=1)
    return dist.gather(1, idx)[:, 0]
