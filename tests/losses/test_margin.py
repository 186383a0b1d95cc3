import math

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

from tests.losses.oracle import cross_entropy, make_cosines, make_feats
from vreid.losses.identity import identity_loss
from vreid.losses.margin import arcface_logits, cosface_logits
from vreid.models.heads import CosineClassifier

CLASSES = torch.tensor([0, 3, 1, 1, 2])


def test_arcface_by_its_angles() -> None:
    cosines = make_cosines(5, 4)
    cosines[1, 3] = -0.999  # beyond pi - m: the falling branch
    found = arcface_logits(cosines, CLASSES, scale=10, margin=0.5)
    for row, label in enumerate(CLASSES.tolist()):
        for column in range(4):
            angle = math.acos(cosines[row, column].item())
            expected = math.cos(angle)
            if column == label and angle <= math.pi - 0.5:
                expected = math.cos(angle + 0.5)
            elif column == label:
                expected = math.cos(angle) - 0.5 * math.sin(0.5)
            assert found[row, column].item() == pytest.approx(10 * expected, abs=2e-5)


def test_cosface_by_its_formula() -> None:
    cosines = make_cosines(5, 4)
    rows = [[30 * c for c in row] for row in cosines.tolist()]
    for row, label in enumerate(CLASSES.tolist()):
        rows[row][label] -= 30 * 0.2
    logits = cosface_logits(cosines, CLASSES, scale=30, margin=0.2)
    expected = cross_entropy(rows, CLASSES.tolist())
    found = identity_loss(logits, CLASSES, smoothing=0)
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface"])
def test_against_pytorch_metric_learning(name: str) -> None:
    feats = make_feats(5, dim=8)
    classifier = CosineClassifier(8, 4)
    theirs = (
        ArcFaceLoss(4, 8, margin=math.degrees(0.5), scale=64)
        if name == "arcface"
        else CosFaceLoss(4, 8, margin=0.35, scale=64)
    )
    with torch.no_grad():
        theirs.W.copy_(classifier.weight.T)
    logits = {"arcface": arcface_logits, "cosface": cosface_logits}[name]
    found = identity_loss(logits(classifier(feats), CLASSES), CLASSES, smoothing=0)
    expected = theirs(feats, CLASSES)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    found.backward()
    expected.backward()
    assert classifier.weight.grad is not None
    torch.testing.assert_close(classifier.weight.grad, theirs.W.grad.T, rtol=1e-3, atol=1e-3)


def test_no_margin_is_the_scaled_cosine() -> None:
    cosines = make_cosines(5, 4)
    for logits in (arcface_logits, cosface_logits):
        found = logits(cosines, CLASSES, scale=3.0, margin=0.0)
        torch.testing.assert_close(found, 3 * cosines, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_cosines_at_both_ends_have_finite_gradients(dtype: torch.dtype) -> None:
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]], dtype=dtype, requires_grad=True)
    for logits in (arcface_logits, cosface_logits):
        loss = identity_loss(logits(cosines, torch.tensor([0, 0, 1])), torch.tensor([0, 0, 1]))
        (grad,) = torch.autograd.grad(loss, cosines)
        assert loss.dtype == torch.float32 and loss.isfinite() and grad.isfinite().all()
