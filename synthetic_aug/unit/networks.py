"""UNIT's encoders and decoders: two domains, one latent space.

Liu, Breuel and Kautz, "Unsupervised Image-to-Image Translation Networks", NeurIPS 2017,
arXiv:1703.00848. An encoder ends, and a decoder begins, with residual blocks that both domains
share; that ties the two latent spaces into one. As in the paper's experiments only the residual
blocks normalise (by instance): their skip keeps the absolute colours that instance normalisation
takes away. Unlike there, both domains begin with the same weights, so that a translation begins as
a reconstruction: begun apart, it may settle on other colours, red for blue and blue for red, which
neither the discriminators nor the way back can tell from the right ones. Sizes grow by nearest
neighbour and a convolution instead of a transposed convolution, whose uneven overlap draws a
chequerboard.
"""

from torch import Tensor, nn

SOURCE, TARGET = 0, 1  # the domains
_SLOPE = 0.2  # of the leaky rectifiers


class ResidualBlock(nn.Module):
    """``x + norm(conv(act(norm(conv(x)))))``, with instance normalisation; keeps (B, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.LeakyReLU(_SLOPE),
            _conv(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x + self.body(x)  # type: ignore[no-any-return]


class Translator(nn.Module):
    """Encoders and decoders of both domains.

    Attributes:
        latent_channels: Channels of the latent space.

    Args:
        channels: Of the first layer.
        downsamples: Halvings of the size; each doubles the channels.
        blocks: Residual blocks of each domain's own, in its encoder and in its decoder.
        shared_blocks: Residual blocks that both share, in the encoders and in the decoders.
    """

    def __init__(self, *, channels: int, downsamples: int, blocks: int, shared_blocks: int) -> None:
        super().__init__()
        self.latent_channels = wide = channels * 2**downsamples
        self.encoders = nn.ModuleList(_encoder(channels, downsamples, blocks) for _ in range(2))
        self.shared_encoder = _residual(wide, shared_blocks)
        self.shared_decoder = _residual(wide, shared_blocks)
        self.decoders = nn.ModuleList(_decoder(channels, downsamples, blocks) for _ in range(2))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=_SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for decoder in self.decoders:  # tanh begins where it is steep
            nn.init.xavier_normal_(decoder[-2].weight, gain=0.5)  # type: ignore[index]
        for pair in (self.encoders, self.decoders):
            pair[TARGET].load_state_dict(pair[SOURCE].state_dict())

    def encode(self, images: Tensor, domain: int) -> Tensor:
        """Means of the latent codes, whose variance is 1.

        Args:
            images: (B, 3, H, W) in [-1, 1]; H and W divide by 2^downsamples.
            domain: `SOURCE` or `TARGET`.

        Returns:
            (B, C, h, w).
        """
        code: Tensor = self.shared_encoder(self.encoders[domain](images))
        return code

    def decode(self, code: Tensor, domain: int) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] of a domain from latent codes."""
        images: Tensor = self.decoders[domain](self.shared_decoder(code))
        return images

    def translate(self, images: Tensor, *, domain: int = SOURCE) -> Tensor:
        """Images of a domain as the other one's, by the mean codes and so without chance."""
        return self.decode(self.encode(images, domain), 1 - domain)


class Critic(nn.Module):
    """Discriminator of one domain: judges patches, of the image at several sizes.

    Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
    CVPR 2017, arXiv:1611.07004 (patches); Wang and others, "High-Resolution Image Synthesis and
    Semantic Manipulation with Conditional GANs", CVPR 2018, arXiv:1711.11585 (several sizes).

    Args:
        channels: Of the first layer; each layer doubles them, up to 8 times as many.
        layers: Each halves the size.
        scales: Sizes judged; each is half of the one before.
    """

    def __init__(self, *, channels: int, layers: int, scales: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(_judge(channels, layers) for _ in range(scales))
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] to one map (B, 1, h, w) a scale: 1 real, 0 made."""
        maps = []
        for judge in self.judges:
            maps.append(judge(images))
            images = self.halve(images)
        return maps


def _conv(ins: int, outs: int, side: int, *, stride: int = 1) -> nn.Conv2d:
    padding = (side - stride + 1) // 2 if stride > 1 else side // 2
    return nn.Conv2d(ins, outs, side, stride=stride, padding=padding, padding_mode="reflect")


def _residual(channels: int, num: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(num)))


def _encoder(channels: int, downsamples: int, blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = [_conv(3, channels, 7), nn.LeakyReLU(_SLOPE)]
    for _ in range(downsamples):
        layers += [_conv(channels, 2 * channels, 4, stride=2), nn.LeakyReLU(_SLOPE)]
        channels *= 2
    return nn.Sequential(*layers, _residual(channels, blocks))


def _decoder(channels: int, downsamples: int, blocks: int) -> nn.Sequential:
    wide = channels * 2**downsamples
    layers: list[nn.Module] = [_residual(wide, blocks)]
    for _ in range(downsamples):
        layers += [nn.Upsample(scale_factor=2), _conv(wide, wide // 2, 5), nn.LeakyReLU(_SLOPE)]
        wide //= 2
    return nn.Sequential(*layers, _conv(wide, 3, 7), nn.Tanh())


def _judge(channels: int, layers: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    ins = 3
    for idx in range(layers):
        outs = channels * min(2**idx, 8)
        # Zeros at the border: reflection needs more than one pixel, which small scales lack.
        parts += [nn.Conv2d(ins, outs, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        ins = outs
    return nn.Sequential(*parts, nn.Conv2d(ins, 1, 1))
