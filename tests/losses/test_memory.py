import io

import torch
from pytorch_metric_learning.losses import ContrastiveLoss, CrossBatchMemory, SupConLoss
from torch import Tensor

from tests.losses.oracle import make_feats
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.memory import Memory
from vreid.losses.pairs import NO_LABEL
from vreid.losses.supcon import supcon_loss


def batches(count: int, rows: int = 4) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return [
        (make_feats(rows, seed=idx), torch.randint(0, 3, (rows,), generator=generator))
        for idx in range(count)
    ]


def test_first_in_first_out() -> None:
    memory = Memory(10, 6)
    assert memory.labels.tolist() == [NO_LABEL] * 10
    kept_feats, kept_labels = torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64)
    for feats, labels in batches(4):
        memory.remember(feats.requires_grad_(), labels)
        kept_feats = torch.cat([feats.detach(), kept_feats])[:10]
        kept_labels = torch.cat([labels, kept_labels])[:10]
        found = memory.recall()
        assert found is not None and not found.feats.requires_grad
        assert torch.equal(found.feats[: len(kept_feats)], kept_feats)
        assert torch.equal(found.labels[: len(kept_labels)], kept_labels)
        assert (found.labels[len(kept_labels) :] == NO_LABEL).all()


def test_a_batch_larger_than_the_memory() -> None:
    memory, (feats, labels) = Memory(3, 6), batches(1)[0]
    memory.remember(feats, labels)
    assert torch.equal(memory.feats, feats[:3]) and torch.equal(memory.labels, labels[:3])


def test_against_pytorch_metric_learning() -> None:
    theirs = CrossBatchMemory(ContrastiveLoss(), 6, memory_size=12)
    theirs_supcon = CrossBatchMemory(SupConLoss(temperature=0.07), 6, memory_size=12)
    memory = Memory(8, 6)  # theirs holds the batch at hand as well
    for feats, labels in batches(6):
        remembered = memory.recall()
        found = contrastive_loss(feats, labels, remembered, margin=1.0, form="distance")
        torch.testing.assert_close(found, theirs(feats, labels))
        found = supcon_loss(feats, labels, remembered)
        torch.testing.assert_close(found, theirs_supcon(feats, labels))
        memory.remember(feats, labels)


def test_an_empty_memory_changes_nothing() -> None:
    feats, labels = batches(1, rows=8)[0]
    empty = Memory(5, 6).recall()
    torch.testing.assert_close(supcon_loss(feats, labels, empty), supcon_loss(feats, labels))


def test_it_waits_for_its_start_and_keeps_count_in_a_checkpoint() -> None:
    memory, steps = Memory(8, 6, start=3), batches(6)
    for feats, labels in steps[:2]:
        assert memory.recall() is None
        memory.remember(feats, labels)
    stream = io.BytesIO()
    torch.save(memory.state_dict(), stream)
    stream.seek(0)
    again = Memory(8, 6, start=3)
    again.load_state_dict(torch.load(stream, weights_only=True))
    for feats, labels in steps[2:]:
        for each in (memory, again):
            each.remember(feats, labels)
        assert torch.equal(memory.feats, again.feats)
        assert torch.equal(memory.labels, again.labels)
    assert torch.equal(again.labels, torch.cat([steps[5][1], steps[4][1]]))
    fresh = Memory(8, 6, start=1)
    fresh.remember(*steps[0])
    assert fresh.recall() is not None and (fresh.labels == NO_LABEL).all()


def test_what_it_gave_stays_as_it_was() -> None:
    memory, steps = Memory(8, 6), batches(3)
    memory.remember(*steps[0])
    leaf = steps[1][0].clone().requires_grad_()
    loss = supcon_loss(leaf, steps[1][1], memory.recall())
    memory.remember(*steps[2])  # before the backward pass, as in a training step
    loss.backward()
    assert leaf.grad is not None and leaf.grad.isfinite().all()
