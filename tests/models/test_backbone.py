from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers.blur_pool import BlurPool2d
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.models import network
from vreid.models.backbone import Backbone, build_backbone, tokens_to_map


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("test_resnet", 96),  # average-pooled shortcuts, both kinds of block
        ("resnet18", 512),
        ("resnetblur18", 512),  # anti-aliased: the stride sits in a blur
        ("resnest14d", 2048),  # strided pooling inside the block and in the shortcut
        ("mobilenetv2_100", 1280),
        ("test_efficientnet", 256),
    ],
)
def test_last_stride_1_doubles_the_map(name: str, channels: int) -> None:
    images = torch.zeros(2, 3, 64, 96)
    for last_stride, stride in ((2, 32), (1, 16)):
        backbone = build_backbone(name, last_stride=last_stride, weights="none")
        assert (backbone.stride, backbone.num_features) == (stride, channels)
        assert backbone(images).shape == (2, channels, 64 // stride, 96 // stride)
        assert all(module.training for module in backbone.modules())


def test_320_pixels_give_20_by_20() -> None:
    backbone = build_backbone("test_resnet", weights="none")
    assert backbone(torch.zeros(2, 3, 320, 320)).shape == (2, 96, 20, 20)


def test_last_stride_2_is_timms_own_network() -> None:
    backbone = build_backbone("resnet18", last_stride=2, weights="none").eval()
    net: Any = timm.create_model("resnet18").eval()
    net.load_state_dict(backbone.net.state_dict(), strict=False)
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(backbone(images), net.forward_features(images))


def test_stride_1_keeps_what_stride_2_computes() -> None:
    # Stride 2 evaluates a convolution at every second place: the first block of the last stage (a
    # strided 3x3, then 1x1 only) gives the same numbers there.
    plain = build_backbone("resnet26", last_stride=2, weights="none").eval()
    fine = build_backbone("resnet26", last_stride=1, weights="none").eval()
    fine.load_state_dict(plain.state_dict())
    with torch.no_grad():
        images = torch.rand(1, 3, 64, 64)
        coarse_map, fine_map = (_first_block(b, images) for b in (plain, fine))
    assert coarse_map.shape == (1, 2048, 2, 2)
    torch.testing.assert_close(fine_map[:, :, ::2, ::2], coarse_map)


def _first_block(backbone: Backbone, images: Tensor) -> Tensor:
    net = backbone.net
    maps = net.maxpool(net.act1(net.bn1(net.conv1(images))))
    maps = net.layer3(net.layer2(net.layer1(maps)))
    block: Tensor = net.layer4[0](maps)
    return block


def test_only_the_last_stage_changes() -> None:
    net = build_backbone("resnet26", weights="none").net
    strided = [
        path
        for path, module in net.named_modules()
        if isinstance(module, nn.Conv2d | nn.MaxPool2d) and module.stride in (2, (2, 2))
    ]
    assert strided == [
        "conv1",
        "maxpool",
        "layer2.0.conv2",
        "layer2.0.downsample.0",
        "layer3.0.conv2",
        "layer3.0.downsample.0",
    ]
    blurred = build_backbone("resnetblur18", weights="none").net
    assert not any(isinstance(module, BlurPool2d) for module in blurred.layer4.modules())
    assert any(isinstance(module, BlurPool2d) for module in blurred.layer3.modules())


def test_building_leaves_the_statistics_alone() -> None:
    net = build_backbone("test_resnet", weights="none").net
    assert torch.equal(net.bn1.running_mean, torch.zeros(32))
    assert net.bn1.num_batches_tracked == 0
    assert not any(module._forward_hooks for module in net.modules())


def test_tokens_become_a_map() -> None:
    backbone = build_backbone("test_vit", last_stride=2, weights="none", image_size=(64, 96)).eval()
    images = torch.rand(2, 3, 64, 96)
    maps = backbone(images)
    tokens = backbone.net.forward_features(images)
    assert maps.shape == (2, 64, 4, 6)
    for row in range(4):
        for column in range(6):
            # One class token, then the patches row by row.
            assert torch.equal(maps[:, :, row, column], tokens[:, 1 + row * 6 + column])


def test_transformers_default_to_their_own_size() -> None:
    backbone = build_backbone("test_vit", last_stride=2, weights="none")
    assert backbone(torch.zeros(1, 3, 160, 160)).shape == (1, 64, 10, 10)


def test_too_few_tokens_are_noticed() -> None:
    with pytest.raises(AssertionError, match="5 tokens for 2x3 patches"):
        tokens_to_map(torch.zeros(1, 5, 8), 2, width=3)


def test_channels_at_the_end_are_moved() -> None:
    class Nhwc(nn.Module):
        num_features = 7

        def forward_features(self, images: Tensor) -> Tensor:
            return torch.arange(2 * 3 * 7.0).view(1, 2, 3, 7)

    maps = Backbone(Nhwc(), stride=32)(torch.zeros(1, 3, 64, 96))
    assert maps.shape == (1, 7, 2, 3)
    assert maps[0, 5, 1, 2] == (1 * 3 + 2) * 7 + 5


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test_vit", "it gives tokens, not a map"),
        ("test_convnext", r"stages\.3\.downsample\.1 is a convolution of \(2, 2\), an even size"),
    ],
)
def test_a_stride_that_cannot_be_changed(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: the last stride .*{reason}.*last_stride 2"):
        build_backbone(name, weights="none")


def test_unknown_names_get_suggestions() -> None:
    with pytest.raises(ConfigError, match=r"no network 'resnet_50'; did you mean .*resnet50"):
        build_backbone("resnet_50", weights="none")
    with pytest.raises(ConfigError, match=r"see timm\.list_models\(\)"):
        build_backbone("?", weights="none")
    with pytest.raises(ConfigError, match=r"Invalid pretrained tag \(nope\) for resnet18"):
        build_backbone("resnet18.nope", weights="none")


def test_last_stride_is_1_or_2() -> None:
    with pytest.raises(ConfigError, match=r"last_stride is 4; expected 1 or 2"):
        build_backbone("test_resnet", last_stride=4, weights="none")


def test_pretrained_weights_bring_their_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_file = tmp_path / "model.safetensors"
    published: Any = timm.create_model("test_resnet")  # with its classifier of 1000
    save_file(published.state_dict(), hub_file)
    monkeypatch.setattr(network, "fetch_pretrained", lambda name: hub_file)
    backbone = build_backbone("test_resnet")
    assert torch.equal(backbone.net.layer4[0].conv1.weight, published.layer4[0].conv1.weight)
    assert backbone.mean == (0.5, 0.5, 0.5)  # what timm trained this network with
    assert build_backbone("test_resnet", weights=str(hub_file)).mean == (0.485, 0.456, 0.406)


def test_no_weights_for_the_network_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"resnet200: timm has no pretrained weights.*'none'"):
        build_backbone("resnet200")
