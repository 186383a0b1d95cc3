import pytest
import torch
from pytorch_metric_learning.losses import ContrastiveLoss

from tests.losses.oracle import LABELS, cosine, dist, gradient, make_feats, pairs_of
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.pairs import Remembered, unit


def similarity_by_loops(feats: torch.Tensor, memory: list[int], margin: float) -> float:
    rows, total = feats.double().tolist(), 0.0
    for i, positives, negatives in pairs_of(LABELS.tolist(), memory):
        total += sum(1 - cosine(rows[i], rows[j]) for j in positives)
        sims = [cosine(rows[i], rows[j]) for j in negatives]
        total += sum(sim for sim in sims if sim > margin)
    return total / len(LABELS)


def distance_by_loops(feats: torch.Tensor, memory: list[int], margin: float) -> float:
    rows = unit(feats.double()).double().tolist()
    attract, repel = [], []
    for i, positives, negatives in pairs_of(LABELS.tolist(), memory):
        attract += [dist(rows[i], rows[j]) for j in positives]
        repel += [margin - dist(rows[i], rows[j]) for j in negatives]
    attract, repel = [x for x in attract if x > 0], [x for x in repel if x > 0]
    return sum(attract) / len(attract) + sum(repel) / len(repel)


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("margin", [0.1, 0.3])
def test_similarity_form_by_loops(memory: list[int], margin: float) -> None:
    feats = make_feats(9 + len(memory))
    remembered = Remembered(feats[9:], torch.tensor(memory)) if memory else None
    found = contrastive_loss(feats[:9], LABELS, remembered, margin=margin).item()
    assert found == pytest.approx(similarity_by_loops(feats, memory, margin), rel=1e-5)


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("margin", [1.0, 1.5])
def test_distance_form_by_loops(memory: list[int], margin: float) -> None:
    feats = make_feats(9 + len(memory))
    remembered = Remembered(feats[9:], torch.tensor(memory)) if memory else None
    found = contrastive_loss(feats[:9], LABELS, remembered, margin=margin, form="distance")
    assert found.item() == pytest.approx(distance_by_loops(feats, memory, margin), rel=1e-5)


def test_distance_form_against_pytorch_metric_learning() -> None:
    ours, theirs = make_feats().requires_grad_(), make_feats().requires_grad_()
    found = contrastive_loss(ours, LABELS, margin=1.0, form="distance")
    expected = ContrastiveLoss(pos_margin=0, neg_margin=1)(theirs, LABELS)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))


def test_either_kind_of_pair_may_be_missing() -> None:
    feats = make_feats(3)
    sims = [cosine(feats[i].tolist(), feats[j].tolist()) for i, j in ((0, 1), (0, 2), (1, 2))]
    found = contrastive_loss(feats, torch.tensor([4, 4, 4]))
    assert found.item() == pytest.approx(sum(2 * (1 - sim) for sim in sims) / 3, rel=1e-5)
    found = contrastive_loss(feats, torch.tensor([0, 1, 2]), margin=0.0)
    assert found.item() == pytest.approx(sum(2 * sim for sim in sims if sim > 0) / 3, rel=1e-5)
