"""Attention on the last feature map: CBAM, or the channel-affinity form.

CBAM: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018, arXiv:1807.06521; as in
the ablations of vehicle networks without batch normalisation in the spatial gate, and after the
last stage only. Channel affinity: the channel attention of Fu et al., "Dual Attention Network",
CVPR 2019, arXiv:1809.02983, on a convolved copy of the map; here the affinities are divided by the
root of the number of pixels, without which the softmax always picks the channel itself.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vreid.errors import ConfigError


class CBAM(nn.Module):
    """Weigh the channels of a map, then its pixels, each with a gate in (0, 1).

    Channels: a perceptron, the same for the mean and the maximum over the pixels; their sum goes
    through the sigmoid. Pixels: a convolution over the mean and the maximum of the channels.

    Args:
        channels: Of the map.
        ratio: Channels / width of the perceptron's hidden layer.
        kernel_size: Side of the convolution, odd.
    """

    def __init__(self, channels: int, *, ratio: int = 16, kernel_size: int = 7) -> None:
        super().__init__()
        hidden = max(1, channels // ratio)
        self.channel_gate = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )
        self.spatial_gate = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Weigh (B, C, h, w)."""
        mean = self.channel_gate(maps.mean(dim=(2, 3), keepdim=True))  # (B, C, 1, 1)
        largest = self.channel_gate(maps.amax(dim=(2, 3), keepdim=True))
        maps = maps * torch.sigmoid(mean + largest)
        over_channels = [maps.mean(dim=1, keepdim=True), maps.amax(dim=1, keepdim=True)]
        gate: Tensor = self.spatial_gate(torch.cat(over_channels, dim=1))  # (B, 1, h, w)
        return maps * torch.sigmoid(gate)


class ChannelAffinity(nn.Module):
    """Add to each channel the mean of all channels, weighted by how alike they are.

    x + softmax(M Mᵀ / √(h·w)) x over maps as (C, h·w), with M = LeakyReLU(IN(conv3x3(x))).

    Args:
        channels: Of the map; the convolution has 9 C² weights.
        slope: Of the LeakyReLU below 0.
    """

    def __init__(self, channels: int, *, slope: float = 0.3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.InstanceNorm2d(channels)
        self.slope = slope

    def forward(self, maps: Tensor) -> Tensor:
        """Mix the channels of (B, C, h, w), more than one pixel each."""
        convolved = functional.leaky_relu(self.norm(self.conv(maps)), self.slope)
        with torch.autocast(maps.device.type, enabled=False):  # sums over all pixels
            keys = convolved.float().flatten(2)  # (B, C, h·w)
            values = maps.float().flatten(2)
            affinity = keys @ keys.transpose(1, 2) / keys.shape[2] ** 0.5  # (B, C, C)
            mixed: Tensor = (affinity.softmax(dim=2) @ values).view(maps.shape)
        return maps + mixed.to(maps.dtype)


def build_attention(name: str, channels: int) -> nn.Module:
    """The attention of that name for maps of so many channels.

    Raises:
        ConfigError: When there is none of that name.
    """
    if name == "none":
        return nn.Identity()
    if name == "cbam":
        return CBAM(channels)
    if name == "affinity":
        return ChannelAffinity(channels)
    raise ConfigError(f"model.attention is {name!r}; expected one of none, cbam, affinity")
