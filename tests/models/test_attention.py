import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vreid.errors import ConfigError
from vreid.models.attention import CBAM, ChannelAffinity, build_attention


def _slow_cbam(cbam: CBAM, maps: Tensor) -> Tensor:
    """Vectors and pixels one by one, in plain products."""
    down, up = (weight[:, :, 0, 0] for weight in cbam.channel_gate.parameters())
    result = torch.empty_like(maps)
    for idx, image in enumerate(maps):
        vectors = (image.mean(dim=(1, 2)), image.amax(dim=(1, 2)))
        gate = torch.sigmoid(sum(up @ (down @ v).clamp(min=0) for v in vectors))
        weighted = image * gate[:, None, None]
        two = torch.stack([weighted.mean(dim=0), weighted.amax(dim=0)])
        padded = functional.pad(two, (3, 3, 3, 3))
        for row in range(image.shape[1]):
            for column in range(image.shape[2]):
                window = padded[:, row : row + 7, column : column + 7]
                pixel_gate = torch.sigmoid((window * cbam.spatial_gate.weight[0]).sum())
                result[idx, :, row, column] = weighted[:, row, column] * pixel_gate
    return result


def test_cbam_by_its_formula() -> None:
    torch.manual_seed(0)
    cbam, maps = CBAM(32), torch.randn(2, 32, 4, 5)
    with torch.no_grad():
        torch.testing.assert_close(cbam(maps), _slow_cbam(cbam, maps), rtol=1e-4, atol=1e-5)


def test_cbam_only_weakens() -> None:
    maps = torch.randn(2, 32, 4, 5)
    found = CBAM(32)(maps)
    assert (found.abs() <= maps.abs()).all() and torch.equal(found.sign(), maps.sign())


@pytest.mark.parametrize("channels", [512, 2048])  # ResNet-18, ResNet-50
def test_cbam_is_small(channels: int) -> None:
    count = sum(parameter.numel() for parameter in CBAM(channels).parameters())
    assert count == 2 * channels * channels // 16 + 2 * 7 * 7


def test_affinity_by_its_formula() -> None:
    torch.manual_seed(0)
    attention, maps = ChannelAffinity(6), torch.randn(2, 6, 3, 4)
    with torch.no_grad():
        found = attention(maps)
        for image in range(2):
            convolved = functional.conv2d(
                maps[image : image + 1], attention.conv.weight, attention.conv.bias, padding=1
            )[0]
            keys = []
            for channel in convolved:
                centred = (channel - channel.mean()) / (channel.var(correction=0) + 1e-5).sqrt()
                keys.append(torch.where(centred > 0, centred, 0.3 * centred))
            for channel in range(6):
                alike = torch.tensor([(keys[channel] * key).sum() for key in keys]) / 12**0.5
                weights = alike.softmax(dim=0)
                mixed = sum(w * m for w, m in zip(weights, maps[image], strict=True))
                torch.testing.assert_close(found[image, channel], maps[image, channel] + mixed)


def test_affinity_mixes_channels() -> None:
    """Without the scale each channel would find itself alone: weight 1 for 400 pixels."""
    torch.manual_seed(0)
    maps = torch.zeros(1, 8, 20, 20)
    maps[0, 0] = torch.randn(20, 20)
    found = ChannelAffinity(8)(maps)
    assert (found[0, 1:].abs().amax(dim=(1, 2)) > 0).all()


@pytest.mark.parametrize("name", ["cbam", "affinity"])
def test_low_precision(name: str) -> None:
    attention = build_attention(name, 32)
    with torch.autocast("cpu", torch.bfloat16):
        assert attention(torch.randn(2, 32, 8, 8).bfloat16() * 100).isfinite().all()


def test_names() -> None:
    assert isinstance(build_attention("none", 8), nn.Identity)
    with pytest.raises(ConfigError, match="'se'; expected one of none, cbam, affinity"):
        build_attention("se", 8)
