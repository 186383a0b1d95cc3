"""The search in torch alone, which devices use, run here on the CPU."""

import numpy as np
import pytest
import torch

from tests.neighbours.made import KINDS, check, exact, exact_among, fused, joined, of_kind, threads
from tests.rerank.oracle import squared
from vreid.errors import ConfigError
from vreid.neighbours import plain
from vreid.neighbours.search import Plan
from vreid.neighbours.search import among_all as compiled_among_all
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets

NUM, NUM_QUERY = 400, 90
CPU = torch.device("cpu")


def sets_of(kind: str) -> FeatureSets:
    feats = of_kind(kind, NUM)
    return feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_are_exact(kind: str) -> None:
    found = joined(plain.among_all(sets_of(kind), 15, query_k=15, device=CPU))
    check(found, exact_among(of_kind(kind, NUM), 15))


@pytest.mark.parametrize("kind", ["offset", "copies"])
def test_neighbours_are_those_of_the_compiled_search(kind: str) -> None:
    ours = joined(plain.among_all(sets_of(kind), 15, query_k=15, device=CPU))
    theirs = joined(compiled_among_all(sets_of(kind), 15, plan=Plan(256)))
    np.testing.assert_array_equal(ours.idx, theirs.idx)
    np.testing.assert_array_equal(ours.dist, theirs.dist)


@pytest.mark.parametrize("kind", ["offset", "copies"])
@pytest.mark.parametrize("num_threads", [1, 4])
def test_blocks_and_threads_change_no_bit(
    kind: str, num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = joined(plain.among_all(sets_of(kind), 15, query_k=15, device=CPU))
    monkeypatch.setattr(plain, "_ROWS", 37)
    monkeypatch.setattr(plain, "_COLS", 53)
    with threads(num_threads):
        found = joined(plain.among_all(sets_of(kind), 15, query_k=15, device=CPU))
    for name in ("idx", "dist", "largest"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


def test_rows_with_too_many_equals_are_measured_in_full_and_counted() -> None:
    feats = of_kind("random", NUM)
    feats[100:300] = feats[5] + np.float32(1e-6) * of_kind("random", 200, seed=1)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    found = plain.among_all(sets, 15, query_k=15, device=CPU)
    check(joined(found), exact_among(feats, 15))
    assert found[0].num_again >= 1
    assert found[1].num_again >= 200
    assert joined(plain.among_all(sets_of("random"), 15, query_k=15, device=CPU)).num_again == 0


def test_queries_may_want_more_and_all_images_may_be_wanted() -> None:
    query, gallery = plain.among_all(sets_of("clustered"), 7, query_k=NUM, device=CPU)
    wanted = exact_among(of_kind("clustered", NUM), NUM)
    check(query, wanted, slice(0, NUM_QUERY))
    np.testing.assert_array_equal(gallery.idx, wanted.idx[NUM_QUERY:, :7])


def test_weights_of_both_signs() -> None:
    parts = [(of_kind("offset", NUM), 1.0), (of_kind("clustered", NUM, dim=5), -0.3)]
    made = (FeatureSet(feats[:NUM_QUERY], feats[NUM_QUERY:], weight) for feats, weight in parts)
    sets = FeatureSets(tuple(made))
    square = fused(parts)
    found = joined(plain.among_all(sets, 15, query_k=15, device=CPU))
    np.testing.assert_array_equal(found.idx, exact(square, 15).idx)
    out = np.empty((20, NUM - NUM_QUERY), dtype=np.float32)
    plain.fill_distances(sets, out, start=30, device=CPU)
    np.testing.assert_allclose(out, square[30:50, NUM_QUERY:], atol=1e-4)


@pytest.mark.parametrize("kind", ["copies", "offset"])
def test_the_gallery_alone_can_be_searched(kind: str) -> None:
    found = plain.in_gallery(sets_of(kind), 30, device=CPU)
    check(found, exact(squared(of_kind(kind, NUM))[:NUM_QUERY, NUM_QUERY:], 30))


def test_distances_are_filled_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_ROWS", 17)
    monkeypatch.setattr(plain, "_COLS", 41)
    out = np.empty((50, NUM - NUM_QUERY), dtype=np.float32)
    plain.fill_distances(sets_of("copies"), out, start=20, device=CPU)
    wanted = squared(of_kind("copies", NUM))[20:70, NUM_QUERY:]
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-4)
    assert out.min() >= 0


@pytest.mark.parametrize("precision", ["high", "highest"])
def test_products_are_float32_and_the_users_choice_stays(precision: str) -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        found = joined(plain.among_all(sets_of("offset"), 15, query_k=15, device=CPU))
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    check(found, exact_among(of_kind("offset", NUM), 15))


def test_the_bound_of_the_products_holds() -> None:
    for kind in KINDS:
        rows = plain._Rows(sets_of(kind), CPU)
        found = rows.half_distances(0, NUM, 0, NUM).double().numpy()
        error = np.abs(found - squared(of_kind(kind, NUM)) / 2)
        assert (error <= rows.error(0, NUM).numpy()[:, None]).all(), kind


def test_exact_distances_of_a_device_are_those_of_the_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plain, "_GATHERED", 24 * 20 * 3)
    parts = [(of_kind("offset", NUM), 1.0), (of_kind("clustered", NUM, dim=5), -0.3)]
    made = (FeatureSet(feats[:NUM_QUERY], feats[NUM_QUERY:], weight) for feats, weight in parts)
    rows = plain._Rows(FeatureSets(tuple(made)), CPU)
    rows.kept = [torch.from_numpy(feats) for feats, _ in parts]  # as on a device
    chosen = torch.tensor([5, 300, 0, 399, 80, 7, 8])
    cols = torch.randint(0, NUM, (7, 20), generator=torch.Generator().manual_seed(0))
    wanted = fused(parts)[chosen.numpy()[:, None], cols.numpy()]
    np.testing.assert_allclose(rows.measure(chosen, cols).numpy(), wanted, atol=1e-11)


def test_devices_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain.find_device(None) == plain.find_device("cpu") == CPU
    with pytest.raises(ConfigError, match="there is no device 'gpu'; choose cpu or cuda"):
        plain.find_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="the device is cuda, but torch finds no GPU here"):
        plain.find_device("cuda")


def test_progress_reaches_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_ROWS", 50)
    shares: list[float] = []
    plain.among_all(sets_of("random"), 5, query_k=5, device=CPU, progress=shares.append)
    assert shares[-1] == 1
    assert shares == sorted(shares)
