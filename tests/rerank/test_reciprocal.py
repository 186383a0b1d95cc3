"""k-reciprocal re-ranking against a transcription of the paper with sets, in float64."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.neighbours.made import fused, of_kind, threads
from tests.rerank.oracle import Wide, re_ranked, squared
from vreid import product
from vreid.distance import DistMat, pairwise
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.neighbours import search
from vreid.neighbours.sets import FeatureSets, feature_sets
from vreid.rerank import Best, given, k_reciprocal, reciprocal
from vreid.rerank.sources import FeatureSource

CONSTANTS = [(20, 6, 0.3), (50, 15, 0.5), (20, 1, 0.3), (7, 6, 0.3), (5, 3, 0.0), (1, 1, 1.0)]
NUM, NUM_QUERY = 400, 70


def check(found: FloatArray, wanted: Wide) -> None:
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def unit(kind: str, num: int = NUM, *, dim: int = 24) -> FloatArray:
    feats = of_kind(kind, num, dim=dim)
    return np.asarray(feats / np.linalg.norm(feats, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(("k1", "k2", "lambda_"), [*CONSTANTS, (9, 15, 0.2)])
@pytest.mark.parametrize("kind", ["clustered", "copies", "offset"])
def test_equals_the_transcription(kind: str, k1: int, k2: int, lambda_: float) -> None:
    feats = unit(kind)
    found = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:], k1=k1, k2=k2, lambda_=lambda_)
    check(found, re_ranked(squared(feats), NUM_QUERY, k1=k1, k2=k2, lambda_=lambda_))


def test_offset_features_are_as_far_from_centred_as_real_ones() -> None:
    feats = unit("offset").astype(np.float64)
    assert 0.75 < (feats @ feats.T).mean() < 0.85


@pytest.mark.parametrize("kind", ["lengths", "whole numbers", "huge", "tiny", "random"])
def test_equals_the_transcription_without_unit_length(kind: str) -> None:
    feats = of_kind(kind, NUM)
    found = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:], k1=12)
    check(found, re_ranked(squared(feats), NUM_QUERY, k1=12, k2=6, lambda_=0.3))


@pytest.mark.parametrize("num_query", [1, 399, 300])
def test_one_query_one_gallery_image_and_more_queries_than_gallery(num_query: int) -> None:
    feats = unit("copies")
    found = k_reciprocal(feats[:num_query], feats[num_query:])
    check(found, re_ranked(squared(feats), num_query, k1=20, k2=6, lambda_=0.3))


@pytest.mark.parametrize(("num", "num_query"), [(2, 1), (3, 1), (12, 4), (30, 29)])
def test_more_neighbours_than_images(num: int, num_query: int) -> None:
    feats = unit("clustered", num)
    wanted = re_ranked(squared(feats), num_query, k1=30, k2=40, lambda_=0.3)
    check(k_reciprocal(feats[:num_query], feats[num_query:], k1=30, k2=40), wanted)
    best = k_reciprocal(feats[:num_query], feats[num_query:], k1=30, k2=40, top_k=99)
    check_best(best, wanted, 99)


def test_identical_images_are_all_at_distance_zero() -> None:
    feats = np.ones((6, 3), dtype=np.float32)
    np.testing.assert_allclose(k_reciprocal(feats[:2], feats[2:], k1=10), 0, atol=1e-6)


def test_images_behind_too_many_copies_of_themselves_have_no_encoding() -> None:
    feats = unit("clustered", 60)
    feats[5:20] = feats[5]  # with k1 = 4 the last of them are not among their own neighbours
    wanted = re_ranked(squared(feats), 10, k1=4, k2=1, lambda_=0.0)
    assert (wanted[:, 9] == 1).all()  # image 19
    check(k_reciprocal(feats[:10], feats[10:], k1=4, k2=1, lambda_=0.0), wanted)
    check_best(k_reciprocal(feats[:10], feats[10:], k1=4, k2=1, lambda_=0.0, top_k=20), wanted, 20)


def test_isolated_points_are_neighbours_of_none() -> None:
    feats = unit("clustered", 200)
    feats[[3, 150]] *= [[-40], [900]]
    wanted = re_ranked(squared(feats), 20, k1=8, k2=3, lambda_=0.0)
    assert (wanted[3] > 0.5).all()
    assert (wanted[:, 130] > 0.5).all()
    check(k_reciprocal(feats[:20], feats[20:], k1=8, k2=3, lambda_=0.0), wanted)


@pytest.mark.slow  # 3 to 10 s each, nearly all of it the transcription's
@pytest.mark.parametrize(
    ("kind", "num_query", "k1", "k2", "lambda_"),
    [
        ("clustered", 600, 20, 6, 0.3),
        ("clustered", 600, 50, 15, 0.5),
        ("offset", 600, 20, 6, 0.3),
        ("copies", 600, 20, 6, 0.3),
        ("clustered", 600, 20, 1, 0.3),
        ("clustered", 600, 15, 6, 0.3),
        ("offset", 4000, 20, 6, 0.3),
    ],
)
def test_six_thousand_images(kind: str, num_query: int, k1: int, k2: int, lambda_: float) -> None:
    feats = unit(kind, 6000, dim=48)
    wanted = re_ranked(squared(feats), num_query, k1=k1, k2=k2, lambda_=lambda_)
    query, gallery = feats[:num_query], feats[num_query:]
    check(k_reciprocal(query, gallery, k1=k1, k2=k2, lambda_=lambda_), wanted)
    best = k_reciprocal(query, gallery, k1=k1, k2=k2, lambda_=lambda_, top_k=100)
    check_best(best, wanted, 100)


# The best of each query


def check_best(best: Best, wanted: Wide, top_k: int) -> None:
    """The head of each row; another image only where its total is the same but for rounding."""
    k = min(top_k, wanted.shape[1])
    assert best.idx.dtype == np.int64
    assert best.dist.dtype == np.float32
    assert best.idx.shape == best.dist.shape == (len(wanted), k)
    assert all(len(set(row)) == k for row in best.idx.tolist())
    order = np.argsort(wanted, axis=1, kind="stable")[:, :k]
    totals = np.take_along_axis(wanted, order, axis=1)
    np.testing.assert_allclose(best.dist, totals, rtol=0, atol=1e-6)
    theirs = np.take_along_axis(wanted, best.idx, axis=1)
    np.testing.assert_allclose(theirs, totals, rtol=0, atol=1e-6)
    everything = np.sort(wanted, axis=1)
    for row, at in zip(*np.nonzero(best.idx != order), strict=True):
        near = np.abs(everything[row] - totals[row, at]) <= 1e-6
        assert near.sum() > 1, f"query {row}, place {at} is not a near tie"


@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("top_k", [1, 10, 100, 329, 330, 1000])
@pytest.mark.parametrize("kind", ["clustered", "copies"])
def test_the_best_are_the_head_of_the_whole(kind: str, top_k: int, lambda_: float) -> None:
    feats = unit(kind)
    best = k_reciprocal(
        feats[:NUM_QUERY], feats[NUM_QUERY:], k1=8, k2=3, lambda_=lambda_, top_k=top_k
    )
    check_best(best, re_ranked(squared(feats), NUM_QUERY, k1=8, k2=3, lambda_=lambda_), top_k)


def test_queries_whose_neighbours_are_queries_still_get_their_best() -> None:
    feats = unit("clustered")
    feats[:200] = feats[0] + np.float32(1e-3) * of_kind("random", 200)  # queries among themselves
    wanted = re_ranked(squared(feats), 200, k1=20, k2=6, lambda_=0.3)
    check_best(k_reciprocal(feats[:200], feats[200:], top_k=50), wanted, 50)


@pytest.mark.parametrize("with_loops", [True, False])
def test_of_equal_distances_the_smaller_number_comes_first(
    with_loops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VREID_COMPILED", "1" if with_loops else "0")
    feats = np.eye(12, dtype=np.float32)  # all equally far from each other
    best = k_reciprocal(feats[:2], feats[2:], k1=1, k2=1, lambda_=1.0, top_k=6)
    np.testing.assert_array_equal(best.idx, np.tile(np.arange(6), (2, 1)))


# Distances in place of features


def weighted(num: int = NUM) -> list[tuple[FloatArray, float]]:
    return [
        (unit("offset", num), 1.0),
        (unit("clustered", num, dim=9), -0.1),
        (unit("random", num, dim=5), -0.1),
    ]


@pytest.mark.parametrize("with_loops", [True, False])
@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0])
def test_sets_with_negative_weights_are_the_fused_matrix(
    with_loops: bool, lambda_: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VREID_COMPILED", "1" if with_loops else "0")
    sets = weighted()
    square = fused(sets)
    assert square.min() < 0
    wanted = re_ranked(square, NUM_QUERY, k1=20, k2=6, lambda_=lambda_)
    check(k_reciprocal(dist=sets, num_query=NUM_QUERY, lambda_=lambda_), wanted)
    best = k_reciprocal(dist=sets, num_query=NUM_QUERY, lambda_=lambda_, top_k=25)
    check_best(best, wanted, 25)


def test_sets_may_be_pairs_of_queries_and_gallery_and_weightless_ones_are_left_out() -> None:
    sets = weighted()
    pairs = [((feats[:NUM_QUERY], feats[NUM_QUERY:]), weight) for feats, weight in sets]
    pairs.insert(1, ((pairs[0][0][0] * 1000, pairs[0][0][1]), 0.0))
    np.testing.assert_array_equal(
        k_reciprocal(dist=pairs), k_reciprocal(dist=sets, num_query=NUM_QUERY)
    )


def test_weights_scale_nothing_when_all_are_the_same() -> None:
    feats = unit("clustered")
    once = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:])
    sets: list[tuple[FloatArray, float]] = [(feats, 3.0), (feats, 4.0)]
    check(k_reciprocal(dist=sets, num_query=NUM_QUERY), once.astype(np.float64))


@pytest.mark.parametrize("weights", [(-1.0,), (1.0, -30.0)])
def test_what_cannot_be_divided_or_weighed_is_refused_and_never_nan(
    weights: tuple[float, ...],
) -> None:
    # The image itself is the farthest, or nearly: the definition has 0 / 0 and infinities here.
    kinds = ("clustered", "random")
    sets = [(30 * unit(kind, 90), w) for kind, w in zip(kinds, weights, strict=False)]
    try:
        found = k_reciprocal(dist=sets, num_query=20, k1=5, k2=2)
    except (ConfigError, DataError):
        return
    assert np.isfinite(found).all()


def names(num: int) -> tuple[str, ...]:
    return tuple(f"{idx}.jpg" for idx in range(num))


@pytest.mark.parametrize("with_loops", [True, False])
@pytest.mark.parametrize("make", ["asymmetric", "negative", "features"])
def test_square_matrices_of_every_kind(
    make: str, with_loops: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VREID_COMPILED", "1" if with_loops else "0")
    rng = np.random.default_rng(1)
    if make == "asymmetric":  # columns are divided, then the matrix is transposed
        square = rng.random((150, 150))
    else:
        square = squared(unit("clustered", 150))
        if make == "negative":
            square -= 0.3 * squared(of_kind("random", 150, dim=3))
            assert square.min() < -1
    np.fill_diagonal(square, 0)
    dist = square.astype(np.float32)
    before = dist.copy()
    wanted = re_ranked(dist.astype(np.float64), 30, k1=9, k2=4, lambda_=0.3)
    mapped = np.lib.format.open_memmap(tmp_path / "d.npy", "w+", np.float32, dist.shape)
    mapped[:] = dist
    for source in (dist, np.asfortranarray(dist), mapped):
        check(k_reciprocal(dist=source, num_query=30, k1=9, k2=4), wanted)
        best = k_reciprocal(dist=source, num_query=30, k1=9, k2=4, top_k=12)
        check_best(best, wanted, 12)
    mat = DistMat(dist, names(150), names(150), 30)
    check(k_reciprocal(dist=mat, k1=9, k2=4), wanted)
    mat.save(tmp_path / "mat.npy")
    check(k_reciprocal(dist=DistMat.load(tmp_path / "mat.npy"), k1=9, k2=4), wanted)
    np.testing.assert_array_equal(dist, before)


def test_a_square_distance_gives_what_its_features_give() -> None:
    feats = unit("offset")
    mat = DistMat(pairwise(feats, feats), names(NUM), names(NUM), NUM_QUERY)
    ours = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:])
    np.testing.assert_allclose(k_reciprocal(dist=mat), ours, rtol=0, atol=1e-5)


# What must not matter


def test_permuting_the_gallery_permutes_the_columns() -> None:
    feats = unit("offset")
    order = np.random.default_rng(0).permutation(NUM - NUM_QUERY)
    before = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:])
    after = k_reciprocal(feats[:NUM_QUERY], feats[NUM_QUERY:][order])
    np.testing.assert_allclose(after, before[:, order], rtol=0, atol=1e-6)


def ranks(feats: FloatArray, num_query: int) -> tuple[IntArray, FloatArray]:
    best = k_reciprocal(feats[:num_query], feats[num_query:], top_k=60)
    return best.idx, best.dist


@pytest.mark.parametrize("kind", ["offset", "copies"])
@pytest.mark.parametrize("num_threads", [1, 2, 4])
@pytest.mark.parametrize("bfloat16", [True, False])
def test_plans_threads_and_types_change_no_bit(
    kind: str, num_threads: int, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    feats = unit(kind, 600)
    wanted = ranks(feats, 100)
    monkeypatch.setattr(product, "bfloat16_pays", lambda: bfloat16)
    for step, stored in ((128, True), (300, False), (1024, True)):
        plan = search.Plan(step, stored)
        monkeypatch.setattr(reciprocal, "fit", lambda *args, _plan=plan, **options: _plan)
        with threads(num_threads):
            for ours, theirs in zip(ranks(feats, 100), wanted, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", [*product._FLOAT32, *product._WHOLE_MACHINE])
def test_every_way_to_multiply_ranks_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = {**product._FLOAT32, **product._WHOLE_MACHINE}[name]
    if not product._works(way, *product._operands(torch.float32)):
        pytest.skip(f"this machine has no product {name}")
    feats = unit("offset", 600)
    whole = k_reciprocal(feats[:100], feats[100:])
    idx, dist = ranks(feats, 100)
    monkeypatch.setattr(product, "float32_product", lambda *, all_threads=True: way)
    monkeypatch.setattr(product, "bfloat16_pays", lambda: False)
    np.testing.assert_array_equal(ranks(feats, 100)[0], idx)
    np.testing.assert_array_equal(ranks(feats, 100)[1], dist)
    # The whole matrix mixes in float32 distances, whose last digits are the library's.
    found = k_reciprocal(feats[:100], feats[100:])
    np.testing.assert_allclose(found, whole, rtol=0, atol=5e-7)


def test_the_way_without_loops_ranks_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = unit("offset", 600)
    wanted = k_reciprocal(feats[:100], feats[100:])
    best = k_reciprocal(feats[:100], feats[100:], top_k=60)
    monkeypatch.setenv("VREID_COMPILED", "0")
    found = k_reciprocal(feats[:100], feats[100:])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=3e-7)
    without = k_reciprocal(feats[:100], feats[100:], top_k=60)
    check_best(without, wanted.astype(np.float64), 60)
    assert (without.idx == best.idx).mean() > 0.999


class OnDevice(FeatureSource):
    """Features whose neighbours are searched as on a device, and here on the CPU."""

    @property
    def _compiled(self) -> bool:
        return False


@pytest.mark.parametrize("top_k", [None, 40])
@pytest.mark.parametrize("kind", ["offset", "copies"])
def test_the_search_of_devices_gives_the_same(kind: str, top_k: int | None) -> None:
    feats = unit(kind)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    source = OnDevice(sets, search.Plan(256), torch.device("cpu"))
    wanted = re_ranked(squared(feats), NUM_QUERY, k1=20, k2=6, lambda_=0.3)
    found = reciprocal.rerank(source, k1=20, k2=6, lambda_=0.3, top_k=top_k)
    if isinstance(found, Best):
        check_best(found, wanted, 40)
    else:
        check(found, wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["offset", "copies"])
def test_a_device_gives_the_same(kind: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    feats = unit(kind)
    query, gallery = feats[:NUM_QUERY], feats[NUM_QUERY:]
    wanted = re_ranked(squared(feats), NUM_QUERY, k1=20, k2=6, lambda_=0.3)
    check(k_reciprocal(query, gallery, device="cuda"), wanted)
    best = k_reciprocal(query, gallery, device="cuda", top_k=40)
    check_best(best, wanted, 40)
    np.testing.assert_array_equal(best.idx, k_reciprocal(query, gallery, top_k=40).idx)


@pytest.mark.parametrize(
    "turn",
    [torch.from_numpy, np.asfortranarray, lambda feats: feats.astype(np.float64), np.flip],
    ids=["torch", "columns first", "float64", "view"],
)
def test_arrays_and_tensors_of_any_layout(turn: Callable[[FloatArray], FloatArray]) -> None:
    feats = unit("clustered", 120)
    query, gallery = (
        np.flip(part).copy() if turn is np.flip else part for part in (feats[:20], feats[20:])
    )
    wanted = k_reciprocal(query, gallery)
    np.testing.assert_array_equal(k_reciprocal(turn(feats[:20]), turn(feats[20:])), wanted)


def test_features_are_left_as_they_are() -> None:
    feats = unit("offset", 120)
    before = feats.copy()
    k_reciprocal(feats[:20], feats[20:])
    np.testing.assert_array_equal(feats, before)


def test_progress_reaches_one() -> None:
    feats = unit("clustered")
    of_feats: list[float] = []
    of_dist: list[float] = []
    k_reciprocal(feats[:70], feats[70:], progress=of_feats.append)
    k_reciprocal(dist=pairwise(feats, feats), num_query=70, progress=of_dist.append)
    for shares in (of_feats, of_dist):
        assert shares[-1] == 1
        assert shares == sorted(shares)


def test_it_is_reasonably_fast() -> None:
    feats = of_kind("clustered", 3000, dim=64)
    k_reciprocal(feats[:50], feats[50:200])  # compiles
    start = time.process_time()
    k_reciprocal(feats[:300], feats[300:])
    assert time.process_time() - start < 8  # takes well under 1 s; a loop over pairs takes minutes


# What is refused


def test_refuses_what_cannot_be_re_ranked() -> None:
    feats = unit("clustered", 10)
    with pytest.raises(ConfigError, match=r"k1 is 0, k2 is 6, lambda is 0\.3; expected k1 >= 1"):
        k_reciprocal(feats[:2], feats[2:], k1=0)
    with pytest.raises(ConfigError, match="k1 is 20, k2 is 0"):
        k_reciprocal(feats[:2], feats[2:], k2=0)
    for lambda_ in (1.5, -0.1, float("nan")):
        with pytest.raises(ConfigError, match=f"lambda is {lambda_}"):
            k_reciprocal(feats[:2], feats[2:], lambda_=lambda_)
    with pytest.raises(ConfigError, match="top_k is 0; expected at least 1"):
        k_reciprocal(feats[:2], feats[2:], top_k=0)
    with pytest.raises(DataError, match=r"shape \(2, 24\), gallery features \(8, 15\)"):
        k_reciprocal(feats[:2], feats[2:, :15])
    with pytest.raises(DataError, match="there are no query features"):
        k_reciprocal(feats[:0], feats)
    with pytest.raises(DataError, match="features are <U1; expected float32"):
        k_reciprocal(np.array([["a"]]), feats)
    with pytest.raises(TypeError, match="give the features of both sides"):
        k_reciprocal(feats)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_row_with_nan_is_named(value: float) -> None:
    broken = unit("clustered", 10)
    broken[5, 3] = value
    with pytest.raises(DataError, match="gallery features hold NaN or infinity in row 3"):
        k_reciprocal(broken[:2], broken[2:])
    with pytest.raises(DataError, match="query features of set 1 hold NaN or infinity in row 5"):
        k_reciprocal(dist=[(unit("random", 10), 1.0), (broken, -0.1)], num_query=7)
    square = np.zeros((10, 10), dtype=np.float32)
    square[6, 4] = value
    with pytest.raises(DataError, match="distances of row 6 hold NaN or infinity in column 4"):
        k_reciprocal(dist=square, num_query=3)
    mat = DistMat(square, names(10), names(10), 3, check_values=False)
    with pytest.raises(DataError, match=r"distances of 6.jpg \(row 6\) hold NaN"):
        k_reciprocal(dist=mat)


def test_refuses_distances_that_are_not_square() -> None:
    feats = unit("clustered", 10)
    flat = DistMat(pairwise(feats[:2], feats[2:]), ("a", "b"), tuple("cdefghij"))
    square = pairwise(feats, feats)
    with pytest.raises(DataError, match="needs a square distance; this one is query x gallery"):
        k_reciprocal(dist=flat)
    with pytest.raises(DataError, match=r"needs a square distance; this one has shape \(2, 8\)"):
        k_reciprocal(dist=flat.dist, num_query=2)
    with pytest.raises(DataError, match="distances are float64; expected float32"):
        k_reciprocal(dist=square.astype(np.float64), num_query=2)
    with pytest.raises(TypeError, match="either features or dist="):
        k_reciprocal(feats[:2], feats[2:], dist=flat)
    with pytest.raises(TypeError, match="say with num_query= how many of the images are queries"):
        k_reciprocal(dist=square)
    for num_query in (0, 10, 11):
        with pytest.raises(
            DataError, match=f"num_query is {num_query} of 10 images; expected 1 to 9"
        ):
            k_reciprocal(dist=square, num_query=num_query)
    with pytest.raises(ConfigError, match="there are no features to compare"):
        k_reciprocal(dist=[], num_query=2)


def test_one_set_of_features_is_what_it_says() -> None:
    assert isinstance(given.weighted_sets([(unit("random", 9), 2.0)], 4), FeatureSets)
    assert given.weighted_sets([(unit("random", 9), 2.0)], 4).sets[0].weight == 2.0


def test_where_no_distance_is_above_zero_their_order_stays() -> None:
    rng = np.random.default_rng(0)
    dist = -rng.uniform(0.5, 1.0, size=(12, 12)).astype(np.float32)
    found = k_reciprocal(dist=dist, num_query=2, k1=3, k2=1, lambda_=1.0)
    assert np.isfinite(found).all()
    expected = np.argsort(dist.T[:2, 2:], axis=1, kind="stable")
    np.testing.assert_array_equal(np.argsort(found, axis=1, kind="stable"), expected)
