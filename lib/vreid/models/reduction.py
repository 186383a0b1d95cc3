"""Layers that reduce a pooled vector to the width of the embedding, before the neck."""

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError


def build_reduction(name: str, in_dim: int, *, dim: int, dropout: float = 0.0) -> nn.Module:
    """Reduce (B, in_dim) to (B, dim).

    Args:
        name: ``fc`` a linear layer; ``dropout_fc`` with drop-out before it; ``bn_dropout_fc`` with
            batch normalisation before both; ``mlp`` a second linear layer behind a ReLU.
        in_dim: Width of the vectors.
        dim: Width of the result.
        dropout: Probability of the drop-out, in [0, 1); of the two in whose name it is.

    Raises:
        ConfigError: When there is none of that name.
    """
    linear = nn.Linear(in_dim, dim)
    if name == "fc":
        return linear
    if name == "dropout_fc":
        return nn.Sequential(nn.Dropout(dropout), linear)
    if name == "bn_dropout_fc":
        return nn.Sequential(FloatBatchNorm(in_dim), nn.Dropout(dropout), linear)
    if name == "mlp":
        return nn.Sequential(linear, nn.ReLU(inplace=True), nn.Linear(dim, dim))
    raise ConfigError(
        f"model.embedding is {name!r}; expected one of fc, dropout_fc, bn_dropout_fc, mlp"
    )


class FloatBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of vectors of any type, in float32."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, D) to (B, D) float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())
