"""The sparse variants against the dense forms in which they are published."""

import inspect
import tracemalloc
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmarks import dense
from benchmarks.features_made import Made, Size, find_size, make_features
from tests.neighbours.made import threads
from tests.rerank.oracle import squared
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.rerank.half import _to_half
from vreid.rerank.variants import VARIANTS, gnn, half_precision, nearest_jaccard

CONSTANTS = [(50, 15, 0.5), (50, 15, 0.0), (20, 6, 0.3), (7, 4, 0.0), (9, 1, 0.3), (1, 1, 1.0)]
SEEDS = [(300, 1), (500, 2)]


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("VREID_COMPILED", "1" if request.param == "compiled" else "0")
    yield request.param


@pytest.fixture
def exact_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense forms with distances and neighbours from float64: near-ties are the same for all."""

    def distances(feats: FloatArray) -> FloatArray:
        return squared(feats).astype(np.float32)

    def search(feats: FloatArray, k: int) -> IntArray:
        return np.argsort(squared(feats), axis=1, kind="stable")[:, :k]

    monkeypatch.setattr(dense, "_distances", distances)
    monkeypatch.setattr(dense, "search", search)


def features(num: int, seed: int, *, dim: int = 48) -> Made:
    """Features of length 1; those of odd seeds with a mean cosine of 0.8."""
    return make_features(find_size(str(num)), dim=dim, offset=seed % 2 == 1, seed=seed)


def scaled(made: Made, seed: int) -> Made:
    """The same features at lengths between 1/8 and 8: powers of 2, so that nothing is rounded."""
    rng = np.random.default_rng(seed)
    sides = [
        feats * np.exp2(rng.integers(-3, 4, (len(feats), 1))).astype(np.float32)
        for feats in (made.query, made.gallery)
    ]
    rest = (made.query_pids, made.gallery_pids, made.query_camids, made.gallery_camids)
    return Made(sides[0], sides[1], *rest)


@pytest.mark.parametrize(("num", "seed"), SEEDS)
@pytest.mark.parametrize(("k1", "k2", "lambda_"), CONSTANTS)
@pytest.mark.usefixtures("way", "exact_distances")
def test_half_precision_is_the_dense_one(
    num: int, seed: int, k1: int, k2: int, lambda_: float
) -> None:
    made = features(num, seed)
    found = half_precision(made.query, made.gallery, k1=k1, k2=k2, lambda_=lambda_)
    peer = dense.original(made.query, made.gallery, k1=k1, k2=k2, lambda_=lambda_, half=True)
    assert found.dtype == np.float32
    if lambda_ == 0:
        np.testing.assert_array_equal(found, peer)
    # The given distance is that of a float32 product; Jaccard distances have steps of 2e-4.
    np.testing.assert_allclose(found, peer, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("way")
def test_half_precision_is_the_published_one_but_for_rounded_distances() -> None:
    # A weight within the error of a float32 distance from the border of two float16 numbers may be
    # either of them, which moves results by steps of float16.
    made = features(800, 0)
    difference = np.abs(
        half_precision(made.query, made.gallery)
        - dense.original(made.query, made.gallery, k1=50, k2=15, lambda_=0.5, half=True)
    )
    assert np.mean(difference > 1e-6) < 1e-3
    assert difference.max() < 1e-3


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (11, 3)])
@pytest.mark.usefixtures("way")
def test_half_precision_with_copies_and_ties(k1: int, k2: int) -> None:
    # Whole numbers: products are exact, and ties are ties on both sides.
    feats = np.random.default_rng(k1).integers(0, 4, (300, 6)).astype(np.float32)
    feats[100:160] = feats[0]
    found = half_precision(feats[:30], feats[30:], k1=k1, k2=k2, lambda_=0.3)
    peer = dense.original(feats[:30], feats[30:], k1=k1, k2=k2, lambda_=0.3, half=True)
    np.testing.assert_allclose(found, peer, rtol=0, atol=1e-6)


def test_half_precision_keeps_other_lists_than_the_original() -> None:
    made = features(600, 0)
    found = half_precision(made.query, made.gallery, k1=20, k2=6, lambda_=0.3)
    exact = dense.original(made.query, made.gallery)
    assert np.any(found.argsort(axis=1)[:, :50] != exact.argsort(axis=1)[:, :50])
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.02)


def test_rounding_to_half_is_numpys() -> None:
    rng = np.random.default_rng(0)
    every = np.arange(0x3C00 + 0x400, dtype=np.uint16).view(np.float16).astype(np.float32)  # 0 to 2
    between = (every[1:] + every[:-1]) / 2
    near = np.concatenate([np.nextafter(between, np.float32(end)) for end in (0, 3)])
    values = np.concatenate([every, between, near, rng.random(2000, dtype=np.float32)])
    values = np.concatenate([values, -values])
    found = np.array([_to_half(value) for value in values])
    np.testing.assert_array_equal(found, values.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(("num", "seed"), SEEDS)
@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (30, 6), (7, 12), (9, 1), (2, 2), (1, 1)])
@pytest.mark.usefixtures("way", "exact_distances")
def test_nearest_jaccard_is_the_dense_one(num: int, seed: int, k1: int, k2: int) -> None:
    made = features(num, seed)
    found = nearest_jaccard(made.query, made.gallery, k1=k1, k2=k2)
    peer = dense.jaccard(made.query, made.gallery, k1=k1, k2=k2)
    assert found.dtype == np.float32
    assert found.min() >= 0
    np.testing.assert_allclose(found, peer, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("num", "seed"), SEEDS)
@pytest.mark.parametrize(("k1", "k2"), [(26, 7), (20, 2), (5, 5), (9, 1), (4, 9)])
@pytest.mark.usefixtures("way")
def test_gnn_is_the_dense_one(num: int, seed: int, k1: int, k2: int) -> None:
    made = features(num, seed)
    found = gnn(made.query, made.gallery, k1=k1, k2=k2)
    assert found.dtype == np.float32
    peer = dense.gnn(made.query, made.gallery, k1=k1, k2=k2)
    np.testing.assert_allclose(found, peer, rtol=0, atol=5e-6)


def test_blocks_of_the_gallery_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = features(300, 0)
    whole = gnn(made.query, made.gallery)
    monkeypatch.setattr("vreid.rerank.gnn._BLOCK_ROWS", 37)
    np.testing.assert_array_equal(gnn(made.query, made.gallery), whole)


@pytest.mark.parametrize("name", VARIANTS)
def test_both_ways_and_all_threads_give_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = features(400, 3)
    with threads(1):
        one = VARIANTS[name](made.query, made.gallery)
    with threads(3):  # whose float32 product, where one enters, may be another library's
        np.testing.assert_allclose(VARIANTS[name](made.query, made.gallery), one, rtol=0, atol=3e-7)
    monkeypatch.setenv("VREID_COMPILED", "0")
    np.testing.assert_allclose(VARIANTS[name](made.query, made.gallery), one, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("num", "num_query"), [(2, 1), (3, 2), (12, 4)])
@pytest.mark.usefixtures("way", "exact_distances")
def test_more_neighbours_than_images(num: int, num_query: int) -> None:
    feats = features(100, 0).gallery[:num]
    query, gallery = feats[:num_query], feats[num_query:]
    np.testing.assert_allclose(
        half_precision(query, gallery, k1=40, k2=30),
        dense.original(query, gallery, k1=40, k2=30, lambda_=0.5, half=True),
        rtol=0,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        nearest_jaccard(query, gallery, k1=40, k2=30),
        dense.jaccard(query, gallery, k1=40, k2=30),
        rtol=0,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        gnn(query, gallery, k1=40, k2=30),
        dense.gnn(query, gallery, k1=num, k2=num),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.usefixtures("way")
def test_one_query_is_a_row_of_all(name: str) -> None:
    # As the first image of a gallery it has the same neighbours; only the numbers change.
    feats = features(300, 0).gallery
    one = VARIANTS[name](feats[:1], feats[1:])
    two = VARIANTS[name](feats[:2], feats[2:])
    assert one.shape == (1, len(feats) - 1)
    np.testing.assert_allclose(one[:, 1:], two[:1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_permuting_the_gallery_permutes_the_columns(name: str) -> None:
    made = features(300, 2)
    order = np.random.default_rng(0).permutation(len(made.gallery))
    before = VARIANTS[name](made.query, made.gallery)
    after = VARIANTS[name](made.query, made.gallery[order])
    # Sums in float16 depend on the order of their terms.
    atol = 5e-3 if name == "half" else 2e-6
    np.testing.assert_allclose(after, before[:, order], rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["jaccard", "gnn"])
def test_lengths_do_not_count_in_a_cosine(name: str) -> None:
    made = features(300, 0)
    other = scaled(made, 1)
    np.testing.assert_allclose(
        VARIANTS[name](other.query, other.gallery),
        VARIANTS[name](made.query, made.gallery),
        rtol=0,
        atol=2e-6,
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_tensors_are_features_too(name: str) -> None:
    made = features(200, 0)
    found = VARIANTS[name](torch.from_numpy(made.query), torch.from_numpy(made.gallery))
    np.testing.assert_array_equal(found, VARIANTS[name](made.query, made.gallery))


@pytest.mark.parametrize("name", VARIANTS)
def test_features_are_not_changed(name: str) -> None:
    made = scaled(features(200, 0), 0)
    query, gallery = made.query.copy(), made.gallery.copy()
    VARIANTS[name](made.query, made.gallery)
    np.testing.assert_array_equal(made.query, query)
    np.testing.assert_array_equal(made.gallery, gallery)


@pytest.mark.parametrize("name", VARIANTS)
def test_one_calling_form(name: str) -> None:
    parameters = inspect.signature(VARIANTS[name]).parameters
    assert list(parameters)[:4] == ["query_feats", "gallery_feats", "k1", "k2"]
    assert set(parameters) - set(list(parameters)[:4]) <= {"lambda_"}


@pytest.mark.parametrize("name", VARIANTS)
def test_memory_grows_with_the_images_and_not_with_their_square(name: str) -> None:
    def peak(num_gallery: int) -> int:
        made = make_features(Size("", 50, num_gallery, num_gallery // 30), dim=32)
        tracemalloc.start()
        VARIANTS[name](made.query, made.gallery)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(200)  # compiles
    assert peak(4000) < 2.6 * peak(2000)


def test_refuses_what_cannot_be_re_ranked() -> None:
    feats = features(100, 0).gallery
    with pytest.raises(ConfigError, match=r"k1 is 0, k2 is 15, lambda is 0\.5; expected k1 >= 1"):
        half_precision(feats[:2], feats[2:], k1=0)
    with pytest.raises(ConfigError, match=r"lambda is 1\.5"):
        half_precision(feats[:2], feats[2:], lambda_=1.5)
    for variant in (nearest_jaccard, gnn):
        with pytest.raises(ConfigError, match=r"k1 is 3, k2 is 0; expected k1 >= 1 and k2 >= 1"):
            variant(feats[:2], feats[2:], k1=3, k2=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_refuses_features_that_do_not_fit(name: str) -> None:
    feats = features(100, 0).gallery
    with pytest.raises(DataError, match=r"shape \(2, 48\), gallery features \(88, 47\)"):
        VARIANTS[name](feats[:2], feats[2:, :47])
    with pytest.raises(DataError, match="there are no query features"):
        VARIANTS[name](feats[:0], feats)
    broken = feats.copy()
    broken[5, 3] = np.nan
    with pytest.raises(DataError, match="gallery features hold NaN or infinity in row 3"):
        VARIANTS[name](broken[:2], broken[2:])


@pytest.mark.parametrize("name", ["jaccard", "gnn"])
def test_refuses_rows_of_zeros_where_angles_count(name: str) -> None:
    feats: npt.NDArray[np.float32] = features(100, 0).gallery.copy()
    feats[7] = 0
    with pytest.raises(DataError, match="gallery features are all 0 in row 5; they have no dir"):
        VARIANTS[name](feats[:2], feats[2:])
