"""The search finds the exact neighbours whatever the features, the machine and the plan are."""

import numpy as np
import pytest
import torch

from tests.neighbours.made import KINDS, check, exact, exact_among, fused, joined, of_kind, threads
from tests.rerank.oracle import squared
from vreid import product
from vreid.errors import DataError
from vreid.neighbours import nearest_neighbours, search
from vreid.neighbours.search import Plan, among_all, in_gallery, plan_for, room_for
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets

NUM, NUM_QUERY = 700, 150


def force(monkeypatch: pytest.MonkeyPatch, *, bfloat16: bool) -> None:
    monkeypatch.setattr(product, "bfloat16_pays", lambda: bfloat16)


def sets_of(kind: str, num: int = NUM, num_query: int = NUM_QUERY) -> FeatureSets:
    feats = of_kind(kind, num)
    return feature_sets(feats[:num_query], feats[num_query:])


@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_are_exact(kind: str, bfloat16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, bfloat16=bfloat16)
    found = joined(among_all(sets_of(kind), 21, plan=Plan(256)))
    check(found, exact_among(of_kind(kind, NUM), 21))


@pytest.mark.parametrize("bfloat16", [True, False])
def test_weights_of_both_signs(bfloat16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, bfloat16=bfloat16)
    second = (of_kind("lengths", NUM, dim=5) / 300).astype(np.float32)
    parts = [(of_kind("offset", NUM), 1.0), (second, -1.0)]
    made = (FeatureSet(feats[:NUM_QUERY], feats[NUM_QUERY:], weight) for feats, weight in parts)
    found = joined(among_all(FeatureSets(tuple(made)), 21, plan=Plan(256)))
    wanted = exact(fused(parts), 21)
    np.testing.assert_array_equal(found.idx, wanted.idx)
    np.testing.assert_allclose(found.dist, wanted.dist, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.largest, wanted.largest, rtol=1e-9)
    assert wanted.dist.min() < 0


@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("kind", ["offset", "copies"])
def test_tiles_threads_and_stores_change_no_bit(
    kind: str, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, bfloat16=bfloat16)
    sets = sets_of(kind, 500, 120)
    first = joined(among_all(sets, 12, plan=Plan(1000)))
    plans = [(Plan(64), 1), (Plan(101, False), 2), (Plan(256, False), 1), (Plan(499), 4)]
    for plan, num_threads in plans:
        with threads(num_threads):
            other = joined(among_all(sets, 12, plan=plan))
        for name in ("idx", "dist", "largest"):
            np.testing.assert_array_equal(getattr(other, name), getattr(first, name))


@pytest.mark.parametrize("name", list(product._FLOAT32))
def test_every_way_to_multiply_gives_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = product._FLOAT32[name]
    if not product._works(way, *product._operands(torch.float32)):
        pytest.skip(f"this machine has no product {name}")
    force(monkeypatch, bfloat16=False)
    monkeypatch.setattr(product, "float32_product", lambda *, all_threads=True: way)
    found = joined(among_all(sets_of("offset"), 21, plan=Plan(256)))
    check(found, exact_among(of_kind("offset", NUM), 21))


def test_queries_may_want_more_than_the_gallery() -> None:
    query, gallery = among_all(sets_of("copies"), 6, plan=Plan(256), query_k=50)
    wanted = exact_among(of_kind("copies", NUM), 50)
    check(query, wanted, slice(0, NUM_QUERY))
    np.testing.assert_array_equal(gallery.idx, wanted.idx[NUM_QUERY:, :6])


@pytest.mark.parametrize(("num", "num_query"), [(2, 1), (3, 2), (40, 39), (300, 1)])
def test_all_images_may_be_wanted(num: int, num_query: int) -> None:
    found = joined(among_all(sets_of("random", num, num_query), num, plan=Plan(64)))
    check(found, exact_among(of_kind("random", num), num))


@pytest.mark.parametrize("bfloat16", [True, False])
def test_hundreds_of_near_copies_overflow_and_are_searched_again(
    bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, bfloat16=bfloat16)
    feats = of_kind("random", NUM)
    feats[200:600] = feats[5] + np.float32(1e-6) * of_kind("random", 400, seed=1)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    query, gallery = among_all(sets, 21, plan=Plan(512))
    check(joined((query, gallery)), exact_among(feats, 21))
    assert query.num_again >= 1  # image 5, of which they are copies
    assert gallery.num_again >= 400
    assert joined(among_all(sets_of("clustered"), 21, plan=Plan(512))).num_again == 0


@pytest.mark.parametrize("step", [64, 100, 256])
def test_more_rows_than_a_tile_has_may_overflow(step: int) -> None:
    feats = of_kind("random", NUM)
    feats[200:600] = feats[5]
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    check(joined(among_all(sets, 21, plan=Plan(step))), exact_among(feats, 21))


def test_more_rows_than_are_searched_again_at_once_may_overflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_AGAIN_ROWS", 150)
    monkeypatch.setattr(search, "_AGAIN_ROOM", 130)  # and most of them a third time
    monkeypatch.setattr(search, "_LAST_PLACES", 40 * NUM)
    feats = of_kind("random", NUM)
    feats[200:600] = feats[5]
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    check(joined(among_all(sets, 21, plan=Plan(256))), exact_among(feats, 21))


def test_all_images_may_be_the_same() -> None:
    feats = np.ones((300, 7), dtype=np.float32)
    found = joined(among_all(feature_sets(feats[:30], feats[30:]), 9, plan=Plan(128)))
    np.testing.assert_array_equal(found.idx, np.tile(np.arange(9), (300, 1)))
    assert not found.dist.any()
    assert not found.largest.any()


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e-15, 1e15, 1e19, 1e30])
@pytest.mark.parametrize("bfloat16", [True, False])
def test_numbers_whose_squares_leave_the_range_of_float32_are_searched_or_refused(
    scale: float, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, bfloat16=bfloat16)
    feats = (of_kind("clustered", 300) * scale).astype(np.float32)
    try:
        found = joined(among_all(feature_sets(feats[:30], feats[30:]), 9, plan=Plan(256)))
    except DataError:
        assert not 1e-16 < scale < 1e16
    else:
        check(found, exact_among(feats, 9))


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("kind", ["copies", "offset", "whole numbers"])
def test_the_gallery_alone_can_be_searched(kind: str, stored: bool) -> None:
    found = in_gallery(sets_of(kind), 30, plan=Plan(128, stored))
    square = squared(of_kind(kind, NUM))[:NUM_QUERY, NUM_QUERY:]
    check(found, exact(square, 30))


def test_more_queries_than_gallery_images() -> None:
    feats = of_kind("copies", 400)
    sets = feature_sets(feats[:370], feats[370:])
    check(joined(among_all(sets, 15, plan=Plan(128))), exact_among(feats, 15))
    check(in_gallery(sets, 30, plan=Plan(128)), exact(squared(feats)[:370, 370:], 30))


def test_progress_reaches_one() -> None:
    shares: list[float] = []
    among_all(sets_of("random"), 5, plan=Plan(256), progress=shares.append)
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_plans_have_some_tiles_for_each_thread() -> None:
    assert plan_for(100, 2) == Plan(256)
    assert plan_for(138_517, 2) == Plan(2048)
    assert plan_for(8000, 4).step == 512
    np.testing.assert_array_equal(room_for(np.array([1, 21])), [52, 132])


@pytest.mark.parametrize("with_loops", [True, False])
def test_nearest_neighbours_of_arrays(with_loops: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VREID_COMPILED", "1" if with_loops else "0")
    feats = of_kind("copies", 200)
    idx, dist = nearest_neighbours(feats[:50], feats[50:].astype(np.float64), 12)
    wanted = exact(squared(feats)[:50, 50:], 12)
    assert idx.dtype == np.int64
    assert dist.dtype == np.float64
    np.testing.assert_array_equal(idx, wanted.idx)
    np.testing.assert_allclose(dist, wanted.dist, rtol=1e-12)
    assert nearest_neighbours(feats[:50], feats[50:], 999)[0].shape == (50, 150)
