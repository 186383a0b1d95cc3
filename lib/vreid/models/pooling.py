"""Pooling of a feature map to one vector: generalised mean (GeM), average, or their sum.

Radenović et al., "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019,
arXiv:1711.02512. One exponent for all channels, fixed by default, and always in float32: the third
power of a bfloat16 activation keeps two digits.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError

Pooling = Literal["gem", "avg", "gem_avg", "token"]


class GeM(nn.Module):
    """Generalised mean: (mean over pixels of max(x, eps)^p)^(1/p).

    p = 1 is the average (of positive maps), p -> infinity the maximum.

    Args:
        p: The exponent, above 0.
        learnable: Whether p is trained along.
        eps: Smallest value taken, since powers need positive ones.
    """

    def __init__(self, p: float = 3.0, *, learnable: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        if p <= 0:
            raise ConfigError(f"model.gem_p is {p}; expected an exponent above 0, usually 3")
        self.p: float | Tensor = nn.Parameter(torch.tensor([p])) if learnable else p
        self.eps = eps

    def forward(self, maps: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C) float32."""
        with torch.autocast(maps.device.type, enabled=False):
            powers = maps.float().clamp(min=self.eps).pow(self.p)
            return powers.mean(dim=(2, 3)).pow(1 / self.p)


class AveragePool(nn.Module):
    """The plain mean over pixels."""

    def forward(self, maps: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C) float32."""
        return maps.float().mean(dim=(2, 3))


class GeMPlusAverage(nn.Module):
    """The sum of GeM and average, of the width of either.

    Args:
        p: Exponent of GeM.
        learnable: Whether p is trained along.
    """

    def __init__(self, p: float = 3.0, *, learnable: bool = False) -> None:
        super().__init__()
        self.gem, self.avg = GeM(p, learnable=learnable), AveragePool()

    def forward(self, maps: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C) float32."""
        pooled: Tensor = self.gem(maps) + self.avg(maps)
        return pooled


def build_pooling(name: str, *, p: float = 3.0, learnable: bool = False) -> nn.Module:
    """The pooling of that name; ``p`` and ``learnable`` are GeM's.

    ``token`` leaves what it gets, the class token, as it is.

    Raises:
        ConfigError: When there is none of that name.
    """
    choices: dict[str, nn.Module] = {
        "gem": GeM(p, learnable=learnable),
        "avg": AveragePool(),
        "gem_avg": GeMPlusAverage(p, learnable=learnable),
        "token": nn.Identity(),
    }
    if name not in choices:
        raise ConfigError(f"model.pooling is {name!r}; expected one of {', '.join(choices)}")
    return choices[name]
