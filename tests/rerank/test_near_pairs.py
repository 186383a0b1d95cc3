"""The sparse graph against the dense definition, pair by pair."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.rerank.oracle import Wide, reciprocal, squared
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.rerank.near_pairs import near_pairs
from vreid.rerank.nearest_jaccard import nearest_jaccard


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("VREID_COMPILED", "1" if request.param == "compiled" else "0")
    yield request.param


def groups(num: int, seed: int, *, dim: int = 12) -> FloatArray:
    """Features at length 1 in groups of about eight."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, num // 8), dim))
    feats = centres[rng.integers(0, len(centres), num)] + 0.5 * rng.normal(size=(num, dim))
    return np.asarray(feats / np.linalg.norm(feats, axis=1, keepdims=True), dtype=np.float32)


def dense(feats: FloatArray, *, k1: int, k2: int, share: float) -> Wide:
    """(N, N) by loops over images, with sets, in float64."""
    gaps = squared(feats)
    ranks = np.argsort(gaps, axis=1, kind="stable")
    near, near_half = reciprocal(ranks, k1 - 1), reciprocal(ranks, min(round(k1 / 2), k1 - 1))
    encodings = np.zeros(gaps.shape)
    for i, own in enumerate(near):
        expanded = set(own)
        for candidate in own:
            theirs = near_half[candidate]
            if 3 * len(theirs & own) > 2 * len(theirs):
                expanded |= theirs
        cols = sorted(expanded)
        weights = np.exp(-gaps[i, cols])
        encodings[i, cols] = weights / weights.sum()
    encodings = np.stack([encodings[row[:k2]].mean(axis=0) for row in ranks])
    result = np.empty(gaps.shape)
    for i, left in enumerate(encodings):
        for j, right in enumerate(encodings):
            jaccard = 1 - np.minimum(left, right).sum() / np.maximum(left, right).sum()
            result[i, j] = share * jaccard + (1 - share) * (1 - feats[i] @ feats[j])
    return result


@pytest.mark.parametrize(
    ("num", "k1", "k2", "share", "most"),
    [(90, 12, 4, 0.9, 0.55), (90, 30, 6, 0.9, 0.8), (60, 7, 1, 1.0, 0.7), (9, 30, 6, 0.5, 0.4)],
)
@pytest.mark.usefixtures("way")
def test_the_graph_is_the_near_part_of_the_dense_matrix(
    num: int, k1: int, k2: int, share: float, most: float
) -> None:
    feats = groups(num, seed=num + k1)
    graph = near_pairs(feats, most=most, k1=k1, k2=k2, share=share)
    wanted = dense(feats, k1=k1, k2=k2, share=share)
    stored = np.zeros(wanted.shape, dtype=np.bool_)
    stored[np.repeat(np.arange(num), np.diff(graph.indptr)), graph.indices] = True
    np.testing.assert_array_equal(stored, (wanted <= most) | np.eye(num, dtype=np.bool_))
    assert num < stored.sum() < num * num or num == 9
    off_diagonal = stored & ~np.eye(num, dtype=np.bool_)
    found = graph.toarray()
    np.testing.assert_allclose(found[off_diagonal], wanted[off_diagonal], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)  # to the last bit
    assert not found.diagonal().any()
    for row in range(num):
        values = graph.data[graph.indptr[row] : graph.indptr[row + 1]]
        assert (np.diff(values) >= 0).all()


@pytest.mark.usefixtures("way")
def test_its_jaccard_part_is_that_of_nearest_jaccard() -> None:
    feats = groups(80, seed=4)
    found = near_pairs(feats, most=0.9, k1=10, k2=3, share=1.0).toarray()[:30, 30:]
    wanted = nearest_jaccard(feats[:30], feats[30:], k1=10, k2=3)
    stored = found > 0
    assert stored.any()
    np.testing.assert_allclose(found[stored], wanted[stored], rtol=0, atol=1e-6)


@pytest.mark.usefixtures("way")
def test_exact_copies_are_stored_at_distance_0() -> None:
    feats = np.repeat(groups(10, seed=1), 3, axis=0)
    graph = near_pairs(feats, most=0.2, k1=3, k2=1)
    assert np.diff(graph.indptr).min() >= 3
    np.testing.assert_allclose(graph[0, 1], 0, atol=1e-6)


def test_numbers_out_of_range_are_refused() -> None:
    feats = groups(9, seed=0)
    with pytest.raises(ConfigError, match=r"largest distance is 0\.9 for a share of 0\.9"):
        near_pairs(feats, most=0.9)
    with pytest.raises(ConfigError, match=r"share of the Jaccard distance is 0\b"):
        near_pairs(feats, most=0.5, share=0)
    with pytest.raises(ConfigError, match="k1 is 0"):
        near_pairs(feats, most=0.5, k1=0)
    with pytest.raises(DataError, match="there are 1 images"):
        near_pairs(feats[:1], most=0.5)
