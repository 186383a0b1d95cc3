import math

import pytest
import torch
from pytorch_metric_learning.losses import CrossBatchMemory, TripletMarginLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner

from tests.losses.oracle import LABELS, cosine, dist, gradient, make_feats, pairs_of
from vreid.losses.memory import Memory
from vreid.losses.multi_similarity import mine_multi_similarity
from vreid.losses.pairs import Remembered, pair_up, unit
from vreid.losses.triplet import triplet_loss


def mined(
    feats: torch.Tensor, memory: list[int], epsilon: float
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Positive and negative pairs (anchor, other) by the definition."""
    rows = feats.double().tolist()
    own, others = set(), set()
    for i, positives, negatives in pairs_of(LABELS.tolist(), memory):
        if positives and negatives:
            sims = {j: cosine(rows[i], rows[j]) for j in positives + negatives}
            nearest, farthest = (
                max(sims[j] for j in negatives),
                min(sims[j] for j in positives),
            )
            own |= {(i, j) for j in positives if sims[j] - epsilon < nearest}
            others |= {(i, j) for j in negatives if sims[j] + epsilon > farthest}
    return own, others


def by_loops(feats: torch.Tensor, memory: list[int], margin: float, epsilon: float) -> float:
    rows = feats.double().tolist()
    own, others = mined(feats, memory, epsilon)
    gaps = [
        dist(rows[i], rows[p]) - dist(rows[i], rows[n])
        for i, p in own
        for anchor, n in others
        if anchor == i
    ]
    terms = [max(0.0, gap + margin) if margin else math.log(1 + math.exp(gap)) for gap in gaps]
    terms = [term for term in terms if term > 0]
    return sum(terms) / len(terms)


def batch(memory: list[int], seed: int) -> tuple[torch.Tensor, Remembered | None]:
    feats = make_feats(9 + len(memory), seed=seed)
    return feats, Remembered(feats[9:], torch.tensor(memory)) if memory else None


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_mined_pairs_by_loops(memory: list[int], epsilon: float, seed: int) -> None:
    feats, remembered = batch(memory, seed)
    found = mine_multi_similarity(pair_up(feats[:9], LABELS, remembered), epsilon=epsilon)
    expected = mined(feats, memory, epsilon)
    for mask, pairs in zip(found, expected, strict=True):
        assert {(int(i), int(j)) for i, j in mask.nonzero()} == pairs


@pytest.mark.parametrize("memory", [[], [5, 0, -1, 7]], ids=["batch", "memory"])
@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_triplets_by_loops(memory: list[int], margin: float, epsilon: float) -> None:
    feats, remembered = batch(memory, 0)
    found = triplet_loss(
        feats[:9], LABELS, remembered, margin=margin, mining="multi_similarity", ms_epsilon=epsilon
    )
    assert found.item() == pytest.approx(by_loops(feats, memory, margin, epsilon), rel=1e-5)


@pytest.mark.parametrize("epsilon", [0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_against_pytorch_metric_learning(epsilon: float, seed: int) -> None:
    ours, theirs = make_feats(seed=seed).requires_grad_(), make_feats(seed=seed).requires_grad_()
    pairs = MultiSimilarityMiner(epsilon=epsilon)(theirs, LABELS)
    expected = TripletMarginLoss(margin=0.3)(theirs, LABELS, pairs)  # normalises by itself
    found = triplet_loss(
        unit(ours), LABELS, margin=0.3, mining="multi_similarity", ms_epsilon=epsilon
    )
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, ours), gradient(expected, theirs))


def test_with_a_memory_against_pytorch_metric_learning() -> None:
    theirs = CrossBatchMemory(
        TripletMarginLoss(margin=0.3), 6, memory_size=27, miner=MultiSimilarityMiner()
    )
    memory = Memory(18, 6)  # theirs holds the batch at hand as well
    for seed in range(5):
        feats = unit(make_feats(seed=seed))
        found = triplet_loss(feats, LABELS, memory.recall(), mining="multi_similarity")
        torch.testing.assert_close(found, theirs(feats, LABELS))
        memory.remember(feats, LABELS)


def test_nothing_is_mined_from_classes_far_apart() -> None:
    feats = torch.eye(3).repeat_interleave(3, dim=0).requires_grad_()
    labels = torch.arange(3).repeat_interleave(3)
    loss = triplet_loss(feats, labels, mining="multi_similarity")
    assert loss.item() == 0
    assert torch.equal(gradient(loss, feats), torch.zeros_like(feats))
