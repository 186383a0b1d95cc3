"""IBN-a: half of a residual block's first normalisation is instance normalisation.

Pan et al., "Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net", ECCV 2018,
arXiv:1807.09441. Instance normalisation takes out what differs between cameras (light, colour
response); batch normalisation keeps what tells vehicles apart. Here the conversion works on any
network of ResNet's layout, and a pretrained normalisation hands its scale and shift to both halves.
"""

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError

STAGES = ("layer1", "layer2", "layer3")  # the paper keeps the last stage, and all its statistics


class IBN(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the rest.

    The attributes are named as in the authors' checkpoints (``bn1.IN.weight``,
    ``bn1.BN.running_mean``), so that those load by name.

    Args:
        norm: The batch normalisation that is replaced; both halves start from its scale and shift,
            the batch half from its statistics too. An activation fused into it stays behind both.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        half = norm.num_features // 2
        device, dtype = norm.weight.device, norm.weight.dtype
        self.num_instance = half
        self.IN = nn.InstanceNorm2d(half, eps=norm.eps, affine=True, device=device, dtype=dtype)
        self.BN = nn.BatchNorm2d(
            norm.num_features - half,
            eps=norm.eps,
            momentum=norm.momentum,
            device=device,
            dtype=dtype,
        )
        # timm's BatchNormAct2d is a BatchNorm2d with two more steps; a plain one has none.
        steps = [getattr(norm, step) for step in ("drop", "act") if hasattr(norm, step)]
        self.after = nn.Sequential(*steps)
        self._split(norm)

    def _split(self, norm: nn.BatchNorm2d) -> None:
        with torch.no_grad():
            self.IN.weight.copy_(norm.weight[: self.num_instance])
            self.IN.bias.copy_(norm.bias[: self.num_instance])
            self.BN.weight.copy_(norm.weight[self.num_instance :])
            self.BN.bias.copy_(norm.bias[self.num_instance :])
            for ours, theirs in (
                (self.BN.running_mean, norm.running_mean),
                (self.BN.running_var, norm.running_var),
            ):
                if ours is not None and theirs is not None:
                    ours.copy_(theirs[self.num_instance :])

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise (B, C, h, w)."""
        instance, batch = maps[:, : self.num_instance], maps[:, self.num_instance :]
        joined: Tensor = self.after(torch.cat([self.IN(instance), self.BN(batch)], dim=1))
        return joined


def convert_ibn_a(net: nn.Module) -> nn.Module:
    """Turn the first normalisation of every block in the first three stages into `IBN`, in place.

    Args:
        net: A network with stages ``layer1`` to ``layer3`` whose blocks normalise in ``bn1``:
            ResNet, ResNeXt, SE-ResNet, Res2Net, ResNeSt ...

    Returns:
        The same network. Weights that it held are kept; see `IBN`.

    Raises:
        ConfigError: When the network has another layout.
    """
    blocks = [block for stage in STAGES for block in getattr(net, stage, ())]
    norms = [getattr(block, "bn1", None) for block in blocks]
    if not blocks or not all(isinstance(norm, nn.BatchNorm2d) for norm in norms):
        raise ConfigError(
            f"model.ibn: {type(net).__name__} has no stages {', '.join(STAGES)} of blocks with a"
            " batch normalisation bn1; use a ResNet or ResNeXt, or set model.ibn false"
        )
    for block in blocks:
        block.bn1 = IBN(block.bn1)
    return net
