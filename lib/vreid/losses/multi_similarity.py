"""Multi-similarity mining: of an anchor's pairs, those that are hard beside its other kind.

Wang et al., "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning", CVPR
2019, arXiv:1904.06627, equations 9 and 10. Only the mining is here; the pairs go to the triplet
loss, as regob's vehicle training does it.
"""

import torch
from torch import Tensor

from vreid.losses.pairs import Pairs, pairwise_sim


@torch.no_grad()
def mine_multi_similarity(pairs: Pairs, *, epsilon: float = 0.1) -> tuple[Tensor, Tensor]:
    """The pairs worth learning from, by cosines s.

    A positive pair stays when s - ε is below the anchor's nearest negative, a negative pair when
    s + ε is above its farthest positive.

    - Anchors without a positive or without a negative: none of their pairs stays.

    Args:
        pairs: Of B anchors with N others; their features need not be normalised.
        epsilon: ε, how much easier than the hardest of the other kind a pair may be.

    Returns:
        Two (B, N) masks, of positive and of negative pairs.
    """
    sim = pairwise_sim(pairs.feats, pairs.others)  # (B, N)
    nearest = sim.masked_fill(~pairs.negative_mask, -torch.inf).amax(dim=1, keepdim=True)
    farthest = sim.masked_fill(~pairs.positive_mask, torch.inf).amin(dim=1, keepdim=True)  # (B, 1)
    positive_mask = pairs.positive_mask & (sim - epsilon < nearest)
    return positive_mask, pairs.negative_mask & (sim + epsilon > farthest)
