"""Weighted sets of features: distances of chosen pairs, and what is refused."""

from typing import Any

import numpy as np
import pytest

from tests.neighbours.made import fused, of_kind, threads
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.neighbours import sets
from vreid.neighbours.found import Index
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets, squared_distance

WEIGHTS = (1.0, -0.1, -0.25)


def three_sets(num: int, num_query: int) -> tuple[FeatureSets, list[tuple[FloatArray, float]]]:
    parts = [
        (of_kind("offset", num, dim=dim, seed=dim), weight)
        for dim, weight in zip((24, 5, 1), WEIGHTS, strict=True)
    ]
    made = [FeatureSet(feats[:num_query], feats[num_query:], weight) for feats, weight in parts]
    return FeatureSets(tuple(made)), parts


def some_pairs(num: int) -> tuple[IntArray, IntArray, Index]:
    rng = np.random.default_rng(1)
    rows = np.array([4, 0, 11, num - 1, 4])
    counts = [3, 0, num, 7, 2]
    cols = rng.integers(0, num, sum(counts)).astype(np.int32)
    return rows, np.concatenate([[0], np.cumsum(counts)]), cols


@pytest.mark.parametrize("with_loops", [True, False])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_pairs_are_the_weighted_sums(
    with_loops: bool, num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VREID_COMPILED", "1" if with_loops else "0")
    monkeypatch.setattr(sets, "_GATHERED", 5 * 24)
    feats, parts = three_sets(40, 9)
    rows, indptr, cols = some_pairs(40)
    with threads(num_threads):
        found = feats.pairs(rows, indptr, cols)
    wanted = fused(parts)[np.repeat(rows, np.diff(indptr)), cols]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)


def test_a_pair_has_one_distance_whatever_surrounds_it() -> None:
    feats, _ = three_sets(40, 9)
    all_cols = np.arange(40, dtype=np.int32)
    there = feats.pairs(np.arange(40), np.arange(0, 1601, 40), np.tile(all_cols, 40))
    square = there.reshape(40, 40)
    alone = [
        feats.pairs(np.array([i]), np.array([0, 1]), all_cols[i - 3 : i - 2])[0] for i in (3, 9)
    ]
    assert alone == [square[3, 0], square[9, 6]]
    np.testing.assert_array_equal(square, square.T)
    np.testing.assert_array_equal(np.diag(square), 0)


def test_copies_are_equally_far_to_the_last_bit() -> None:
    feats = of_kind("offset", 30)
    feats[10:20] = feats[2]
    rows, cols = np.arange(30), np.tile(np.arange(30, dtype=np.int32), 30)
    square = feature_sets(feats[:7], feats[7:]).pairs(rows, np.arange(0, 901, 30), cols)
    square = square.reshape(30, 30)
    assert (square[:, 10:20] == square[:, 2:3]).all()


def test_squares_are_summed_in_double_precision() -> None:
    left = np.array([1e8, 1, 0], dtype=np.float32)
    right = np.array([1e8 + 8, 0, 1e-3], dtype=np.float32)
    assert squared_distance(left, right) == pytest.approx(64 + 1 + 1e-6, rel=1e-12)


def test_rows_are_numbered_queries_first() -> None:
    feats = of_kind("random", 10, dim=3)
    one = FeatureSet(feats[:4], feats[4:])
    wanted = np.array([[0, 9], [4, 3]])
    np.testing.assert_array_equal(one.take(wanted), feats[wanted])
    for start, stop in ((0, 10), (1, 3), (3, 6), (4, 5), (7, 10)):
        parts = one.parts(start, stop)
        np.testing.assert_array_equal(
            np.concatenate([part for part, _ in parts]), feats[start:stop]
        )
        assert [at for _, at in parts] == [0, len(parts[0][0])][: len(parts)]
    assert np.shares_memory(one.parts(1, 3)[0][0], feats)


def test_some_queries_keep_the_gallery_and_the_weights() -> None:
    feats, parts = three_sets(20, 6)
    some = feats.some_queries(np.array([5, 1]))
    assert (some.num_query, some.num_gallery, some.num_all, some.width) == (2, 14, 16, 30)
    cols = np.arange(2, 16, dtype=np.int32)
    found = some.pairs(np.array([0, 1]), np.array([0, 14, 28]), np.tile(cols, 2))
    wanted = fused(parts)[[5, 1], 6:]
    np.testing.assert_allclose(found.reshape(2, 14), wanted, atol=1e-11)


@pytest.mark.parametrize("weight", [0.0, np.nan, np.inf])
def test_weights_are_finite_and_not_zero(weight: float) -> None:
    feats = of_kind("random", 6)
    with pytest.raises(ConfigError, match=f"weight of the features is {weight}; expected a finite"):
        FeatureSets((FeatureSet(feats[:2], feats[2:], weight),))
    good = FeatureSet(feats[:2], feats[2:])
    with pytest.raises(ConfigError, match=f"the weight of the features of set 1 is {weight}"):
        FeatureSets((good, FeatureSet(feats[:2], feats[2:], weight)))


def test_there_is_a_set() -> None:
    with pytest.raises(ConfigError, match="there are no features to compare; give at least one"):
        FeatureSets(())


def test_sets_describe_the_same_images() -> None:
    feats = of_kind("random", 9)
    with pytest.raises(
        DataError, match="set 1 has 3 queries and 6 gallery images, set 0 has 2 and 7; all sets"
    ):
        FeatureSets((FeatureSet(feats[:2], feats[2:]), FeatureSet(feats[:3], feats[3:])))


def test_shapes_and_types_that_do_not_fit_are_refused() -> None:
    feats = of_kind("random", 10)
    cases: list[tuple[FloatArray, Any, str]] = [
        (
            feats[:2],
            feats[2:, :9],
            r"shape \(2, 24\), gallery features \(8, 9\); expected the same",
        ),
        (feats[0], feats[2:], r"query features have shape \(24,\)"),
        (feats[:2], feats[2:].astype(np.float64), "gallery features are float64; expected float32"),
        (feats[:2].astype(np.float16), feats[2:], "query features are float16; expected float32"),
        (feats[:0], feats, "there are no query features"),
        (feats, feats[:0], "there are no gallery features"),
        (np.asfortranarray(feats[:2]), feats[2:], "query features are float32; .*, row after row"),
    ]
    for query, gallery, message in cases:
        with pytest.raises(DataError, match=message):
            feature_sets(query, gallery)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_row_with_nan_is_named(value: float) -> None:
    feats = of_kind("random", 300_000, dim=20)  # several blocks of the check
    feats[250_003, 19] = value
    with pytest.raises(DataError, match=r"gallery features hold NaN or infinity in row 250000$"):
        feature_sets(feats[:3], feats[3:])


def test_large_numbers_whose_sum_is_infinite_are_no_infinity() -> None:
    feats = np.full((6, 4), 3e38, dtype=np.float32)
    assert feature_sets(feats[:2], feats[2:]).num_all == 6
