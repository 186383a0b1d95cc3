import math

import pytest
import torch
from pytorch_metric_learning.losses import InstanceLoss

from tests.losses.oracle import LABELS, cosine, gradient, make_feats
from vreid.losses.instance import instance_loss
from vreid.losses.pairs import Remembered


def by_loops(feats: torch.Tensor, memory: list[int], scale: float) -> float:
    labels = [*LABELS.tolist(), *memory]
    means = {}
    for label in set(labels) - {-1}:
        rows = [
            row for row, own in zip(feats.double().tolist(), labels, strict=True) if own == label
        ]
        rows = [[x / math.hypot(*row) for x in row] for row in rows]
        means[label] = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    terms = []
    for label in set(LABELS.tolist()):
        sims = [cosine(means[label], other) for other in means.values()]
        terms.append(math.log(sum(math.exp(scale * (sim - 1)) for sim in sims)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("scale", [4.0, 32.0])
def test_by_loops(memory: list[int], scale: float) -> None:
    feats = make_feats(9 + len(memory))
    remembered = Remembered(feats[9:], torch.tensor(memory)) if memory else None
    found = instance_loss(feats[:9], LABELS, remembered, scale=scale).item()
    assert found == pytest.approx(by_loops(feats, memory, scale), rel=1e-4, abs=1e-6)


def test_one_image_a_class_against_pytorch_metric_learning() -> None:
    # In the order of the labels: elsewhere theirs pairs images with unrelated ones.
    ours, theirs = make_feats().requires_grad_(), make_feats().requires_grad_()
    labels = torch.tensor([0, 2, 3, 5, 7, 8, 9, 12, 13])
    found = instance_loss(ours, labels, scale=8)
    expected = InstanceLoss(gamma=8)(theirs, labels)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))


def test_it_pushes_classes_apart() -> None:
    feats = (torch.ones(4, 6) + 0.1 * make_feats(4)).requires_grad_()
    labels = torch.tensor([0, 1, 0, 1])
    before = instance_loss(feats, labels)
    stepped = (feats - 0.5 * gradient(before, feats)).detach()
    assert instance_loss(stepped, labels) < before
    means = [stepped[labels == label].mean(dim=0).tolist() for label in (0, 1)]
    means_before = [feats.detach()[labels == label].mean(dim=0).tolist() for label in (0, 1)]
    assert cosine(*means) < cosine(*means_before)


def test_a_class_that_cancels_out_has_no_gradient() -> None:
    feats = make_feats(4)
    feats[1] = -feats[0]
    leaf = feats.requires_grad_()
    grad = gradient(instance_loss(leaf, torch.tensor([0, 0, 1, 2])), leaf)
    assert torch.equal(grad[:2], torch.zeros(2, 6)) and grad[2:].abs().sum() > 0
