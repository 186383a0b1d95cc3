"""The head of an embedder: BNNeck and a linear classifier.

Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPRW 2019,
arXiv:1903.07071. The metric loss acts on the feature before the neck, the classifier on the one
behind it; retrieval uses the one behind.
"""

import torch
from torch import Tensor, nn


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation whose shift stays 0, so that classes are told apart by direction.

    Args:
        dim: Width of the feature.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.bias.requires_grad_(False)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, D) in float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def build_classifier(dim: int, num_classes: int) -> nn.Linear:
    """A linear layer without shift, so small at first that training starts from even odds."""
    classifier = nn.Linear(dim, num_classes, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier
