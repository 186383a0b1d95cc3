"""What every metric loss must bear: half precision, batches without pairs, extreme features."""

from functools import partial

import pytest
import torch
from torch import Tensor

from tests.losses.oracle import LABELS, make_feats
from vreid.losses.circle import circle_loss
from vreid.losses.combined import MetricLoss
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.memory import Memory
from vreid.losses.pairs import Remembered
from vreid.losses.supcon import supcon_loss
from vreid.losses.triplet import triplet_loss

LOSSES: dict[str, MetricLoss] = {
    "hard": triplet_loss,
    "soft margin": partial(triplet_loss, margin=0.0),
    "batch soft": partial(triplet_loss, mining="batch_soft"),
    "batch sample": partial(triplet_loss, mining="batch_sample"),
    "circle": circle_loss,
    "circle by anchor": partial(circle_loss, form="anchor"),
    "contrastive": contrastive_loss,
    "contrastive by distance": partial(contrastive_loss, form="distance", margin=1.0),
    "supcon": supcon_loss,
}
BATCHES = {
    "usual": (make_feats(), LABELS),
    "no positives": (make_feats(4), torch.tensor([3, 1, 0, 2])),
    "no negatives": (make_feats(4), torch.tensor([7, 7, 7, 7])),
    "one image": (make_feats(1), torch.tensor([3])),
    "identical": (torch.ones(4, 6), torch.tensor([0, 0, 1, 1])),
    "opposite": (torch.ones(4, 6) * torch.tensor([1, -1, 1, -1])[:, None], LABELS[:4]),
    "huge": (make_feats() * 2e4, LABELS),
    "tiny": (make_feats() * 1e-2, LABELS),
}


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
    for remembered in (None, memory.recall()):
        checked(LOSSES[name], feats.to(dtype), labels, remembered)


@pytest.mark.parametrize("name", LOSSES)
def test_without_any_pair_the_loss_and_its_gradient_are_0(name: str) -> None:
    for labels in ([3],) if "contrastive" in name else ([3], [0, 1, 2]):
        leaf = make_feats(len(labels)).requires_grad_()
        loss = LOSSES[name](leaf, torch.tensor(labels), None)
        loss.backward()
        assert loss.item() == 0
        assert leaf.grad is not None and torch.equal(leaf.grad, torch.zeros_like(leaf))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "batch sample"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float32_inside_autocast(name: str, dtype: torch.dtype) -> None:
    feats = make_feats().to(dtype)
    with torch.autocast("cpu", dtype):
        found = checked(LOSSES[name], feats, LABELS, None)
    assert torch.equal(found, LOSSES[name](feats.float(), LABELS, None))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "batch sample"])
def test_the_order_of_a_batch_does_not_count(name: str) -> None:
    feats, order = make_feats(), torch.randperm(9, generator=torch.Generator().manual_seed(2))
    shuffled = LOSSES[name](feats[order], LABELS[order], None)
    torch.testing.assert_close(shuffled, LOSSES[name](feats, LABELS, None))
