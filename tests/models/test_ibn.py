from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.ibn import IBN, convert_ibn_a


def _random_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    _randomize(norm)
    return norm


def _randomize(module: nn.Module) -> None:
    """Give scales, shifts and statistics values that show when one is forgotten."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                assert tensor is not None
                tensor.data.uniform_(0.5, 1.5, generator=generator)


def _by_hand(maps: Tensor, norm: nn.BatchNorm2d, *, training: bool) -> Tensor:
    """IBN from its definition, one channel of one image at a time; ``norm`` is the plain one."""
    assert norm.running_mean is not None and norm.running_var is not None
    half = maps.shape[1] // 2
    result = torch.empty_like(maps)
    for channel in range(maps.shape[1]):
        for image in range(len(maps)):
            plane = maps[image, channel]
            if channel < half:
                mean, var = plane.mean(), plane.var(correction=0)
            elif training:
                mean, var = maps[:, channel].mean(), maps[:, channel].var(correction=0)
            else:
                mean, var = norm.running_mean[channel], norm.running_var[channel]
            scaled = (plane - mean) / (var + norm.eps).sqrt()
            result[image, channel] = scaled * norm.weight[channel] + norm.bias[channel]
    return result


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels", [6, 7])
def test_ibn_by_its_definition(training: bool, channels: int) -> None:
    norm = _random_norm(channels)
    maps = torch.randn(3, channels, 4, 5)
    ibn = IBN(norm).train(training)
    assert (ibn.IN.num_features, ibn.BN.num_features) == (channels // 2, channels - channels // 2)
    torch.testing.assert_close(ibn(maps), _by_hand(maps, norm, training=training))


def test_a_fused_activation_is_applied_once() -> None:
    fused: Any = BatchNormAct2d(6, act_layer=nn.LeakyReLU)  # twice would square the slope
    _randomize(fused)
    maps = torch.randn(3, 6, 4, 5)
    expected = F.leaky_relu(_by_hand(maps, fused, training=False), fused.act.negative_slope)
    assert expected.min() < 0
    torch.testing.assert_close(IBN(fused).eval()(maps), expected)
    plain = IBN(_random_norm(6)).eval()(maps)
    assert plain.min() < 0  # and none is added to a plain norm


def test_bottleneck_by_functional_operations() -> None:
    net: Any = timm.create_model("resnet26", num_classes=0)
    _randomize(net)
    norm = net.layer1[0].bn1
    convert_ibn_a(net)
    block = net.eval().layer1[0]
    maps = torch.randn(2, 64, 6, 6)

    hidden = F.relu(_by_hand(F.conv2d(maps, block.conv1.weight), norm, training=False))
    hidden = F.relu(_batch_norm(F.conv2d(hidden, block.conv2.weight, padding=1), block.bn2))
    hidden = _batch_norm(F.conv2d(hidden, block.conv3.weight), block.bn3)
    shortcut = _batch_norm(F.conv2d(maps, block.downsample[0].weight), block.downsample[1])
    torch.testing.assert_close(block(maps), F.relu(hidden + shortcut), rtol=1e-4, atol=1e-4)


def _batch_norm(maps: Tensor, norm: Any) -> Tensor:
    return F.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def test_the_names_of_the_published_checkpoints() -> None:
    net = convert_ibn_a(timm.create_model("resnet18", num_classes=0))
    keys = [key for key in net.state_dict() if "N." in key]
    assert keys[:7] == [
        "layer1.0.bn1.IN.weight",
        "layer1.0.bn1.IN.bias",
        "layer1.0.bn1.BN.weight",
        "layer1.0.bn1.BN.bias",
        "layer1.0.bn1.BN.running_mean",
        "layer1.0.bn1.BN.running_var",
        "layer1.0.bn1.BN.num_batches_tracked",
    ]
    assert len(keys) == 7 * 6  # two blocks a stage, three stages
    assert not any(key.startswith("layer4") for key in keys)
    assert "layer4.0.bn1.running_mean" in net.state_dict()


def test_every_block_of_three_stages_and_no_parameter_more() -> None:
    with torch.device("meta"):
        plain = timm.create_model("resnet50", num_classes=0)
        converted = convert_ibn_a(timm.create_model("resnet50", num_classes=0))
    assert sum(isinstance(module, IBN) for module in converted.modules()) == 3 + 4 + 6
    assert _num_parameters(plain) == _num_parameters(converted)


def _num_parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_a_checkpoint_of_the_published_form_loads_by_name(tmp_path: Path) -> None:
    net = convert_ibn_a(timm.create_model("test_resnet", num_classes=0))
    _randomize(net)
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    state |= {"module.fc.weight": torch.zeros(10, 96), "module.fc.bias": torch.zeros(10)}
    file = tmp_path / "test_resnet_ibn_a.pth.tar"
    torch.save({"epoch": 100, "arch": "test_resnet", "state_dict": state}, file)
    backbone = build_backbone("test_resnet", ibn=True, last_stride=2, weights=str(file)).eval()
    images = torch.rand(2, 3, 64, 64)
    net.eval()
    assert torch.equal(backbone(images), net.forward_features(images))  # type: ignore[operator]


def test_weights_of_the_plain_network_are_split(tmp_path: Path) -> None:
    plain: Any = timm.create_model("test_resnet", num_classes=0)
    _randomize(plain)
    file = tmp_path / "plain.pth"
    torch.save(plain.state_dict(), file)
    ibn = build_backbone("test_resnet", ibn=True, weights=str(file)).net.layer2[0].bn1
    norm = plain.layer2[0].bn1  # 48 channels
    assert torch.equal(ibn.IN.weight, norm.weight[:24])
    assert torch.equal(ibn.IN.bias, norm.bias[:24])
    assert torch.equal(ibn.BN.weight, norm.weight[24:])
    assert torch.equal(ibn.BN.running_var, norm.running_var[24:])


def test_bfloat16_channels_last_trains() -> None:
    ibn = IBN(_random_norm(8)).to(memory_format=torch.channels_last)
    maps = torch.randn(4, 8, 6, 6, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        half = ibn(maps.contiguous(memory_format=torch.channels_last).bfloat16())
    torch.testing.assert_close(half.float(), ibn(maps), rtol=0.03, atol=0.03)
    half.float().square().sum().backward()
    assert maps.grad is not None and maps.grad.isfinite().all()
    assert ibn.IN.weight.grad is not None and ibn.BN.weight.grad is not None


@pytest.mark.parametrize("name", ["mobilenetv2_100", "skresnet18"])
def test_other_layouts_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.ibn: .*use a ResNet or ResNeXt"):
        build_backbone(name, ibn=True, weights="none")
