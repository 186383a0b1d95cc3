import math

import pytest
import torch
from pytorch_metric_learning.losses import GeneralizedLiftedStructureLoss

from tests.losses.oracle import LABELS, dist, gradient, make_feats, pairs_of
from vreid.losses.lifted import lifted_loss
from vreid.losses.pairs import Remembered, unit


def by_loops(feats: torch.Tensor, memory: list[int], margin: float) -> float:
    rows, terms = feats.double().tolist(), []
    for i, positives, negatives in pairs_of(LABELS.tolist(), memory):
        if positives and negatives:
            far = sum(math.exp(dist(rows[i], rows[j])) for j in positives)
            near = sum(math.exp(margin - dist(rows[i], rows[j])) for j in negatives)
            terms.append(max(0.0, math.log(far) + math.log(near)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_by_loops(memory: list[int], margin: float) -> None:
    feats = make_feats(9 + len(memory))
    remembered = Remembered(feats[9:], torch.tensor(memory)) if memory else None
    found = lifted_loss(feats[:9], LABELS, remembered, margin=margin).item()
    assert found == pytest.approx(by_loops(feats, memory, margin), rel=1e-5)


@pytest.mark.parametrize(("pos_margin", "neg_margin"), [(0.0, 1.0), (0.2, 0.7)])
def test_against_pytorch_metric_learning(pos_margin: float, neg_margin: float) -> None:
    # Without the last image, which has no positive: theirs counts the half of it that it has.
    ours, theirs = make_feats(8).requires_grad_(), make_feats(8).requires_grad_()
    loss = GeneralizedLiftedStructureLoss(pos_margin=pos_margin, neg_margin=neg_margin)
    expected = loss(theirs, LABELS[:8])  # normalises by itself
    found = lifted_loss(unit(ours), LABELS[:8], margin=neg_margin - pos_margin)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))


def test_classes_far_apart_cost_nothing() -> None:
    feats = (100 * torch.eye(3)).repeat_interleave(3, dim=0).requires_grad_()
    loss = lifted_loss(feats, torch.arange(3).repeat_interleave(3))
    assert loss.item() == 0
    assert torch.equal(gradient(loss, feats), torch.zeros_like(feats))
