"""Batches and slow answers that the tests of the losses share."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

# Out of order, of different counts; the last label has no positive.
LABELS = torch.tensor([1, 0, 2, 0, 1, 2, 0, 2, 5])


def make_feats(rows: int = len(LABELS), *, dim: int = 6, seed: int = 0) -> Tensor:
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))


def make_cosines(rows: int = 5, classes: int = 4, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, classes, generator=generator) * 2 - 1


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    lengths = math.hypot(*left) * math.hypot(*right)
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths


def dist(left: Sequence[float], right: Sequence[float]) -> float:
    return math.dist(left, right)


def cross_entropy(logits: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    terms = []
    for row, label in zip(logits, labels, strict=True):
        terms.append(math.log(sum(math.exp(z - row[label]) for z in row)))
    return sum(terms) / len(terms)


def pairs_of(
    labels: Sequence[int], memory: Sequence[int] = ()
) -> Iterator[tuple[int, list[int], list[int]]]:
    """Each anchor with the places of its positives and negatives, the memory's behind the batch."""
    others = [*labels, *memory]
    for i, label in enumerate(labels):
        positives = [j for j, other in enumerate(others) if other == label and j != i]
        negatives = [j for j, other in enumerate(others) if other not in (label, -1)]
        yield i, positives, negatives


def gradient(loss: Tensor, leaf: Tensor) -> Tensor:
    return torch.autograd.grad(loss, leaf)[0]
