import math

import pytest
import torch
from pytorch_metric_learning.losses import SphereFaceLoss

from tests.losses.oracle import cross_entropy, make_cosines, make_feats
from vreid.losses.identity import identity_loss
from vreid.losses.pairs import unit
from vreid.losses.sphereface import sphereface_logits
from vreid.models.heads import CosineClassifier

CLASSES = torch.tensor([0, 3, 1, 1, 2])


def psi(cosine: float, margin: int) -> float:
    angle = math.acos(cosine)
    k = min(int(angle / (math.pi / margin)), margin - 1)
    return float((-1) ** k * math.cos(margin * angle) - 2 * k)


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_by_its_angles(margin: int, seed: int) -> None:
    cosines = make_cosines(5, 4, seed=seed)
    rows = [[10 * c for c in row] for row in cosines.tolist()]
    for row, label in zip(rows, CLASSES.tolist(), strict=True):
        row[label] = 10 * psi(row[label] / 10, margin)
    logits = sphereface_logits(cosines, CLASSES, scale=10, margin=margin)
    torch.testing.assert_close(logits, torch.tensor(rows), rtol=1e-4, atol=1e-4)
    found = identity_loss(logits, CLASSES, smoothing=0)
    assert found.item() == pytest.approx(cross_entropy(rows, CLASSES.tolist()), rel=1e-4)


@pytest.mark.parametrize("margin", [2, 3, 4])
def test_the_own_logit_falls_without_jumps_over_the_whole_half_circle(margin: int) -> None:
    angles = torch.linspace(0, math.pi, 2001)
    cosines = angles.cos()[:, None].requires_grad_()
    logits = sphereface_logits(
        cosines, torch.zeros(2001, dtype=torch.int64), scale=1.0, margin=margin
    )
    assert logits[0].item() == pytest.approx(1)
    assert logits[-1].item() == pytest.approx(1 - 2 * margin)
    steps = logits[:-1, 0] - logits[1:, 0]
    assert (steps > -1e-5).all() and steps.max() < 1.01 * margin * math.pi / 2000
    (slopes,) = torch.autograd.grad(logits.sum(), cosines)
    assert (slopes > -0.05).all()  # about 0 where two pieces meet
    assert slopes[0].item() == slopes[-1].item() == pytest.approx(margin**2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pytorch_metric_learning")
@pytest.mark.parametrize("scale", [1.0, 16.0])
@pytest.mark.parametrize("margin", [3, 4])
def test_against_pytorch_metric_learning(scale: float, margin: int) -> None:
    feats = unit(make_feats(5, dim=8))  # where the length that theirs multiplies by is 1
    classifier = CosineClassifier(8, 4)
    theirs = SphereFaceLoss(4, 8, margin=margin, scale=scale)
    with torch.no_grad():
        theirs.W.copy_(classifier.weight.T)
    logits = sphereface_logits(classifier(feats), CLASSES, scale=scale, margin=margin)
    found = identity_loss(logits, CLASSES, smoothing=0)
    expected = theirs(feats, CLASSES)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    found.backward()
    expected.backward()
    assert classifier.weight.grad is not None
    torch.testing.assert_close(classifier.weight.grad, theirs.W.grad.T, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_cosines_at_and_beyond_both_ends_have_finite_gradients(dtype: torch.dtype) -> None:
    ends = [[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.01, -1.01], [-1.01, 1.01]]
    cosines = torch.tensor(ends, dtype=dtype, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 0, 0])
    loss = identity_loss(sphereface_logits(cosines, labels), labels)
    (grad,) = torch.autograd.grad(loss, cosines)
    assert loss.dtype == torch.float32 and loss.isfinite() and grad.isfinite().all()
