"""From the options of each published system to its network, at full size without numbers."""

from typing import Any

import pytest
import torch

from vreid.build import build_model
from vreid.errors import ConfigError
from vreid.models.embedder import Embedder
from vreid.models.mixstyle import MixStyle
from vreid.options import Config, InputOptions, ModelOptions

NUM_CLASSES = 440
RESNET18, RESNET50, RESNEXT101 = 11_176_512, 23_508_032, 42_128_704  # without classifiers
HEADS = 33 * (2048 * 2048 + 2049) + 2048 * 256 + 257 + 256 * 32 + 33


def _build(size: int, **options: Any) -> Embedder:
    config = Config(
        model=ModelOptions(weights="none", **options),
        input=InputOptions(size=(size, size)),
    )
    with torch.device("meta"):
        return build_model(config, NUM_CLASSES)


def _neck_and_classifier(dim: int) -> int:
    return 2 * dim + dim * NUM_CLASSES


SYSTEMS: dict[str, tuple[int, dict[str, Any], int, int]] = {
    "cybercore": (
        320,
        {"backbone": "resnext101_32x4d", "ibn": True, "groups": 32},
        2048,
        RESNEXT101 + HEADS + _neck_and_classifier(2048),
    ),
    "cybercore, two levels": (
        320,
        {"backbone": "resnext101_32x4d", "ibn": True, "pooling": "gem_avg", "levels": 2},
        3072,
        RESNEXT101 + _neck_and_classifier(3072),
    ),
    "cybercore, affinity": (
        320,
        {"backbone": "resnext101_32x4d", "ibn": True, "attention": "affinity"},
        2048,
        RESNEXT101 + 9 * 2048**2 + 2048 + _neck_and_classifier(2048),
    ),
    "cybercore, reduced": (
        320,
        {"backbone": "resnet50", "ibn": True, "embedding_dim": 512, "embedding": "mlp"},
        512,
        RESNET50 + 2048 * 512 + 512 + 512 * 512 + 512 + _neck_and_classifier(512),
    ),
    "sanfilippo": (
        256,
        {
            "backbone": "resnet18",
            "last_stride": 2,
            "pooling": "avg",
            "attention": "cbam",
            "embedding_dim": 512,
        },
        512,
        RESNET18 + 2 * 512 * 32 + 98 + 512 * 512 + 512 + _neck_and_classifier(512),
    ),
    "nileplate": (
        224,
        {
            "backbone": "resnet50",
            "ibn": True,
            "last_stride": 2,
            "pooling": "avg",
            "mixstyle": "shuffle",
            "mixstyle_alpha": 0.3,
            "embedding_dim": 512,
            "neck_shift": True,
            "neck_dropout": 0.5,
            "classifier_bias": True,
        },
        512,
        RESNET50 + 2048 * 512 + 512 + _neck_and_classifier(512) + NUM_CLASSES,
    ),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_system(system: str) -> None:
    size, options, dim, num_parameters = SYSTEMS[system]
    model = _build(size, **options)
    assert model.dim == dim
    assert sum(parameter.numel() for parameter in model.parameters()) == num_parameters


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_system_trains(system: str) -> None:
    _, options, dim, _ = SYSTEMS[system]
    torch.manual_seed(0)
    model = build_model(Config(model=ModelOptions(weights="none", **options)), NUM_CLASSES)
    found = model(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8))
    assert found.feat.shape == found.feat_bn.shape == (2, dim)
    assert found.logits is not None and found.logits.shape == (2, NUM_CLASSES)
    (found.logits.square().mean() + found.feat.square().mean()).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_v2reid() -> None:
    model = _build(
        224,
        backbone="volo_d1_224",
        last_stride=2,
        pooling="token",
        neck="none",
        classifier_bias=True,
        retrieval_feat="feat",
        drop_path=0.1,
    )
    found = model.eval()(torch.zeros(2, 3, 224, 224, device="meta"))
    assert found.feat.shape == (2, 384)


def test_mixstyle_arrives() -> None:
    net = _build(224, **SYSTEMS["nileplate"][1]).backbone.net
    for stage in (net.layer1, net.layer2):
        assert list(stage._forward_hooks.values()) == [MixStyle("shuffle", prob=0.5, alpha=0.3)]


def test_side_information_arrives() -> None:
    model = _build(64, backbone="test_vit", last_stride=2, side_cameras=20, side_views=8)
    assert model.backbone.net.pos_drop.table.shape == (20, 8, 64)


@pytest.mark.parametrize(
    ("name", "num_parameters"),
    [
        # timm's published counts with 1000 classes, less the classifier.
        ("seresnet50", 28_088_024 - 2_049_000),
        ("resnest50d", 27_483_240 - 2_049_000),
        ("regnety_032", 19_436_338 - 1_513_000),
    ],
)
def test_other_families(name: str, num_parameters: int) -> None:
    model = _build(320, backbone=name, ibn=not name.startswith("regnet"))
    assert sum(p.numel() for p in model.backbone.parameters()) == num_parameters
    maps = model.backbone.eval()(torch.zeros(2, 3, 320, 320, device="meta"))
    assert maps.shape[2:] == (20, 20)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("levels", 3, "model.levels is 3; 1 or 2"),
        ("groups", -1, "model.groups is -1"),
        ("drop_path", 1.0, r"model.drop_path is 1.0; a probability in \[0, 1\)"),
        ("mixstyle_alpha", 0.0, "model.mixstyle_alpha is 0.0; a number above 0"),
        ("gate_dim", 0, "model.gate_dim is 0"),
    ],
)
def test_wrong_options(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelOptions(**{option: value})
