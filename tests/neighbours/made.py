"""Features that are hard for a search in one way each, and the plain answer to compare with."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from tests.rerank.oracle import Wide, squared
from vreid.features import FloatArray
from vreid.neighbours.found import Neighbours

KINDS = ("random", "clustered", "offset", "copies", "lengths", "tiny", "huge", "whole numbers")


def of_kind(kind: str, num: int, *, dim: int = 24, seed: int = 0) -> FloatArray:
    """(num, dim) float32 features."""
    rng = np.random.default_rng([seed, num, dim])
    made: Wide
    if kind == "random":
        made = rng.normal(size=(num, dim))
    elif kind == "whole numbers":  # many distances are equal
        made = rng.integers(0, 4, (num, dim)).astype(np.float64)
    else:
        centres = rng.normal(size=(max(2, num // 12), dim))
        made = centres[rng.integers(0, len(centres), num)] + 0.5 * rng.normal(size=(num, dim))
        if kind == "offset":  # mean cosine about 0.8
            common = rng.normal(size=dim)
            made += 2 * np.sqrt(1.25 * dim) * common / np.linalg.norm(common)
        elif kind == "copies":  # exact ones, near ones, and a few of the same place
            made[num // 2 : num // 2 + num // 5] = made[3]
            made[num // 4 : num // 4 + num // 5] = made[4]
            made[num // 4 : num // 4 + num // 5] += 1e-6 * rng.normal(size=(num // 5, dim))
        elif kind == "lengths":
            made *= 10.0 ** rng.uniform(-3, 3, (num, 1))
        elif kind in ("tiny", "huge"):
            made *= 1e-6 if kind == "tiny" else 1e6
    return made.astype(np.float32)


def exact(square: Wide, k: int) -> Neighbours:
    """The k nearest of each row by a stable sort."""
    idx = np.argsort(square, axis=1, kind="stable")[:, :k]
    dist = np.take_along_axis(square, idx, axis=1)
    return Neighbours(idx.astype(np.int32), dist, square.max(axis=1))


def exact_among(feats: FloatArray, k: int) -> Neighbours:
    """The k nearest of each image among all, itself included."""
    return exact(squared(feats), k)


def check(found: Neighbours, wanted: Neighbours, rows: slice = slice(None)) -> None:
    """Same images in the same order; distances but for the order of their sums."""
    np.testing.assert_array_equal(found.idx, wanted.idx[rows])
    np.testing.assert_allclose(found.dist, wanted.dist[rows], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.largest, wanted.largest[rows], rtol=1e-12, atol=0)


def joined(parts: tuple[Neighbours, Neighbours]) -> Neighbours:
    """Neighbours of queries and gallery as one."""
    first, second = parts
    return Neighbours(
        np.concatenate([first.idx, second.idx]),
        np.concatenate([first.dist, second.dist]),
        np.concatenate([first.largest, second.largest]),
        first.num_again + second.num_again,
    )


def fused(sets: list[tuple[FloatArray, float]]) -> Wide:
    """(N, N) Σ weight · |x - y|², one set after the other."""
    total = np.zeros((len(sets[0][0]), len(sets[0][0])))
    for feats, weight in sets:
        total += weight * squared(feats)
    return total


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads of torch, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
