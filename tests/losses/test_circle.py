import math

import pytest
import torch
from pytorch_metric_learning.losses import CircleLoss

from tests.losses.oracle import (
    LABELS,
    cosine,
    cross_entropy,
    gradient,
    make_cosines,
    make_feats,
    pairs_of,
)
from vreid.losses.circle import Form, circle_logits, circle_loss
from vreid.losses.identity import identity_loss
from vreid.losses.pairs import Remembered


def own_exponent(sim: float, scale: float, margin: float) -> float:
    return -scale * max(0.0, 1 + margin - sim) * (sim - (1 - margin))


def other_exponent(sim: float, scale: float, margin: float) -> float:
    return scale * max(0.0, sim + margin) * (sim - margin)


def test_class_level_by_loops() -> None:
    cosines, labels = make_cosines(5, 4), torch.tensor([0, 3, 1, 1, 2])
    rows = [
        [
            -own_exponent(c, 64, 0.35) if idx == label else other_exponent(c, 64, 0.35)
            for idx, c in enumerate(row)
        ]
        for row, label in zip(cosines.tolist(), labels.tolist(), strict=True)
    ]
    logits = circle_logits(cosines, labels, scale=64, margin=0.35)
    torch.testing.assert_close(logits, torch.tensor(rows), rtol=1e-4, atol=1e-4)
    found = identity_loss(logits, labels, smoothing=0).item()
    assert found == pytest.approx(cross_entropy(rows, labels.tolist()), rel=1e-4)


def test_the_weights_of_the_class_level_form_carry_no_gradient() -> None:
    cosines = torch.tensor([[0.3, 0.2]], requires_grad=True)
    grad = gradient(circle_logits(cosines, torch.tensor([0]), scale=2, margin=0.25).sum(), cosines)
    torch.testing.assert_close(grad, torch.tensor([[2 * 0.95, 2 * 0.45]]))


def by_loops(feats: torch.Tensor, labels: list[int], memory: list[int], form: Form) -> float:
    rows = feats.double().tolist()
    every_own, every_other, terms = 0.0, 0.0, []
    for i, positives, negatives in pairs_of(labels, memory):
        own = [math.exp(own_exponent(cosine(rows[i], rows[j]), 8, 0.25)) for j in positives]
        other = [math.exp(other_exponent(cosine(rows[i], rows[j]), 8, 0.25)) for j in negatives]
        if own and other:
            terms.append(math.log(1 + sum(own) * sum(other)))
        every_own += sum(e for e, j in zip(own, positives, strict=True) if j > i)
        every_other += sum(e for e, j in zip(other, negatives, strict=True) if j > i)
    if form == "batch":
        return math.log(1 + every_own * every_other) / len(labels)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("form", ["batch", "anchor"])
def test_pairs_by_loops(form: Form) -> None:
    feats = make_feats()
    found = circle_loss(feats, LABELS, scale=8, form=form)
    assert found.item() == pytest.approx(by_loops(feats, LABELS.tolist(), [], form), rel=1e-5)


@pytest.mark.parametrize("form", ["batch", "anchor"])
def test_pairs_with_a_memory_by_loops(form: Form) -> None:
    everything, memory_labels = make_feats(13), [5, 0, -1, 7]
    memory = Remembered(everything[9:], torch.tensor(memory_labels))
    found = circle_loss(everything[:9], LABELS, memory, scale=8, form=form)
    expected = by_loops(everything, LABELS.tolist(), memory_labels, form)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_against_pytorch_metric_learning() -> None:
    ours, theirs = make_feats().requires_grad_(), make_feats().requires_grad_()
    found = circle_loss(ours, LABELS, scale=32, margin=0.25, form="anchor")
    expected = CircleLoss(m=0.25, gamma=32)(theirs, LABELS)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))
