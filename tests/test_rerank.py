"""k-reciprocal re-ranking against a transcription of the paper with sets, in float64."""

import math
import time

import numpy as np
import numpy.typing as npt
import pytest

from vreid.distance import DistMat, pairwise
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.rerank import k_reciprocal

Square = npt.NDArray[np.float64]


def by_sets(square: Square, num_query: int, *, k1: int, k2: int, lambda_: float) -> Square:
    """The paper and the authors' definition, image by image and set by set."""
    num_all = len(square)
    largest = square.max(axis=0)
    largest[largest == 0] = 1
    given = (square / largest).T
    ranks = [[j for _, j in sorted(zip(row, range(num_all), strict=True))] for row in given]

    def reciprocal(i: int, k: int) -> set[int]:
        return {j for j in ranks[i][: k + 1] if i in ranks[j][: k + 1]}

    half = int(np.around(k1 / 2))
    encodings = np.zeros((num_all, num_all))
    for i in range(num_all):
        near = reciprocal(i, k1)
        expanded = set(near)
        for candidate in near:
            theirs = reciprocal(candidate, half)
            if len(theirs & near) > 2 / 3 * len(theirs):
                expanded |= theirs
        total = sum(math.exp(-given[i, j]) for j in expanded)
        for j in expanded:
            encodings[i, j] = math.exp(-given[i, j]) / total
    if k2 > 1:
        encodings = np.stack([encodings[ranks[i][:k2]].mean(axis=0) for i in range(num_all)])
    result = np.zeros((num_query, num_all - num_query))
    for i in range(num_query):
        for column, g in enumerate(range(num_query, num_all)):
            smaller = sum(min(a, b) for a, b in zip(encodings[i], encodings[g], strict=True))
            jaccard = 1 - smaller / (2 - smaller)  # Σ max = 2 - Σ min, see the module
            result[i, column] = (1 - lambda_) * jaccard + lambda_ * given[i, num_query + column]
    return result


def clustered(seed: int, num: int, *, dim: int = 16) -> FloatArray:
    """Unit vectors around a few centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(2, num // 8), dim))
    feats = centres[rng.integers(0, len(centres), num)] + 0.6 * rng.normal(size=(num, dim))
    return np.asarray(feats / np.linalg.norm(feats, axis=1, keepdims=True), dtype=np.float32)


def squared(feats: FloatArray) -> Square:
    wide = feats.astype(np.float64)
    return np.asarray(((wide[:, None] - wide[None]) ** 2).sum(axis=-1))


def square_mat(dist: npt.NDArray[np.floating], num_query: int) -> DistMat:
    names = tuple(f"{idx}.jpg" for idx in range(len(dist)))
    return DistMat(dist.astype(np.float32), names, names, num_query)


GRID = [(20, 6, 0.3), (12, 4, 0.5), (20, 1, 0.3), (7, 6, 0.3), (5, 3, 0.0), (1, 1, 1.0), (9, 15, 0)]


@pytest.mark.parametrize(("k1", "k2", "lambda_"), [*GRID, (50, 15, 0.5)])
@pytest.mark.parametrize("num_query", [1, 10, 45])
def test_equals_the_transcription(k1: int, k2: int, lambda_: float, num_query: int) -> None:
    feats = clustered(k1 + num_query, 60)
    found = k_reciprocal(feats[:num_query], feats[num_query:], k1=k1, k2=k2, lambda_=lambda_)
    expected = by_sets(squared(feats), num_query, k1=k1, k2=k2, lambda_=lambda_)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("k1", "k2", "lambda_"), GRID)
def test_equals_the_transcription_with_duplicates(k1: int, k2: int, lambda_: float) -> None:
    # Whole numbers: distances are exact, so that ties are ties on both sides.
    rng = np.random.default_rng(k1)
    feats = rng.integers(0, 3, (50, 4)).astype(np.float32)
    feats[20:45] = feats[0]
    found = k_reciprocal(feats[:8], feats[8:], k1=k1, k2=k2, lambda_=lambda_)
    expected = by_sets(squared(feats), 8, k1=k1, k2=k2, lambda_=lambda_)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_equals_the_transcription_with_offset_features_and_copies() -> None:
    feats = clustered(1, 80) + np.float32(3)  # float32 products would keep 5 digits of a distance
    feats[60:75] = feats[5]
    found = k_reciprocal(feats[:20], feats[20:], k1=12, k2=4)
    expected = by_sets(squared(feats), 20, k1=12, k2=4, lambda_=0.3)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("num", "num_query"), [(2, 1), (3, 1), (12, 4)])
def test_more_neighbours_than_images(num: int, num_query: int) -> None:
    feats = clustered(0, num)
    found = k_reciprocal(feats[:num_query], feats[num_query:], k1=30, k2=40)
    expected = by_sets(squared(feats), num_query, k1=30, k2=40, lambda_=0.3)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_identical_images_are_all_at_distance_zero() -> None:
    feats = np.ones((6, 3), dtype=np.float32)
    np.testing.assert_allclose(k_reciprocal(feats[:2], feats[2:], k1=10), 0, atol=1e-6)


def test_a_square_distance_gives_what_its_features_give() -> None:
    feats = clustered(4, 70)
    mat = square_mat(pairwise(feats, feats), 15)
    np.testing.assert_allclose(
        k_reciprocal(dist=mat, k1=8), k_reciprocal(feats[:15], feats[15:], k1=8), atol=1e-6
    )


def test_columns_are_divided_and_then_transposed() -> None:
    dist = np.random.default_rng(1).random((30, 30))
    np.fill_diagonal(dist, 0)
    mat = square_mat(dist, 7)
    expected = by_sets(mat.dist.astype(np.float64), 7, k1=6, k2=3, lambda_=0.3)
    np.testing.assert_allclose(k_reciprocal(dist=mat, k1=6, k2=3), expected, atol=1e-6)


def fused_below_zero(num: int) -> npt.NDArray[np.float32]:
    fused = squared(clustered(6, num)) - 0.3 * squared(clustered(7, num))
    assert fused.min() < 0
    return fused.astype(np.float32)


def test_negative_distances_are_shifted_by_the_minimum() -> None:
    fused = fused_below_zero(40)
    shifted = fused.astype(np.float64) - fused.min()
    np.fill_diagonal(shifted, 0)
    found = k_reciprocal(dist=square_mat(fused, 10), k1=6, k2=3)
    np.testing.assert_allclose(found, by_sets(shifted, 10, k1=6, k2=3, lambda_=0.3), atol=1e-6)
    assert found.min() >= 0


def test_shifting_keeps_the_order_of_the_given_distances() -> None:
    fused = fused_below_zero(40)
    found = k_reciprocal(dist=square_mat(fused, 10), k1=6, k2=3, lambda_=1.0)
    np.testing.assert_array_equal(found.argsort(axis=1), fused[:10, 10:].argsort(axis=1))


def test_the_given_distance_is_not_changed() -> None:
    fused = fused_below_zero(30)
    mat = square_mat(fused.copy(), 5)
    k_reciprocal(dist=mat, k1=4, k2=2)
    np.testing.assert_array_equal(mat.dist, fused)


def test_permuting_the_gallery_permutes_the_columns() -> None:
    feats = clustered(8, 60)
    order = np.random.default_rng(0).permutation(50)
    before = k_reciprocal(feats[:10], feats[10:], k1=8)
    after = k_reciprocal(feats[:10], feats[10:][order], k1=8)
    np.testing.assert_allclose(after, before[:, order], atol=1e-6)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = np.random.default_rng(2).integers(0, 5, (60, 6)).astype(np.float32)
    whole = k_reciprocal(feats[:20], feats[20:], k1=8)
    monkeypatch.setattr("vreid.rerank._BLOCK_VALUES", 7 * 60)
    np.testing.assert_array_equal(k_reciprocal(feats[:20], feats[20:], k1=8), whole)


def test_it_is_reasonably_fast() -> None:
    feats = clustered(3, 1500, dim=64)
    start = time.process_time()
    k_reciprocal(feats[:300], feats[300:])
    assert time.process_time() - start < 20  # takes under 1 s; a loop over pairs takes minutes


def test_refuses_what_cannot_be_re_ranked() -> None:
    feats = clustered(0, 10)
    with pytest.raises(ConfigError, match=r"k1 is 0, k2 is 6, lambda is 0\.3; expected k1 >= 1"):
        k_reciprocal(feats[:2], feats[2:], k1=0)
    with pytest.raises(ConfigError, match=r"lambda is 1\.5"):
        k_reciprocal(feats[:2], feats[2:], lambda_=1.5)
    with pytest.raises(DataError, match=r"shape \(2, 16\), gallery features \(8, 15\)"):
        k_reciprocal(feats[:2], feats[2:, :15])
    with pytest.raises(DataError, match="there are no query features"):
        k_reciprocal(feats[:0], feats)
    broken = feats.copy()
    broken[5, 3] = np.nan
    with pytest.raises(DataError, match="gallery features hold NaN or infinity in row 3"):
        k_reciprocal(broken[:2], broken[2:])
    flat = DistMat(pairwise(feats[:2], feats[2:]), ("a", "b"), tuple("cdefghij"))
    with pytest.raises(DataError, match="needs a square distance; this one is query x gallery"):
        k_reciprocal(dist=flat)
    with pytest.raises(TypeError, match="either features or dist="):
        k_reciprocal(feats[:2], feats[2:], dist=flat)
    with pytest.raises(TypeError, match="give the features of both sides"):
        k_reciprocal(feats)
