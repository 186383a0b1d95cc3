"""Networks at full size: counts, published checkpoints, one step of each recipe's trainings.

And one look at each family of backbones that the systems name.
"""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.resnet import Bottleneck, ResNet

from benchmarks.memory import peak_bytes, reset_peak
from vreid.config import PARTS, load_config
from vreid.data.loader import Batch
from vreid.learner import Learner
from vreid.losses.identity import identity_loss
from vreid.losses.triplet import triplet_loss
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.optim import build_optimizer
from vreid.options import Config
from vreid.precision import choose_precision

# Published counts with the classifier of 1000 classes: 25,557,032, 44,177,704 and 60,192,808.
CLASSIFIER = 2048 * 1000 + 1000
MEMBERS = [
    ("resnet50", True, 25_557_032 - CLASSIFIER),
    ("resnext101_32x4d", True, 44_177_704 - CLASSIFIER),
    ("resnet152", False, 60_192_808 - CLASSIFIER),
]


@pytest.mark.parametrize(("name", "ibn", "num_parameters"), MEMBERS)
def test_counts_and_map(name: str, ibn: bool, num_parameters: int) -> None:
    with torch.device("meta"):  # shapes without numbers
        backbone = build_backbone(name, ibn=ibn, weights="none")
        maps = backbone(torch.zeros(2, 3, 320, 320))
    assert sum(parameter.numel() for parameter in backbone.parameters()) == num_parameters
    assert maps.shape == (2, 2048, 20, 20)
    assert (backbone.num_features, backbone.stride) == (2048, 16)


def _published_shapes(name: str, ibn: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes in torchvision's files; in IBN-Net's, bn1 of three stages is two halves."""
    depths = {"resnet50": [3, 4, 6, 3], "resnext101_32x4d": [3, 4, 23, 3]}
    with torch.device("meta"):
        net = ResNet(
            Bottleneck,
            depths.get(name, [3, 8, 36, 3]),
            groups=32 if "32x4d" in name else 1,
            width_per_group=4 if "32x4d" in name else 64,
        )
    shapes: dict[str, tuple[int, ...]] = {}
    for key, value in net.state_dict().items():
        layer, norm, field = key.rpartition(".bn1.")
        if key.startswith("fc."):
            continue
        if not ibn or not norm or layer.startswith("layer4"):
            shapes[key] = tuple(value.shape)
            continue
        halved = tuple(side // 2 for side in value.shape)
        shapes[f"{layer}.bn1.BN.{field}"] = halved
        if field in ("weight", "bias"):
            shapes[f"{layer}.bn1.IN.{field}"] = halved
    return shapes


@pytest.mark.parametrize(("name", "ibn", "num_parameters"), MEMBERS)
def test_published_checkpoints_fit(name: str, ibn: bool, num_parameters: int) -> None:
    with torch.device("meta"):
        net = build_backbone(name, ibn=ibn, weights="none").net
    ours = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    assert ours == _published_shapes(name, ibn)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ibn", "num_parameters"), MEMBERS)
def test_one_step_lowers_the_loss(name: str, ibn: bool, num_parameters: int) -> None:
    torch.manual_seed(0)
    model = Embedder(build_backbone(name, ibn=ibn, weights="none"), num_classes=2)
    optimizer = build_optimizer(model, name="sgd", lr=0.01, weight_decay=0, momentum=0)
    images = torch.randint(0, 256, (4, 3, 320, 320), dtype=torch.uint8)
    labels = torch.tensor([0, 0, 1, 1])
    totals = []
    for _ in range(2):
        embedding = model(images)
        assert embedding.feat.shape == (4, 2048)
        total = identity_loss(embedding.logits, labels) + triplet_loss(embedding.feat, labels)
        totals.append(total.item())
        optimizer.zero_grad()
        total.backward()
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
        optimizer.step()
    assert totals[1] < totals[0]


RECIPES = Path(__file__).parents[2] / "configs" / "recipes"


def _trainings() -> dict[str, Config]:
    """Every training of every recipe, but those that another one already stands for."""
    found: dict[str, Config] = {}
    seen = set()
    for path in sorted(RECIPES.glob("*.yml")):
        recipe = load_config(path)
        parts = [*(recipe.members or [""]), *(part for part in PARTS if getattr(recipe, part))]
        for part in parts:
            config = load_config(path, ["device", "cpu", "model.weights", "none"], part=part)
            key = (config.model, config.loss, config.input.size, config.solver.optimizer)
            if key not in seen:
                found[f"{path.stem} {part}".strip()] = config
            seen.add(key)
    return found


TRAININGS = _trainings()


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_one_step_at_true_size(name: str) -> None:
    """Two vehicles with two images each; real weights do not start with branches that are off."""
    config = TRAININGS[name]
    torch.manual_seed(0)
    device = torch.device("cpu")
    before = reset_peak()
    started = time.monotonic()
    learner = Learner(
        config,
        2,
        np.array([1, 2, 1, 2]),
        precision=choose_precision(device, config.solver.precision),
        steps_per_epoch=1,
    )
    num_parameters = sum(parameter.numel() for parameter in learner.model.parameters())
    with torch.no_grad():
        for path, parameter in learner.model.named_parameters():
            if path.endswith("weight") and not parameter.any():  # the last scale of a branch
                parameter.fill_(0.1)
    learner.begin_epoch(config.solver.freeze_epochs)  # the first that trains all
    images = torch.randint(0, 256, (4, 3, *config.input.size), dtype=torch.uint8)
    batch = Batch(images, torch.tensor([0, 0, 1, 1]), torch.arange(4), torch.full((4, 2), -1))
    losses = learner.learn(batch, step=0, number=0)
    assert all(bool(loss.isfinite()) for loss in losses.values())
    fixed = {"neck.bias"} if config.model.neck == "bn" and not config.model.neck_shift else set()
    named = dict(learner.model.named_parameters())
    assert {path for path, parameter in named.items() if not parameter.requires_grad} == fixed
    for path, parameter in named.items():
        if path not in fixed:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), path
            assert parameter.grad.any(), f"{path} has a part in nothing"
    print(
        f"{name}: {num_parameters / 1e6:.1f} million parameters, {config.input.size} pixels,"
        f" {time.monotonic() - started:.1f} s, {(peak_bytes() - before) / 2**30:.2f} GiB, "
        + " ".join(f"{key} {float(loss):.3f}" for key, loss in losses.items())
    )


FAMILIES = {
    # name: (pixels, last stride, map, channels)
    "resnest50d": (64, 1, 4, 2048),
    "resnest14d": (64, 1, 4, 2048),
    "regnety_008": (64, 1, 4, 768),
    "regnety_016": (64, 1, 4, 888),
    "regnety_032": (64, 1, 4, 1512),
    "seresnet50": (64, 1, 4, 2048),
    "legacy_seresnet101": (64, 1, 4, 2048),
    "seresnext101_32x4d": (64, 1, 4, 2048),
    "res2net50_26w_4s": (64, 1, 4, 2048),
    "densenet121": (64, 1, 4, 1024),
    "nfnet_l0": (64, 1, 4, 2304),
    "efficientnet_b0": (64, 1, 4, 1280),
    "nasnetalarge": (96, 1, 6, 4032),
    "pnasnet5large": (96, 1, 6, 4320),
    "hrnet_w18": (64, 2, 2, 2048),
    "swin_base_patch4_window7_224": (224, 2, 7, 1024),
    "volo_d1_224": (64, 2, 4, 384),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name: str) -> None:
    """System A's other backbones, and those of the training behind NilePlateID."""
    size, last_stride, side, channels = FAMILIES[name]
    torch.manual_seed(0)
    backbone = build_backbone(
        name, last_stride=last_stride, weights="none", image_size=(size, size)
    )
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    model = Embedder(backbone, num_classes=3, embedding_dim=16).eval()
    shapes = []
    backbone.register_forward_hook(lambda _, args, maps: shapes.append(tuple(maps.shape)))
    with torch.no_grad():
        feats = model(images).feat_bn
    assert shapes == [(2, channels, side, side)]
    assert feats.shape == (2, 16) and feats.isfinite().all()
    assert not torch.allclose(feats[0], feats[1])
