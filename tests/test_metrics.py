"""Scores against their definitions, computed by loops over a sorted Python list."""

import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import vreid.distance
from vreid import metrics
from vreid.distance import Metric
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.metrics import Scores, evaluate, evaluate_blocks, evaluate_features, evaluate_ranked
from vreid.protocol import AICITY, MARKET, PROTOCOLS, Protocol, find_protocol

AICITY_MIN = Protocol("aicity-min", "none", 5, "min")
MARKET_5 = Protocol("market-5", "same-camera", 5, "all")
TRAPEZOID_5 = Protocol("trapezoid-5", "same-camera", 5, "min", curve="trapezoid")
ALL_PROTOCOLS = [
    AICITY,
    MARKET,
    AICITY_MIN,
    MARKET_5,
    Protocol("top-1", "none", 1, "all"),
    PROTOCOLS["market-trapezoid"],
    TRAPEZOID_5,
]


def pairwise(
    a: FloatArray,
    b: FloatArray,
    *,
    metric: Metric = "sqeuclidean",
    out: FloatArray | None = None,
) -> FloatArray:
    """Distances in float64, which rounds the same wherever a matrix is cut into blocks."""
    found = np.empty((len(a), len(b)), dtype=np.float32) if out is None else out
    found[:] = wide_pairwise(a, b, metric)
    return found


def wide_pairwise(a: FloatArray, b: FloatArray, metric: Metric) -> FloatArray:
    wide, other = a.astype(np.float64), b.astype(np.float64)
    if metric == "cosine":
        wide = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        other = other / np.linalg.norm(other, axis=1, keepdims=True)
        return np.asarray(1 - wide @ other.T, dtype=np.float32)
    squared = (wide**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * wide @ other.T
    return np.asarray(np.sqrt(squared) if metric == "euclidean" else squared, dtype=np.float32)


@pytest.fixture(autouse=True)
def exact_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties between distances do not depend on how the matrix is cut into blocks."""
    monkeypatch.setattr(metrics, "pairwise", pairwise)


def by_definition(
    dist: FloatArray,
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
    length: int | None = None,
) -> dict[str, Any]:
    """The definitions word by word; only the first ``length`` entries of a list are known."""
    aps, aps_at_k, inps, first_ranks = [], [], [], []
    for query_idx, row in enumerate(dist):
        order = sorted(range(len(row)), key=lambda idx: (row[idx], idx))
        flags = []  # of the images that are not junk: is it the same vehicle
        num_relevant = 0
        for place, idx in enumerate(order):
            same = gallery_pids[idx] == query_pids[query_idx]
            same_camera = gallery_camids[idx] == query_camids[query_idx]
            if protocol.junk == "same-camera" and same and same_camera:
                continue
            num_relevant += bool(same)
            if length is None or place < length:
                flags.append(bool(same))
        if num_relevant == 0:
            continue
        precision_sum = precision_sum_at_k = 0.0
        num_found, precision_before = 0, 1.0
        for rank, flag in enumerate(flags, start=1):
            num_found += flag
            height = precision = num_found / rank
            if protocol.curve == "trapezoid":
                height = (precision_before + precision) / 2
            precision_before = precision
            if flag:
                precision_sum += height
                if protocol.top_k is None or rank <= protocol.top_k:
                    precision_sum_at_k += height
        most = num_relevant
        if protocol.denominator == "min":
            assert protocol.top_k is not None
            most = min(protocol.top_k, num_relevant)
        aps.append(precision_sum / num_relevant)
        aps_at_k.append(precision_sum_at_k / most)
        hit_ranks = [rank for rank, flag in enumerate(flags, start=1) if flag]
        first_ranks.append(hit_ranks[0] if hit_ranks else math.inf)
        inps.append(num_relevant / hit_ranks[-1] if hit_ranks else 0.0)
    return {
        "map": np.mean(aps),
        "map_at_k": np.mean(aps_at_k),
        "minp": np.mean(inps),
        "cmc": [np.mean([first <= k for first in first_ranks]) for k in range(1, 11)],
        "num_skipped": len(dist) - len(aps),
    }


def random_case(seed: int, *, ties: bool) -> dict[str, Any]:
    """Distances and labels with junk, queries without a match and, if asked, many ties."""
    rng = np.random.default_rng(seed)
    num_query, num_gallery = int(rng.integers(1, 12)), int(rng.integers(1, 60))
    dist = rng.random((num_query, num_gallery), dtype=np.float32)
    if ties:
        dist = np.round(dist * 4).astype(np.float32)
    case = {
        "query_pids": rng.integers(0, 9, num_query),
        "gallery_pids": rng.integers(0, 7, num_gallery),  # 7 and 8 have no match
        "query_camids": rng.integers(0, 3, num_query),
        "gallery_camids": rng.integers(0, 3, num_gallery),
    }
    case["query_pids"][0] = case["gallery_pids"][0]  # at least one match without junk
    case["query_camids"][0] = 9
    return {"dist": dist, **case}


def assert_equal(scores: Scores, expected: dict[str, Any]) -> None:
    assert scores.map == pytest.approx(expected["map"], abs=1e-12)
    if scores.map_at_k is not None:
        assert scores.map_at_k == pytest.approx(expected["map_at_k"], abs=1e-12)
    if scores.minp is not None:
        assert scores.minp == pytest.approx(expected["minp"], abs=1e-12)
    assert [scores.rank(k) for k in range(1, 11)] == pytest.approx(expected["cmc"], abs=1e-12)
    assert scores.num_skipped == expected["num_skipped"]


@pytest.fixture(params=["1", "0"], ids=["compiled", "plain"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same test with and without numba."""
    monkeypatch.setenv("VREID_COMPILED", request.param)


@pytest.mark.parametrize("protocol", ALL_PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.usefixtures("both_ways")
def test_equals_the_definitions(protocol: Protocol, ties: bool) -> None:
    for seed in range(40):
        case = random_case(seed, ties=ties)
        scores = evaluate(**case, protocol=protocol)
        assert_equal(scores, by_definition(**case, protocol=protocol))
        assert (scores.map_at_k is None) == (protocol.top_k is None)
        assert scores.num_query == len(case["query_pids"])


@pytest.mark.parametrize("protocol", ALL_PROTOCOLS, ids=lambda protocol: protocol.name)
def test_ranked_lists_equal_the_definitions(protocol: Protocol) -> None:
    for seed in range(40):
        case = random_case(seed, ties=True)
        length = max(1, case["dist"].shape[1] // 2)
        lists = [np.argsort(row, kind="stable")[:length] for row in case["dist"]]
        columns = {key: value for key, value in case.items() if key != "dist"}
        scores = evaluate_ranked(lists, **columns, protocol=protocol)
        assert_equal(scores, by_definition(**case, protocol=protocol, length=length))
        full = [np.argsort(row, kind="stable") for row in case["dist"]]
        from_dist = evaluate(**case, protocol=protocol)
        assert evaluate_ranked(full, **columns, protocol=protocol).as_dict() == from_dist.as_dict()


def test_cut_lists_do_not_pretend_to_be_whole() -> None:
    case = random_case(3, ties=False)
    columns = {key: value for key, value in case.items() if key != "dist"}
    lists = [np.argsort(row)[:2] for row in case["dist"]]
    scores = evaluate_ranked(lists, **columns, protocol=AICITY)
    assert scores.minp is None
    assert scores.list_length == 2
    assert "of the 2 listed entries only" in scores.table()


@pytest.mark.usefixtures("both_ways")
def test_permuting_the_gallery_changes_nothing() -> None:
    case = random_case(5, ties=False)
    order = np.random.default_rng(0).permutation(case["dist"].shape[1])
    permuted = {
        **case,
        "dist": case["dist"][:, order],
        "gallery_pids": case["gallery_pids"][order],
        "gallery_camids": case["gallery_camids"][order],
    }
    before, after = evaluate(**case, protocol=MARKET), evaluate(**permuted, protocol=MARKET)
    assert before.as_dict() == after.as_dict()
    np.testing.assert_array_equal(before.cmc, after.cmc)


def larger_case(
    num_query: int = 60, num_gallery: int = 700, num_vehicles: int = 40
) -> dict[str, Any]:
    """Labels and features of small whole numbers, whose distances are exact, with many ties."""
    rng = np.random.default_rng(11)
    return {
        "query_feats": rng.integers(-2, 3, (num_query, 6)).astype(np.float32),
        "gallery_feats": rng.integers(-2, 3, (num_gallery, 6)).astype(np.float32),
        "query_pids": rng.integers(0, num_vehicles, num_query),
        "gallery_pids": rng.integers(0, num_vehicles - 2, num_gallery),
        "query_camids": rng.integers(0, 3, num_query),
        "gallery_camids": rng.integers(0, 3, num_gallery),
    }


def columns_of(case: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key.endswith("ids")}


def assert_same(ours: Scores, other: Scores) -> None:
    assert ours.as_dict() == other.as_dict()
    np.testing.assert_array_equal(ours.cmc, other.cmc)
    np.testing.assert_array_equal(ours.ap, other.ap)


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize("protocol", ALL_PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.usefixtures("both_ways")
def test_every_source_gives_the_same_scores(
    protocol: Protocol, metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = larger_case()
    # powers of two as lengths keep the cosine exact as well
    case["query_feats"] = np.concatenate([case["query_feats"], _rest(case["query_feats"])], axis=1)
    case["gallery_feats"] = np.concatenate(
        [case["gallery_feats"], _rest(case["gallery_feats"])], axis=1
    )
    ids = {**columns_of(case), "protocol": protocol}
    feats = case["query_feats"], case["gallery_feats"]
    dist = pairwise(*feats, metric=metric)
    scores = evaluate(dist, **ids)
    assert_same(evaluate_blocks([dist[:1], dist[1:40], dist[40:40], dist[40:]], **ids), scores)
    lists = list(np.argsort(dist, axis=1, kind="stable"))
    assert_same(evaluate_ranked(lists, **ids), scores)
    monkeypatch.setattr(metrics, "FEATURE_BYTES", 7 * 4 * dist.shape[1])
    assert_same(evaluate_features(*feats, metric=metric, **ids), scores)


def _rest(feats: FloatArray) -> FloatArray:
    """Entries of ±1 and 0 that bring each row's squared length to 64: (N, 6) -> (N, 64)."""
    missing = 64 - np.square(feats).sum(axis=1)
    rest = (np.arange(64) < missing[:, None]).astype(np.float32)
    signs = np.where(np.arange(64) % 2, 1, -1).astype(np.float32)
    return np.asarray(rest * signs, dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64])
@pytest.mark.usefixtures("both_ways")
def test_other_number_types_and_layouts(dtype: Any) -> None:
    case = larger_case()
    ids = {**columns_of(case), "protocol": MARKET_5}
    dist = pairwise(case["query_feats"], case["gallery_feats"])  # whole numbers
    scores = evaluate(dist, **ids)
    assert_same(evaluate(dist.astype(dtype), **ids), scores)
    assert_same(evaluate(np.asfortranarray(dist), **ids), scores)
    wide = np.zeros((len(dist), 2 * dist.shape[1]), dtype=np.float32)
    wide[:, ::2] = dist
    assert_same(evaluate(wide[:, ::2], **ids), scores)
    assert_same(evaluate(np.concatenate([dist, dist], axis=1)[:, : dist.shape[1]], **ids), scores)


@pytest.mark.usefixtures("both_ways")
def test_float64_distances_are_not_rounded() -> None:
    near, far = 1.0, 1.0 + 1e-12
    assert one_query_wide([far, near], labels(1, 2)) == 0.5
    assert one_query_wide([near, far], labels(1, 2)) == 1.0


def one_query_wide(dist: list[float], gallery_pids: IntArray) -> float:
    ids = {"query_pids": labels(1), "gallery_pids": gallery_pids}
    ids |= {"query_camids": labels(1), "gallery_camids": np.full(len(gallery_pids), 2)}
    return evaluate(np.array([dist]), **ids, protocol=AICITY).map


@pytest.mark.usefixtures("both_ways")
def test_infinite_distances_are_last_and_tie() -> None:
    far = math.inf
    assert one_query([far, far, 0.5], labels(1, 2, 3)).map == 0.5
    assert one_query([far, far, -far], labels(2, 1, 3)).map == pytest.approx(1 / 3)


@pytest.mark.usefixtures("both_ways")
def test_memory_stays_far_below_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "COUNTED_BYTES", 1 << 20)
    monkeypatch.setattr(metrics, "FEATURE_BYTES", 1 << 20)
    monkeypatch.setattr(metrics, "pairwise", vreid.distance.pairwise)
    case = larger_case(400, 20_000, 2000)
    ids = {**columns_of(case), "protocol": MARKET}
    feats = case["query_feats"], case["gallery_feats"]
    dist = pairwise(*feats)  # 32 MB
    np.save(tmp_path / "dist.npy", dist)
    mapped = np.load(tmp_path / "dist.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    scores = evaluate(dist, **ids)  # compiled now
    ways: dict[str, Callable[[], Scores]] = {
        "matrix": lambda: evaluate(dist, **ids),
        "map": lambda: evaluate(mapped, **ids),
        "columns of a wider matrix": lambda: evaluate(dist[:, ::2], **halved(ids)),
        "blocks": lambda: evaluate_blocks(
            (dist[row : row + 50] for row in range(0, 400, 50)), **ids
        ),
        "features": lambda: evaluate_features(*feats, **ids),
    }
    for name, way in ways.items():
        tracemalloc.start()
        found = way()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < dist.nbytes // 3, f"{name}: {peak / 1e6:.1f} MB"
        if name != "columns of a wider matrix":
            assert_same(found, scores)


def halved(ids: dict[str, Any]) -> dict[str, Any]:
    """The labels of every other gallery image."""
    return {key: value[::2] if key.startswith("gallery") else value for key, value in ids.items()}


@pytest.mark.usefixtures("both_ways")
def test_nan_is_refused_wherever_it_is() -> None:
    case = larger_case()
    ids = {**columns_of(case), "protocol": AICITY}
    dist = pairwise(case["query_feats"], case["gallery_feats"])
    unmatched = int(np.flatnonzero(case["query_pids"] >= 38)[0])  # counts although it is skipped
    for row, col in ((unmatched, 699), (59, 0), (31, 350)):
        broken = dist.copy()
        broken[row, col] = math.nan
        broken[59, 5] = math.nan  # the first of several is named
        with pytest.raises(DataError, match=f"distances of query {row} hold NaN"):
            evaluate(broken, **ids)
        with pytest.raises(DataError, match=f"distances of query {row} hold NaN"):
            evaluate_blocks([broken[:17], broken[17:]], **ids)


def test_refuses_blocks_and_features_that_do_not_fit() -> None:
    case = larger_case()
    ids = {**columns_of(case), "protocol": AICITY}
    query_feats, gallery_feats = case["query_feats"], case["gallery_feats"]
    dist = pairwise(query_feats, gallery_feats)
    with pytest.raises(DataError, match="the blocks hold 59 rows for 60 queries"):
        evaluate_blocks([dist[:20], dist[20:59]], **ids)
    with pytest.raises(
        DataError, match=r"block from row 20 on has shape \(60, 700\) for 60 queries"
    ):
        evaluate_blocks([dist[:20], dist], **ids)
    with pytest.raises(DataError, match=r"block from row 0 on has shape \(60, 699\) for 60 .* 700"):
        evaluate_blocks([dist[:, 1:]], **ids)
    with pytest.raises(DataError, match=r"block from row 0 on has shape \(700,\)"):
        evaluate_blocks(list(dist), **ids)
    with pytest.raises(DataError, match=r"gallery features have shape \(5, 6\) for 700 identities"):
        evaluate_features(query_feats, gallery_feats[:5], **ids)
    with pytest.raises(DataError, match="query features have 6 columns, gallery features 5"):
        evaluate_features(query_feats, gallery_feats[:, :5], **ids)


def labels(*pids: int) -> IntArray:
    return np.array(pids, dtype=np.int64)


def one_query(
    dist: list[float], gallery_pids: IntArray, *, protocol: Protocol = AICITY, **changes: Any
) -> Scores:
    arguments: dict[str, Any] = {
        "query_pids": labels(1),
        "gallery_pids": gallery_pids,
        "query_camids": labels(1),
        "gallery_camids": np.full(len(gallery_pids), 2),
    }
    matrix: npt.NDArray[np.float32] = np.array([dist], dtype=np.float32)
    return evaluate(matrix, **(arguments | changes), protocol=protocol)


def test_equal_distances_are_ordered_by_gallery_index() -> None:
    assert one_query([0.5, 0.5], labels(1, 2)).map == 1.0
    assert one_query([0.5, 0.5], labels(2, 1)).map == 0.5


def test_denominators() -> None:
    gallery_pids = labels(1, 1, 1, 2)
    dist = [0.1, 0.2, 0.3, 0.4]
    for denominator, value in (("all", 2 / 3), ("min", 1.0)):
        protocol = Protocol("short", "none", 2, denominator)  # type: ignore[arg-type]
        assert one_query(dist, gallery_pids, protocol=protocol).map_at_k == pytest.approx(value)
        assert one_query(dist, gallery_pids, protocol=protocol).map == 1.0


def test_queries_without_a_match_are_counted_and_have_no_ap() -> None:
    scores = evaluate(
        np.array([[0.1, 0.2], [0.1, 0.2]], dtype=np.float32),
        query_pids=labels(5, 1),
        gallery_pids=labels(2, 1),
        query_camids=labels(1, 1),
        gallery_camids=labels(2, 2),
        protocol=AICITY,
    )
    assert (scores.num_query, scores.num_skipped, scores.map) == (2, 1, 0.5)
    np.testing.assert_array_equal(scores.ap, [np.nan, 0.5])
    assert "2, 1 without a match skipped" in scores.table()


def test_the_protocol_is_in_every_output() -> None:
    scores = one_query([0.1, 0.2], labels(1, 2))
    line = (
        "aicity: AP over the top 100 / all relevant; no junk removed;"
        " queries without a match are skipped and counted"
    )
    assert str(AICITY) == line
    assert scores.table().splitlines()[-1] == line
    assert scores.table().splitlines()[0] == "mAP@100   100.00 %"
    assert scores.as_dict()["protocol"] == line
    assert scores.as_dict()["mAP@100"] == scores.headline == 1.0
    assert one_query([0.1], labels(1), protocol=MARKET).headline == 1.0


def test_the_protocol_line_tells_the_rules_apart() -> None:
    lines = [str(protocol) for protocol in ALL_PROTOCOLS]
    assert len({line.split(": ")[1] for line in lines}) == len(lines)
    assert "min(5, relevant)" in str(AICITY_MIN)
    assert "same camera removed as junk" in str(MARKET)


def test_refuses_unknown_identities() -> None:
    with pytest.raises(DataError, match=r"gallery image 1 and 1 more have no known identity"):
        one_query([0.1, 0.2, 0.3], labels(1, -1, -1))
    with pytest.raises(DataError, match=r"query image 0 .* no known identity \(-1\)"):
        one_query([0.1, 0.2], labels(1, 2), query_pids=labels(-1))


def test_refuses_unknown_cameras_only_where_they_matter() -> None:
    unknown = labels(-1, -1)
    assert one_query([0.1, 0.2], labels(1, 2), gallery_camids=unknown).map == 1.0
    with pytest.raises(DataError, match="the protocol market leaves images out by camera"):
        one_query([0.1, 0.2], labels(1, 2), protocol=MARKET, gallery_camids=unknown)


def test_refuses_what_cannot_be_scored() -> None:
    with pytest.raises(DataError, match="none of the 1 queries has a match"):
        one_query([0.1, 0.2], labels(2, 3))
    with pytest.raises(DataError, match="none of the 1 queries has a match"):  # all junk
        one_query([0.1], labels(1), protocol=MARKET, gallery_camids=labels(1))
    with pytest.raises(DataError, match=r"gallery has \(2,\) identities and \(1,\) cameras"):
        one_query([0.1, 0.2], labels(1, 2), gallery_camids=labels(1))
    with pytest.raises(DataError, match="distances of query 0 hold NaN"):
        one_query([0.1, math.nan], labels(1, 2))
    with pytest.raises(DataError, match=r"shape \(1, 2\) for 1 queries and 3 gallery images"):
        one_query([0.1, 0.2], labels(1, 2, 3))


@pytest.mark.parametrize(("num_query", "num_gallery"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.usefixtures("both_ways")
def test_nothing_to_score_is_said(num_query: int, num_gallery: int) -> None:
    ids: dict[str, Any] = {
        "query_pids": np.ones(num_query, dtype=np.int64),
        "gallery_pids": np.ones(num_gallery, dtype=np.int64),
        "query_camids": np.ones(num_query, dtype=np.int64),
        "gallery_camids": np.ones(num_gallery, dtype=np.int64),
        "protocol": MARKET,
    }
    feats = np.ones((num_query, 4), np.float32), np.ones((num_gallery, 4), np.float32)
    lists = [np.arange(num_gallery) for _ in range(num_query)]
    for way in (
        lambda: evaluate(np.ones((num_query, num_gallery), np.float32), **ids),
        lambda: evaluate_features(*feats, **ids),
        lambda: evaluate_ranked(lists, **ids),
    ):
        with pytest.raises(DataError, match=f"none of the {num_query} queries has a match among"):
            way()


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[0, 0]], "holds a gallery image twice"),
        ([[0, 2]], "holds 0 to 2; gallery indices are 0 to 1"),
        ([[-1, 0]], "holds -1 to 0"),
        ([[0], [1]], "2 ranked lists for 1 queries"),
    ],
)
def test_refuses_bad_lists(lists: list[list[int]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_ranked(
            [np.array(entries) for entries in lists],
            query_pids=labels(1),
            gallery_pids=labels(1, 2),
            query_camids=labels(1),
            gallery_camids=labels(2, 2),
            protocol=AICITY,
        )


def test_an_empty_list_finds_nothing() -> None:
    scores = evaluate_ranked(
        [np.array([], dtype=np.int64)],
        query_pids=labels(1),
        gallery_pids=labels(1, 2),
        query_camids=labels(1),
        gallery_camids=labels(2, 2),
        protocol=AICITY,
    )
    assert (scores.map, scores.map_at_k, scores.rank(10)) == (0, 0, 0)


def test_protocols_check_themselves() -> None:
    assert find_protocol("market") is PROTOCOLS["market"]
    with pytest.raises(ConfigError, match="no protocol 'veri'; choose one of market, aicity"):
        find_protocol("veri")
    with pytest.raises(ConfigError, match="top_k is 0"):
        Protocol("x", "none", 0, "all")
    with pytest.raises(ConfigError, match="junk is 'all'; choose one of none, same-camera"):
        Protocol("x", "all", None, "all")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="denominator is 'n'"):
        Protocol("x", "none", 5, "n")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs a top_k"):
        Protocol("x", "none", None, "min")
    with pytest.raises(ConfigError, match="curve is 'line'; choose one of step, trapezoid"):
        Protocol("x", "none", None, "all", curve="line")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unit is 'video'; choose one of image, tracklet"):
        Protocol("x", "none", None, "all", unit="video")  # type: ignore[arg-type]


def test_every_named_protocol_says_its_own_rules() -> None:
    assert {name: protocol.name for name, protocol in PROTOCOLS.items()} == {
        name: name for name in PROTOCOLS
    }
    assert str(PROTOCOLS["market-trapezoid"]).startswith("market-trapezoid: trapezoid AP over")
    assert str(PROTOCOLS["vehicleid"]).endswith(
        "; one random image of each vehicle is the gallery, the others search it, mean of 10 draws"
        " (seed 0)"
    )
    assert "images of the same vehicle in the same camera" in str(PROTOCOLS["veri-wild"])
    assert "no junk removed" in str(PROTOCOLS["veri-wild-all"])
    assert "a tracklet is the mean of its images' features" in str(PROTOCOLS["vveri901"])


def test_the_trapezoids_of_the_oxford_evaluation() -> None:
    # hits at ranks 1 and 3 of 2: (1 + 1) / 2 and (1/2 + 2/3) / 2, each over 2 matches
    protocol = PROTOCOLS["market-trapezoid"]
    scores = one_query([0.1, 0.2, 0.3], labels(1, 2, 1), protocol=protocol)
    assert scores.map == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    steps = one_query([0.1, 0.2, 0.3], labels(1, 2, 1), protocol=MARKET)
    assert steps.map == pytest.approx((1 + 2 / 3) / 2)


def test_a_set_that_was_not_drawn_does_not_claim_ten_draws() -> None:
    scores = one_query([0.1, 0.2], labels(1, 2), protocol=PROTOCOLS["vehicleid"])
    assert str(scores.protocol).endswith("the others search it, one draw as given")
    assert scores.stds == {}
