from dataclasses import replace

import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.protocol import MARKET
from vreid.report.content import RankedLists
from vreid.report.ranked import choose_queries, rank_lists


def test_lists_are_ranked_judged_and_in_order_of_ap(ranked_source: RankedLists) -> None:
    first, second = rank_lists(ranked_source)
    assert (first.query, first.pid, first.camid, first.num_matches) == ("query/1.png", 1, 1, 2)
    assert first.ap == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert [hit.name for hit in first.hits] == [f"test/{num}.png" for num in (1, 2, 3, 4)]
    assert [hit.right for hit in first.hits] == [True, False, True, False]
    assert [hit.dist for hit in first.hits] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert second.query == "query/2.png"
    assert second.ap == pytest.approx(1 / 2)
    assert [hit.name for hit in second.hits] == [f"test/{num}.png" for num in (3, 2, 4, 1)]


def test_junk_is_left_out_where_the_protocol_says_so(ranked_source: RankedLists) -> None:
    (only,) = rank_lists(replace(ranked_source, protocol=MARKET))
    assert only.query == "query/1.png"  # query 2 has its vehicle in its own camera only
    assert [hit.name for hit in only.hits] == [f"test/{num}.png" for num in (1, 2, 4)]
    assert (only.ap, only.num_matches) == (1, 1)


def test_depth_cuts_the_list_but_not_the_ap(ranked_source: RankedLists) -> None:
    first, _ = rank_lists(replace(ranked_source, depth=1))
    assert len(first.hits) == 1
    assert first.ap == pytest.approx(5 / 6)


def test_a_square_matrix_gives_the_same(ranked_source: RankedLists) -> None:
    small = ranked_source.dist
    names = small.rows + small.cols
    dist = np.zeros((len(names), len(names)), dtype=np.float32)
    dist[: len(small.rows), len(small.rows) :] = small.dist
    square = DistMat(dist, names, names, num_query=len(small.rows))
    assert rank_lists(replace(ranked_source, dist=square)) == rank_lists(ranked_source)


def test_no_identities_no_lists(ranked_source: RankedLists) -> None:
    assert rank_lists(replace(ranked_source, identities={})) == ()


def test_an_even_choice_from_best_to_worst() -> None:
    aps = [idx / 29 for idx in range(30)]
    chosen = choose_queries(aps, list(range(30)), 9)
    assert [idx for idx, _ in chosen] == [29, 28, 27, 16, 15, 14, 2, 1, 0]
    assert [band for _, band in chosen] == ["best"] * 3 + ["middle"] * 3 + ["worst"] * 3


@pytest.mark.parametrize("num_queries", range(1, 12))
@pytest.mark.parametrize("num_there", [0, 1, 2, 5, 9, 10])
def test_as_many_as_asked_for_or_all(num_there: int, num_queries: int) -> None:
    aps = np.random.default_rng(num_there).random(num_there).tolist()
    chosen = choose_queries(aps, [idx % 3 for idx in range(num_there)], num_queries)
    indices = [idx for idx, _ in chosen]
    assert len(set(indices)) == len(indices) == min(num_queries, num_there)
    assert [aps[idx] for idx in indices] == sorted((aps[idx] for idx in indices), reverse=True)


def test_a_band_shows_different_vehicles_first() -> None:
    aps = [1.0] * 9 + [0.5] * 9 + [0.1] * 9
    pids = [1] * 8 + [2] + list(range(10, 28))
    best = [idx for idx, band in choose_queries(aps, pids, 9) if band == "best"]
    assert best == [0, 1, 8]  # vehicle 1, vehicle 2, then vehicle 1 again


def test_counts_below_one_are_refused(ranked_source: RankedLists) -> None:
    with pytest.raises(DataError, match="0 queries and 10 gallery images; give at least 1"):
        replace(ranked_source, num_queries=0)
