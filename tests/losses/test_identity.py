import math

import pytest
import torch

from vreid.losses.identity import identity_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_by_its_formula(smoothing: float) -> None:
    logits = torch.randn(5, 4) * 3
    labels = torch.tensor([0, 3, 1, 1, 2])
    expected = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(z) for z in row))
        for idx, z in enumerate(row):
            target = smoothing / 4 + (1 - smoothing if idx == label else 0)
            expected -= target * (z - log_sum) / 5
    found = identity_loss(logits, labels, smoothing=smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_float32_from_half_precision() -> None:
    logits = torch.randn(5, 4).bfloat16()
    labels = torch.tensor([0, 3, 1, 1, 2])
    with torch.autocast("cpu", torch.bfloat16):
        found = identity_loss(logits, labels)
    outside = identity_loss(logits, labels)
    assert found.dtype == outside.dtype == torch.float32
    assert torch.equal(found, identity_loss(logits.float(), labels))
