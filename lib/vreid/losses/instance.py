"""Instance loss within a batch: every class is told from the others by its mean feature.

Zheng et al., "Dual-Path Convolutional Image-Text Embeddings with Instance Loss", ACM TOMM 2020,
arXiv:1711.05535, take every instance as a class of a softmax. Here, as in the first author's later
person ReID code, the classes are those of the batch and the softmax is over cosines of their means,
so that no classifier is learnt. It only pushes classes apart; what gathers the images of one class
must be another loss.

Earlier versions of that code, and pytorch-metric-learning, have no means: they ask image i to be
most like image number y_i of the batch, y_i being the place of its label among the sorted labels,
which with several images a class is an unrelated image. With one image a class, in the order of
the labels, all forms agree.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vreid.losses.pairs import NO_LABEL, Remembered, nothing, unit


def instance_loss(
    feats: Tensor, labels: Tensor, memory: Remembered | None = None, *, scale: float = 32.0
) -> Tensor:
    """Mean over the batch's classes c of log Σ_k exp(γ s_ck) - γ s_cc.

    s are cosines between the means of the classes' normalised features; s_cc is 1.

    - One class only: 0, with a gradient of zeros.
    - A class whose features cancel out has no direction: its cosines are 0, without a gradient.

    Args:
        feats: (B, D) of any float type, normalised here; the loss is computed in float32.
        labels: (B,) integers.
        memory: Further images of the batch's classes, which enter their means, and further classes
            k.
        scale: γ.

    Returns:
        A scalar float32, at least 0.
    """
    directions, all_labels = unit(feats), labels  # (N, D), (N,)
    if memory is not None:
        directions = torch.cat([directions, unit(memory.feats)])
        all_labels = torch.cat([labels, memory.labels])
    classes = torch.unique(all_labels[all_labels != NO_LABEL])  # (C,)
    if len(classes) < 2:
        return nothing(feats)
    own = torch.isin(classes, labels).nonzero()[:, 0]  # places of the batch's own classes
    member_mask = classes[:, None] == all_labels  # (C, N)
    with torch.autocast(feats.device.type, enabled=False):
        means = unit(member_mask.float() @ directions)  # (C, D); sums have the means' directions
        return F.cross_entropy(scale * means[own] @ means.T, own)
