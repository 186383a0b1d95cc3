"""The dense peers against set-based transcriptions of their papers, and against the library."""

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks import dense
from benchmarks.features_made import Made, find_size, make_features
from vreid.features import FloatArray
from vreid.rerank import k_reciprocal

CONSTANTS = [(20, 6, 0.3), (15, 1, 0.5), (7, 4, 0.0)]


@pytest.fixture(scope="module")
def made() -> Made:
    return make_features(find_size("400"), dim=64, offset=True)


@pytest.mark.parametrize(("k1", "k2", "lambda_"), CONSTANTS)
@pytest.mark.parametrize("chunked", [False, True])
def test_the_original_is_the_librarys_result(
    made: Made, k1: int, k2: int, lambda_: float, chunked: bool
) -> None:
    peer = dense.original(made.query, made.gallery, k1=k1, k2=k2, lambda_=lambda_, chunked=chunked)
    ours = k_reciprocal(made.query, made.gallery, k1=k1, k2=k2, lambda_=lambda_)
    assert peer.dtype == np.float32
    assert peer.shape == ours.shape
    np.testing.assert_allclose(peer, ours, atol=2e-6)


def test_blocks_of_sorted_rows_change_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dense.original(made.query, made.gallery)
    monkeypatch.setattr(dense, "_BLOCK", 37)
    assert np.array_equal(dense.original(made.query, made.gallery, chunked=True), whole)


def test_the_published_sort_gives_the_same_where_nothing_is_tied(made: Made) -> None:
    ours = dense.original(made.query, made.gallery)
    assert np.array_equal(dense.original(made.query, made.gallery, stable=False), ours)


def test_duplicates_keep_the_order_of_their_index() -> None:
    made = make_features(find_size("200"), dim=32)
    # Whole numbers, whose products are exact: else the noise of float32 parts exact copies.
    query, once = np.round(40 * made.query), np.round(40 * made.gallery)
    gallery = np.concatenate([once, once[:40], query])
    peer = dense.original(query, gallery)
    np.testing.assert_allclose(peer, k_reciprocal(query, gallery), atol=2e-6)


def test_half_precision_is_near_and_not_the_same(made: Made) -> None:
    difference = np.abs(
        dense.original(made.query, made.gallery, half=True)
        - dense.original(made.query, made.gallery)
    )
    assert 1e-5 < difference.max() < 0.02


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (9, 1)])
def test_jaccard_is_its_definition(made: Made, k1: int, k2: int) -> None:
    feats = np.concatenate([made.query[:10], made.gallery[:110]])
    found = dense.jaccard(feats[:10], feats[10:], k1=k1, k2=k2)
    np.testing.assert_allclose(found, slow_jaccard(feats, k1, k2)[:10, 10:], atol=1e-5)


def slow_jaccard(feats: FloatArray, k1: int, k2: int) -> npt.NDArray[np.float64]:
    """Sets and loops; lists hold at most k1 images, the image itself among them."""
    sims = feats.astype(np.float64) @ feats.T.astype(np.float64)
    num_all = len(feats)
    lists = [list(np.argsort(-row, kind="stable")[: max(k1, k2)]) for row in sims]

    def mutual(image: int, count: int) -> set[int]:
        return {int(j) for j in lists[image][:count] if image in lists[j][:count]}

    half = min(k1, int(np.around(k1 / 2)) + 1)
    encodings = np.zeros((num_all, num_all))
    for image in range(num_all):
        near = mutual(image, k1)
        members = set(near)
        for other in near:
            theirs = mutual(other, half)
            if len(theirs & near) > 2 / 3 * len(theirs):
                members |= theirs
        cols = sorted(members)
        weights = np.exp(-(2 - 2 * sims[image, cols]))
        encodings[image, cols] = weights / weights.sum()
    mean = np.array([encodings[lists[image][:k2]].mean(axis=0) for image in range(num_all)])
    low = np.array([np.minimum(row, mean).sum(axis=1) for row in mean])
    high = np.array([np.maximum(row, mean).sum(axis=1) for row in mean])
    return np.asarray(1 - low / high)


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (5, 3)])
def test_gnn_is_its_definition(made: Made, k1: int, k2: int) -> None:
    feats = np.concatenate([made.query[:10], made.gallery[:90]])
    found = dense.gnn(feats[:10], feats[10:], k1=k1, k2=k2)
    np.testing.assert_allclose(found, 1 - slow_gnn(feats, k1, k2)[:10, 10:], atol=1e-5)


def slow_gnn(feats: FloatArray, k1: int, k2: int) -> npt.NDArray[np.float64]:
    """Sums over neighbours, one entry at a time."""
    sims = feats.astype(np.float64) @ feats.T.astype(np.float64)
    num_all = len(feats)
    lists = [list(np.argsort(-row, kind="stable")[:k1]) for row in sims]
    rows = np.array([[float(j in lists[i]) for j in range(num_all)] for i in range(num_all)])
    for _ in range(2):
        both = rows + rows.T
        rows = np.zeros_like(rows)
        for image in range(num_all):
            for other in lists[image][:k2]:
                rows[image] += sims[image, other] ** 2 * both[other]
            rows[image] /= np.sqrt(np.square(rows[image]).sum())
    return np.asarray(rows @ rows.T)


def test_gnn_without_propagation_counts_shared_neighbours(made: Made) -> None:
    feats = np.concatenate([made.query[:10], made.gallery[:90]])
    sets = [set(row) for row in dense.search(feats, 8).tolist()]
    shared = [[len(sets[i] & sets[j]) for j in range(10, 100)] for i in range(10)]
    assert np.array_equal(dense.gnn(feats[:10], feats[10:], k1=8, k2=1), 1 - np.array(shared))


def test_search_is_exact(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_BLOCK", 50)
    sims = made.gallery @ made.gallery.T
    assert np.array_equal(dense.search(made.gallery, 5), np.argsort(-sims, kind="stable")[:, :5])


def test_estimates_grow_with_the_square() -> None:
    assert dense.needs("original", 138517, 2048) / 2**30 == pytest.approx(359.5, abs=0.5)
    assert dense.needs("gnn", 1000, 1) == 8 * 1000**2 + 8000
    assert set(dense.BYTES) == {"original", "half", "chunked", "jaccard", "gnn"}
