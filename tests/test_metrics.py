"""Scores against their definitions, computed by loops over a sorted Python list."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.metrics import Scores, evaluate, evaluate_ranked
from vreid.protocol import AICITY, MARKET, PROTOCOLS, Protocol, find_protocol

AICITY_MIN = Protocol("aicity-min", "none", 5, "min")
MARKET_5 = Protocol("market-5", "same-camera", 5, "all")
ALL_PROTOCOLS = [AICITY, MARKET, AICITY_MIN, MARKET_5, Protocol("top-1", "none", 1, "all")]


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
        num_found = 0
        for rank, flag in enumerate(flags, start=1):
            if flag:
                num_found += 1
                precision_sum += num_found / rank
                if protocol.top_k is None or rank <= protocol.top_k:
                    precision_sum_at_k += num_found / rank
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


@pytest.mark.parametrize("protocol", ALL_PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
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
    with pytest.raises(DataError, match="distances of query 0 hold NaN"):
        one_query([0.1, math.nan], labels(1, 2))
    with pytest.raises(DataError, match=r"shape \(1, 2\) for 1 queries and 3 gallery images"):
        one_query([0.1, 0.2], labels(1, 2, 3))


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
