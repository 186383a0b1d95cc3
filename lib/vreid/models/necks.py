"""The neck between the feature of the metric loss and the classifier: BN, LN, or none.

BNNeck: Luo et al., CVPRW 2019, arXiv:1903.07071, in `vreid.models.heads`. LNNeck: the same place
with layer normalisation, as transformers use it; it has no statistics of the training set.
"""

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.models.heads import BNNeck


class LNNeck(nn.LayerNorm):
    """Layer normalisation whose shift stays 0 unless it is to be trained.

    Args:
        dim: Width of the feature.
        shift: Whether the shift is trained.
    """

    def __init__(self, dim: int, *, shift: bool = False) -> None:
        super().__init__(dim)
        self.bias.requires_grad_(shift)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, D) in float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def build_neck(name: str, dim: int, *, shift: bool = False) -> nn.Module:
    """The neck of that name: ``bn``, ``ln`` or ``none``.

    Args:
        name: Its name.
        dim: Width of the feature.
        shift: Whether its shift is trained; a BNNeck's is not.

    Raises:
        ConfigError: When there is none of that name.
    """
    if name == "bn":
        return BNNeck(dim, shift=shift)
    if name == "ln":
        return LNNeck(dim, shift=shift)
    if name == "none":
        return nn.Identity()
    raise ConfigError(f"model.neck is {name!r}; expected one of bn, ln, none")
