"""The head of an embedder: BNNeck and a classifier, linear or of cosines.

Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPRW 2019,
arXiv:1903.07071. The metric loss acts on the feature before the neck, the classifier on the one
behind it; retrieval uses the one behind.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation whose shift stays 0, so that classes are told apart by direction.

    Args:
        dim: Width of the feature.
        shift: Whether the shift is trained after all.
    """

    def __init__(self, dim: int, *, shift: bool = False) -> None:
        super().__init__(dim)
        self.bias.requires_grad_(shift)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, D) in float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


class CosineClassifier(nn.Linear):
    """The cosines between a feature and the directions of the classes, for margin softmax.

    Args:
        dim: Width of the feature.
        num_classes: Number of classes.
    """

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__(dim, num_classes, bias=False)
        nn.init.xavier_uniform_(self.weight)  # only the directions count

    def forward(self, input: Tensor) -> Tensor:
        """Cosines (B, C) of features (B, D), float32: below 1 bfloat16 goes on at 0.996."""
        with torch.autocast(input.device.type, enabled=False):
            return F.linear(F.normalize(input.float()), F.normalize(self.weight.float()))


def build_classifier(
    dim: int, num_classes: int, *, cosine: bool = False, bias: bool = False
) -> nn.Linear:
    """A linear layer without shift, so small at first that training starts from even odds.

    With ``cosine`` a `CosineClassifier` instead, with ``bias`` one that has a shift.
    """
    if cosine:
        return CosineClassifier(dim, num_classes)
    classifier = nn.Linear(dim, num_classes, bias=bias)
    nn.init.normal_(classifier.weight, std=0.001)
    if bias:
        nn.init.zeros_(classifier.bias)
    return classifier
