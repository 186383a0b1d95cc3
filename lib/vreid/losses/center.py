"""Centre loss: features are pulled to a trained centre of their class.

Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016. The
centres are parameters with an optimizer of their own, as in the strong baseline of Luo et al.,
CVPRW 2019, arXiv:1903.07071, whose mean of squared distances is used here too.
"""

import torch
from torch import Tensor, nn


class CenterLoss(nn.Module):
    """Mean over the batch of ‖f - c_y‖².

    The centres follow the features at a rate of their own: the gradient of the term for the total
    reaches the features with the loss's weight, the centres with weight 1.

    Args:
        num_classes: C.
        dim: D, the width of the features.

    Attributes:
        centers: (C, D), at first standard normal.
    """

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(num_classes, dim))

    def forward(self, feats: Tensor, labels: Tensor, *, weight: float) -> tuple[Tensor, Tensor]:
        """The loss of a batch.

        Args:
            feats: (B, D) of any float type; the loss is computed in float32.
            labels: (B,) int64 in [0, C).
            weight: Of the loss in the total.

        Returns:
            Two scalars: the loss, and the term to add to the total, whose value is weight · loss.
        """
        feats, own = feats.float(), self.centers[labels]  # (B, D)
        loss = (feats - own.detach()).square().sum(dim=1).mean()
        follow = (feats.detach() - own).square().sum(dim=1).mean()
        return loss, weight * loss + (follow - follow.detach())  # the bracket adds a gradient only
