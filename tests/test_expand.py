from typing import Any

import numpy as np
import pytest

from vreid.errors import ConfigError, DataError
from vreid.expand import Weighting, augment_database, expand_queries, expand_queries_among_all
from vreid.features import FloatArray

WEIGHTINGS: list[Weighting] = ["mean", "sim", "rank"]


def make_feats(num: int, seed: int, dim: int = 6) -> FloatArray:
    feats = np.random.default_rng(seed).normal(size=(num, dim))
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    return feats.astype(np.float32)


def slow(
    own: FloatArray, others: list[FloatArray], k: int, weights: Weighting, alpha: float
) -> Any:
    """One expanded feature by the definition."""
    x = own.astype(np.float64)
    apart = [float(((x - other.astype(np.float64)) ** 2).sum()) for other in others]
    chosen = sorted(range(len(others)), key=lambda idx: (apart[idx], idx))[:k]
    total, sums = x.copy(), 1.0
    for rank, idx in enumerate(chosen, start=1):
        y = others[idx].astype(np.float64)
        cos = float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        weight = {
            "mean": 1.0,
            "sim": max(cos, 0.0) ** alpha,
            "rank": (len(chosen) - rank) / len(chosen),
        }[weights]
        total += weight * y
        sums += weight
    return total / sums


@pytest.mark.parametrize("weights", WEIGHTINGS)
@pytest.mark.parametrize("k", [0, 1, 4, 50])
def test_queries_move_towards_the_gallery(weights: Weighting, k: int) -> None:
    query, gallery = make_feats(5, 0), make_feats(12, 1)
    result = expand_queries(query, gallery, k=k, weights=weights, alpha=2.5, renormalize=False)
    for row, own in enumerate(query):
        expected = slow(own, list(gallery), k, weights, 2.5)
        np.testing.assert_allclose(result[row], expected, atol=1e-6)
    assert result.dtype == np.float32


@pytest.mark.parametrize("weights", WEIGHTINGS)
@pytest.mark.parametrize("k", [0, 1, 5, 50])
def test_the_database_moves_towards_itself(weights: Weighting, k: int) -> None:
    feats = make_feats(11, 2)
    result = augment_database(feats, k=k, weights=weights, renormalize=False)
    for row, own in enumerate(feats):
        others = [other for idx, other in enumerate(feats) if idx != row]
        np.testing.assert_allclose(result[row], slow(own, others, k, weights, 3), atol=1e-6)


def test_the_mean_of_the_top_six_among_all() -> None:
    query, gallery = make_feats(4, 3), make_feats(20, 4)
    both = np.concatenate([query, gallery]).astype(np.float64)
    result = expand_queries_among_all(query, gallery, k=5, renormalize=False)
    for row in range(4):
        apart = ((both[row] - both) ** 2).sum(axis=1)
        nearest = np.argsort(apart, kind="stable")[:6]
        assert nearest[0] == row
        np.testing.assert_allclose(result[row], both[nearest].mean(axis=0), atol=1e-6)
    moved = augment_database(both.astype(np.float32), k=5, renormalize=False)
    np.testing.assert_allclose(moved[:4], result, atol=1e-6)


def test_alpha_zero_is_the_mean_for_similar_features() -> None:
    query, gallery = np.abs(make_feats(3, 5)), np.abs(make_feats(8, 6))
    plain = expand_queries(query, gallery, k=3)
    np.testing.assert_allclose(
        expand_queries(query, gallery, k=3, weights="sim", alpha=0), plain, atol=1e-6
    )


def test_results_have_length_one_unless_told_otherwise() -> None:
    query, gallery = make_feats(3, 7), make_feats(8, 8)
    for weights in WEIGHTINGS:
        scaled = expand_queries(query, gallery, k=3, weights=weights)
        np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1, atol=1e-6)
        plain = expand_queries(query, gallery, k=3, weights=weights, renormalize=False)
        lengths = np.linalg.norm(plain, axis=1, keepdims=True)
        np.testing.assert_allclose(scaled, plain / lengths, atol=1e-6)


def test_duplicates_are_neighbours_and_an_image_itself_is_not() -> None:
    feats = np.repeat(make_feats(2, 9), [5, 1], axis=0)  # 0-4 alike, 5 apart
    result = augment_database(feats, k=2, renormalize=False)
    np.testing.assert_allclose(result[:5], feats[:5], atol=1e-6)
    expected = slow(feats[5], list(feats[:5]), 2, "mean", 0)
    np.testing.assert_allclose(result[5], expected, atol=1e-6)


def test_single_images_stay() -> None:
    one = make_feats(1, 10)
    np.testing.assert_array_equal(augment_database(one, k=6, renormalize=False), one)
    none = np.empty((0, 6), dtype=np.float32)
    assert expand_queries(none, one, k=3).shape == (0, 6)
    assert expand_queries_among_all(one[:0], one, k=3).shape == (0, 6)


def test_zero_features_stay_finite() -> None:
    query = np.zeros((1, 6), dtype=np.float32)
    result = expand_queries(query, make_feats(4, 11), k=2, weights="sim")
    np.testing.assert_array_equal(result, query)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = make_feats(23, 12)
    whole = augment_database(feats, k=4, weights="sim")
    monkeypatch.setattr("vreid.expand._BLOCK_VALUES", 1)
    np.testing.assert_array_equal(augment_database(feats, k=4, weights="sim"), whole)


def test_what_cannot_be_used_is_said() -> None:
    query, gallery = make_feats(3, 13), make_feats(5, 14)
    with pytest.raises(ConfigError, match="k is -1; expected the number of neighbours"):
        expand_queries(query, gallery, k=-1)
    wrong: Any = "max"
    with pytest.raises(ConfigError, match="weights is 'max'; choose one of mean, sim, rank"):
        augment_database(gallery, k=1, weights=wrong)
    with pytest.raises(ConfigError, match="alpha is -1; expected a power"):
        expand_queries(query, gallery, k=1, weights="sim", alpha=-1)
    with pytest.raises(DataError, match="expected the same number of columns"):
        expand_queries(query, gallery[:, :4], k=1)
    with pytest.raises(DataError, match="no features to find neighbours among"):
        expand_queries(query, gallery[:0], k=1)
