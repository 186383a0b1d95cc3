import math

import pytest
import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor

from tests.losses.oracle import pairs_of
from vreid.errors import ConfigError
from vreid.losses.pairs import Remembered
from vreid.losses.triplet import triplet_loss

LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 5])  # the last has no positive


def _feats(rows: int = len(LABELS), seed: int = 0) -> Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed))


def _by_loops(feats: Tensor, labels: Tensor, margin: float) -> float:
    terms = []
    for i, anchor in enumerate(feats.double()):
        positives, negatives = [], []
        for j, other in enumerate(feats.double()):
            dist = math.sqrt(sum((a - b) ** 2 for a, b in zip(anchor, other, strict=True)))
            if labels[i] != labels[j]:
                negatives.append(dist)
            elif i != j:
                positives.append(dist)
        if positives and negatives:
            gap = max(positives) - min(negatives)
            terms.append(max(0.0, gap + margin) if margin else math.log(1 + math.exp(gap)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_by_loops_over_pairs(margin: float, seed: int) -> None:
    feats = _feats(seed=seed)
    found = triplet_loss(feats, LABELS, margin=margin)
    assert found.item() == pytest.approx(_by_loops(feats, LABELS, margin), rel=1e-5)


def test_against_pytorch_metric_learning() -> None:
    ours, theirs = _feats().requires_grad_(), _feats().requires_grad_()
    distance = LpDistance(normalize_embeddings=False, p=2)
    loss = TripletMarginLoss(margin=0.3, distance=distance, reducer=MeanReducer())
    expected = loss(theirs, LABELS, BatchHardMiner(distance=distance)(theirs, LABELS))
    found = triplet_loss(ours, LABELS, margin=0.3)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_gradient_by_finite_differences() -> None:
    feats = _feats()
    for margin in (0.0, 0.3):
        leaf = feats.clone().requires_grad_()
        triplet_loss(leaf, LABELS, margin=margin).backward()
        assert leaf.grad is not None
        step = 1e-3
        for row, column in ((0, 0), (3, 2), (8, 5)):
            up, down = feats.clone(), feats.clone()
            up[row, column] += step
            down[row, column] -= step
            slope = (_by_loops(up, LABELS, margin) - _by_loops(down, LABELS, margin)) / (2 * step)
            assert leaf.grad[row, column].item() == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2, 3], [7, 7, 7, 7], [3]],
    ids=["no positives", "no negatives", "one image"],
)
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_no_anchor_gives_zero_and_zero_gradients(labels: list[int], margin: float) -> None:
    feats = _feats(len(labels)).requires_grad_()
    loss = triplet_loss(feats, torch.tensor(labels), margin=margin)
    loss.backward()
    assert loss.item() == 0 and loss.dtype == torch.float32
    assert feats.grad is not None and torch.equal(feats.grad, torch.zeros_like(feats))


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_identical_features_have_no_nan(margin: float) -> None:
    feats = torch.ones(4, 6, requires_grad=True)
    loss = triplet_loss(feats, torch.tensor([0, 0, 1, 1]), margin=margin)
    loss.backward()
    assert loss.item() == pytest.approx(margin or math.log(2))
    assert feats.grad is not None and feats.grad.isfinite().all()


def test_small_distances_keep_their_digits() -> None:
    # Two views 0.001 apart, 100 from the origin: |x|² + |y|² - 2 x·y would answer 0 or 0.03.
    feats = torch.full((4, 6), 40.0)
    feats[1, 0] += 0.001
    feats[2:] += 100
    loss = triplet_loss(feats, torch.tensor([0, 0, 1, 1]), margin=300.0)
    expected = _by_loops(feats, torch.tensor([0, 0, 1, 1]), 300.0)
    assert loss.item() == pytest.approx(expected, abs=1e-4)


def test_float32_inside_autocast() -> None:
    feats = _feats().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = triplet_loss(feats, LABELS)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, triplet_loss(feats.float(), LABELS))


def _distances(feats: Tensor, labels: list[int]) -> list[tuple[list[float], list[float]]]:
    """Of each anchor that has both, the distances to its positives and to its negatives."""
    rows = feats.double().tolist()
    found = []
    for i, positives, negatives in pairs_of(labels):
        if positives and negatives:
            near = [math.dist(rows[i], rows[j]) for j in positives]
            found.append((near, [math.dist(rows[i], rows[j]) for j in negatives]))
    return found


def _weighted_mean(values: list[float], sign: int) -> float:
    weights = [math.exp(sign * value) for value in values]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_batch_soft_by_loops(margin: float) -> None:
    feats = _feats()
    gaps = [
        _weighted_mean(positives, 1) - _weighted_mean(negatives, -1)
        for positives, negatives in _distances(feats, LABELS.tolist())
    ]
    terms = [max(0.0, gap + margin) if margin else math.log(1 + math.exp(gap)) for gap in gaps]
    found = triplet_loss(feats, LABELS, margin=margin, mining="batch_soft")
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_batch_sample_draws_with_softmax_weights() -> None:
    feats, labels = _feats(5), torch.tensor([0, 0, 0, 1, 2])
    expected = 0.0  # E of d_ap - d_an, since a margin of 100 never saturates
    anchors = _distances(feats, labels.tolist())
    for positives, negatives in anchors:
        gap = _weighted_mean(positives, 1) - _weighted_mean(negatives, -1)
        expected += (gap + 100) / len(anchors)
    dice = torch.Generator().manual_seed(0)
    draws = [
        triplet_loss(feats, labels, margin=100, mining="batch_sample", generator=dice).item()
        for _ in range(2000)
    ]
    assert len(set(draws)) > 10
    assert sum(draws) / len(draws) == pytest.approx(expected, abs=0.02)


def test_a_memory_gives_further_triplets() -> None:
    everything = _feats(13)
    memory = Remembered(everything[9:], torch.tensor([5, 0, -1, 7]))
    labels = torch.cat([LABELS, torch.tensor([5, 0, 99, 7])])  # an empty place is no negative
    everything[11] = everything[0]  # and would be the nearest
    hard = []
    rows = everything.double().tolist()
    for i, positives, negatives in pairs_of(labels.tolist()):
        if i < 9:
            far = max(math.dist(rows[i], rows[j]) for j in positives)
            near = min(math.dist(rows[i], rows[j]) for j in negatives if j != 11)
            hard.append(max(0.0, far - near + 0.3))
    found = triplet_loss(everything[:9], LABELS, memory).item()
    assert found == pytest.approx(sum(hard) / 9, rel=1e-5)


def test_negative_margins_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.margin is -0\.3; expected 0"):
        triplet_loss(_feats(), LABELS, margin=-0.3)
