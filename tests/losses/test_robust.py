"""What every loss must bear: half precision, batches without pairs, extreme features, any order."""

from functools import partial

import pytest
import torch
from torch import Tensor

from tests.losses.oracle import LABELS, gradient, make_cosines, make_feats
from vreid.build_losses import build_loss
from vreid.losses.circle import circle_loss
from vreid.losses.combined import MetricLoss
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.instance import instance_loss
from vreid.losses.lifted import lifted_loss
from vreid.losses.memory import Memory
from vreid.losses.pairs import Remembered, unit
from vreid.losses.supcon import supcon_loss
from vreid.losses.triplet import triplet_loss
from vreid.models.embedder import Embedding
from vreid.options import LossOptions

LOSSES: dict[str, MetricLoss] = {
    "hard": triplet_loss,
    "soft margin": partial(triplet_loss, margin=0.0),
    "batch soft": partial(triplet_loss, mining="batch_soft"),
    "batch sample": partial(triplet_loss, mining="batch_sample"),
    "multi-similarity": partial(triplet_loss, mining="multi_similarity"),
    "multi-similarity, soft": partial(triplet_loss, mining="multi_similarity", margin=0.0),
    "lifted": lifted_loss,
    "instance": instance_loss,
    "circle": circle_loss,
    "circle by anchor": partial(circle_loss, form="anchor"),
    "contrastive": contrastive_loss,
    "contrastive by distance": partial(contrastive_loss, form="distance", margin=1.0),
    "supcon": supcon_loss,
}
IDS = ("softmax", "arcface", "cosface", "amsoftmax", "circle", "sphereface")
BATCHES = {
    "usual": (make_feats(), LABELS),
    "no positives": (make_feats(4), torch.tensor([3, 1, 0, 2])),
    "no negatives": (make_feats(4), torch.tensor([7, 7, 7, 7])),
    "one image": (make_feats(1), torch.tensor([3])),
    "identical": (torch.ones(4, 6), torch.tensor([0, 0, 1, 1])),
    "opposite": (torch.ones(4, 6) * torch.tensor([1, -1, 1, -1])[:, None], LABELS[:4]),
    "zero": (torch.zeros(4, 6), torch.tensor([0, 0, 1, 1])),
    "one zero": (torch.eye(6) - torch.eye(6)[0], torch.tensor([0, 0, 1, 1, 2, 2])),
    "huge": (make_feats() * 2e4, LABELS),
    "tiny": (make_feats() * 1e-2, LABELS),
}


def remembered() -> Remembered:
    return Remembered(make_feats(5, seed=4), torch.tensor([1, -1, 0, 7, 2]))


def checked(loss: MetricLoss, feats: Tensor, labels: Tensor, memory: Remembered | None) -> Tensor:
    leaf = feats.clone().requires_grad_()
    found = loss(leaf, labels, memory)
    found.backward()
    assert found.dtype == torch.float32 and found.isfinite() and found >= -1e-6
    assert leaf.grad is not None and leaf.grad.isfinite().all()
    return found


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_no_batch_gives_nan(name: str, batch: str, dtype: torch.dtype) -> None:
    feats, labels = BATCHES[batch]
    memory = Memory(5, 6)
    memory.remember(make_feats(3, seed=9), torch.tensor([7, 3, 0]))
    for earlier in (None, memory.recall()):
        checked(LOSSES[name], feats.to(dtype), labels, earlier)


@pytest.mark.parametrize("name", LOSSES)
def test_without_any_pair_the_loss_and_its_gradient_are_0(name: str) -> None:
    by_negatives_alone = "contrastive" in name or name == "instance"
    for labels in ([3],) if by_negatives_alone else ([3], [0, 1, 2]):
        leaf = make_feats(len(labels)).requires_grad_()
        loss = LOSSES[name](leaf, torch.tensor(labels), None)
        loss.backward()
        assert loss.item() == 0
        assert leaf.grad is not None and torch.equal(leaf.grad, torch.zeros_like(leaf))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "batch sample"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float32_inside_autocast(name: str, dtype: torch.dtype) -> None:
    feats = make_feats().to(dtype)
    for memory in (None, remembered()):
        with torch.autocast("cpu", dtype):
            found = checked(LOSSES[name], feats, LABELS, memory)
        assert torch.equal(found, LOSSES[name](feats.float(), LABELS, memory))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "batch sample"])
def test_the_order_of_batch_and_memory_does_not_count(name: str) -> None:
    dice = torch.Generator().manual_seed(2)
    order, memory_order = torch.randperm(9, generator=dice), torch.randperm(5, generator=dice)
    memory = remembered()
    shuffled_memory = Remembered(memory.feats[memory_order], memory.labels[memory_order])
    for plain, other in ((None, None), (memory, shuffled_memory)):
        feats = make_feats().requires_grad_()
        shuffled = feats.detach()[order].requires_grad_()
        expected = LOSSES[name](feats, LABELS, plain)
        found = LOSSES[name](shuffled, LABELS[order], other)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(gradient(found, shuffled), gradient(expected, feats)[order])


def id_loss(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    loss = build_loss(LossOptions(id=name, metric="none"), 4, dim=6)  # type: ignore[arg-type]
    found: Tensor = loss(Embedding(torch.zeros(1), torch.zeros(1), logits), labels)["id"]
    return found


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_id_losses_in_half_precision_and_any_order(name: str, dtype: torch.dtype) -> None:
    cosines = torch.cat([make_cosines(5, 4), torch.ones(2, 4), -torch.ones(2, 4)]).to(dtype)
    labels = torch.tensor([0, 3, 1, 1, 2, 0, 1, 2, 3])
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    leaf, shuffled = cosines.clone().requires_grad_(), cosines[order].requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found, again = id_loss(name, leaf, labels), id_loss(name, shuffled, labels[order])
    assert found.dtype == torch.float32 and found.isfinite() and found >= 0
    assert torch.equal(found, id_loss(name, cosines.float(), labels))
    torch.testing.assert_close(again, found)
    grad = gradient(found, leaf)
    assert grad.isfinite().all()
    torch.testing.assert_close(gradient(again, shuffled), grad[order])


def test_a_feature_of_length_0_stays_so_and_has_no_gradient() -> None:
    feats = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = unit(feats)
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    grad = gradient(found.sum(), feats)
    torch.testing.assert_close(grad, torch.tensor([[0.032, -0.024], [0.0, 0.0]]))
