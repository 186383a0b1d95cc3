"""The members of the full-size recipe: sizes, counts, one step of training at 320 pixels."""

import pytest
import torch
from torchvision.models.resnet import Bottleneck, ResNet

from vreid.losses.identity import identity_loss
from vreid.losses.triplet import triplet_loss
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.optim import build_optimizer

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
