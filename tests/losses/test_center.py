import copy

import pytest
import torch

from tests.losses.oracle import LABELS, make_feats
from vreid.losses.center import CenterLoss


def test_by_loops() -> None:
    center, feats = CenterLoss(6, 6), make_feats()
    loss, term = center(feats, LABELS, weight=0.25)
    expected = 0.0
    for row, label in zip(feats.tolist(), LABELS.tolist(), strict=True):
        own = center.centers[label].tolist()
        expected += sum((a - b) ** 2 for a, b in zip(row, own, strict=True)) / len(LABELS)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert term.item() == pytest.approx(0.25 * expected, rel=1e-5)


@pytest.mark.parametrize("weight", [5e-4, 0.25])
def test_the_features_feel_the_weight_and_the_centres_do_not(weight: float) -> None:
    center, feats = CenterLoss(6, 6), make_feats().requires_grad_()
    plain = (feats - center.centers[LABELS]).square().sum() / len(LABELS)
    to_feats, to_centers = torch.autograd.grad(plain, [feats, center.centers])
    _, term = center(feats, LABELS, weight=weight)
    found_feats, found_centers = torch.autograd.grad(term, [feats, center.centers])
    torch.testing.assert_close(found_feats, weight * to_feats)
    torch.testing.assert_close(found_centers, to_centers)


def test_its_own_optimizer_brings_the_centres_to_the_means() -> None:
    center, feats = CenterLoss(6, 6), make_feats()
    before = copy.deepcopy(center.centers.detach())
    optimizer = torch.optim.SGD(center.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        _, term = center(feats, LABELS, weight=5e-4)
        term.backward()
        optimizer.step()
    for label in (0, 1, 2, 5):
        mean = feats[label == LABELS].mean(dim=0)
        torch.testing.assert_close(center.centers[label].detach(), mean, rtol=1e-3, atol=1e-3)
    assert torch.equal(center.centers[3:5].detach(), before[3:5])  # labels that never came
