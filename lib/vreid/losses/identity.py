"""ID loss: cross entropy with label smoothing.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
arXiv:1512.00567, section 7.
"""

import torch.nn.functional as F
from torch import Tensor


def identity_loss(logits: Tensor, labels: Tensor, *, smoothing: float = 0.1) -> Tensor:
    """Mean over the batch of -Σ_c t_c · log softmax(z)_c, t = (1 - ε) · onehot + ε / C.

    Args:
        logits: (B, C) of any float type; the loss is computed in float32.
        labels: (B,) int64 in [0, C).
        smoothing: ε in [0, 1); 0 is plain cross entropy.

    Returns:
        A scalar float32.
    """
    return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
