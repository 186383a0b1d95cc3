import math

import pytest
import torch
from pytorch_metric_learning.losses import SupConLoss

from tests.losses.oracle import LABELS, cosine, gradient, make_feats, pairs_of
from vreid.losses.pairs import Remembered
from vreid.losses.supcon import supcon_loss


def by_loops(feats: torch.Tensor, labels: list[int], memory: list[int], tau: float) -> float:
    rows, terms = feats.double().tolist(), []
    for i, positives, negatives in pairs_of(labels, memory):
        sims = {j: cosine(rows[i], rows[j]) / tau for j in positives + negatives}
        log_sum = math.log(sum(math.exp(sim) for sim in sims.values()))
        if positives:
            terms.append(-sum(sims[j] - log_sum for j in positives) / len(positives))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
def test_by_loops(temperature: float, memory: list[int]) -> None:
    feats = make_feats(9 + len(memory))
    remembered = Remembered(feats[9:], torch.tensor(memory)) if memory else None
    found = supcon_loss(feats[:9], LABELS, remembered, temperature=temperature).item()
    assert found == pytest.approx(by_loops(feats, LABELS.tolist(), memory, temperature), rel=1e-5)


def test_against_pytorch_metric_learning() -> None:
    ours, theirs = make_feats().requires_grad_(), make_feats().requires_grad_()
    found = supcon_loss(ours, LABELS)
    expected = SupConLoss(temperature=0.07)(theirs, LABELS)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))


def test_neither_order_nor_length_counts() -> None:
    feats, order = make_feats(), torch.randperm(9, generator=torch.Generator().manual_seed(1))
    plain = supcon_loss(feats, LABELS)
    torch.testing.assert_close(supcon_loss(feats[order], LABELS[order]), plain)
    lengths = torch.linspace(0.1, 30, 9)[:, None]
    torch.testing.assert_close(supcon_loss(feats * lengths, LABELS), plain)


def test_positives_compete_where_there_are_no_negatives() -> None:
    feats, labels = make_feats(3), torch.tensor([4, 4, 4])
    found = supcon_loss(feats, labels).item()
    assert found == pytest.approx(by_loops(feats, [4, 4, 4], [], 0.07), rel=1e-5)
    assert supcon_loss(torch.ones(2, 6), torch.tensor([4, 4])).item() == pytest.approx(0, abs=1e-6)
