"""Counted ranks against sorted pairs, for every way of counting, with and without numba."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from vreid import counting
from vreid.counting import match_ranks
from vreid.features import IntArray
from vreid.metrics import evaluate
from vreid.protocol import MARKET, Protocol

NUM_QUERY = 7


def by_sorting(
    dist: npt.NDArray[Any], cols: list[list[int]], junk: list[list[bool]]
) -> list[list[int]]:
    """Ranks of each query's matches among the columns that are not its junk."""
    ranks = []
    for row, own, flags in zip(dist.tolist(), cols, junk, strict=True):
        left_out = {col for col, flag in zip(own, flags, strict=True) if flag}
        order = sorted((value, col) for col, value in enumerate(row) if col not in left_out)
        places = {col: place for place, (_, col) in enumerate(order)}
        ranks.append(sorted(places[col] for col in own if col not in left_out))
    return ranks


def random_case(
    seed: int, num_gallery: int, most: int, *, dtype: Any = np.float32
) -> tuple[npt.NDArray[Any], list[list[int]], list[list[bool]]]:
    """Distances with ties, up to ``most`` images of the vehicle a query, a third of them junk."""
    rng = np.random.default_rng(seed)
    dist = rng.integers(0, max(2, num_gallery // 3), (NUM_QUERY, num_gallery)).astype(dtype)
    sizes = rng.integers(0, most + 1, NUM_QUERY)
    sizes[0] = most
    cols = [np.sort(rng.choice(num_gallery, size, replace=False)).tolist() for size in sizes]
    return dist, cols, [(rng.random(len(own)) < 0.3).tolist() for own in cols]


def counted(
    dist: npt.NDArray[Any], cols: list[list[int]], junk: list[list[bool]]
) -> tuple[IntArray, npt.NDArray[np.bool_], list[list[int]]]:
    """The result of `match_ranks`, and the ranks as a list a query."""
    ends = np.cumsum([len(own) for own in cols], dtype=np.int64)
    ranks, nan_mask = match_ranks(
        dist,
        ends,
        np.array([col for own in cols for col in own], dtype=np.int64),
        np.array([flag for own in junk for flag in own], dtype=np.bool_),
    )
    parts = np.split(ranks, ends)[:-1]
    for part, flags in zip(parts, junk, strict=True):  # the places of junk are last
        assert (part == -1).tolist() == [False] * flags.count(False) + [True] * flags.count(True)
    return ranks, nan_mask, [part[part >= 0].tolist() for part in parts]


@pytest.fixture(params=["1", "0"], ids=["compiled", "plain"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test with and without numba."""
    monkeypatch.setenv("VREID_COMPILED", request.param)


@pytest.mark.parametrize("many", [0, 10**9], ids=["many matches", "few matches"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("num_gallery", "most"), [(1, 1), (30, 12), (30, 30), (500, 90)])
def test_ranks_equal_sorting(
    num_gallery: int, most: int, dtype: Any, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MANY", many)
    monkeypatch.setattr(counting, "MANY_PLAIN", many)
    for seed in range(12):
        case = random_case(seed, num_gallery, most, dtype=dtype)
        _, nan_mask, ranks = counted(*case)
        assert ranks == by_sorting(*case)
        assert not nan_mask.any()


def test_rows_longer_than_a_tile_and_vehicles_with_very_many_images() -> None:
    dist, cols, junk = random_case(1, 2 * counting.TILE + 77, 3000)
    assert len(cols[0]) - sum(junk[0]) >= counting.MANY  # the first query is binned
    assert counted(dist, cols, junk)[2] == by_sorting(dist, cols, junk)


def test_compiled_and_plain_are_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    case = random_case(2, 900, 200)
    ids: dict[str, Any] = {
        "query_pids": rng.integers(0, 30, NUM_QUERY),
        "gallery_pids": rng.integers(0, 30, 900),
        "query_camids": rng.integers(0, 3, NUM_QUERY),
        "gallery_camids": rng.integers(0, 3, 900),
        "protocol": Protocol("market-20", "same-camera", 20, "min"),
    }
    ranks, scores = [], []
    for value in ("1", "0"):
        monkeypatch.setenv("VREID_COMPILED", value)
        ranks.append(counted(*case)[0])
        scores.append(evaluate(case[0], **ids))
    np.testing.assert_array_equal(ranks[0], ranks[1])
    assert scores[0].as_dict() == scores[1].as_dict()
    np.testing.assert_array_equal(scores[0].ap, scores[1].ap)
    np.testing.assert_array_equal(scores[0].cmc, scores[1].cmc)


def test_the_number_of_threads_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    dist = rng.integers(0, 50, (64, 40_000)).astype(np.float32)
    pids = rng.integers(0, 400, 40_000)
    cams = rng.integers(0, 4, 40_000)
    before = torch.get_num_threads()
    found = []
    for num_threads in (1, 3):
        torch.set_num_threads(num_threads)
        scores = evaluate(
            dist,
            query_pids=pids[:64],
            gallery_pids=pids,
            query_camids=cams[:64],
            gallery_camids=cams,
            protocol=MARKET,
        )
        found.append((scores.as_dict(), scores.ap.tolist()))
    torch.set_num_threads(before)
    assert found[0] == found[1]


def test_ties_count_by_index_and_zeros_have_no_sign() -> None:
    dist = np.array([[1.0, 1.0, 0.0, -0.0, 1.0]], dtype=np.float32)
    nothing = [[False]]
    for col, rank in ((2, 0), (3, 1), (0, 2), (1, 3), (4, 4)):
        assert counted(dist, [[col]], nothing)[2] == [[rank]]
    assert counted(dist, [[0, 1, 4]], [[True, False, False]])[2] == [[2, 3]]


def test_nan_is_seen_in_any_column() -> None:
    for col in (0, 3, 9000):
        dist = np.ones((3, 9001), dtype=np.float32)
        dist[1, col] = np.nan
        nan_mask = counted(dist, [[3], [3], []], [[False], [False], []])[1]
        assert nan_mask.tolist() == [False, True, False]


def test_nothing_to_count() -> None:
    dist = np.ones((2, 4), dtype=np.float32)
    assert counted(dist, [[], [1]], [[], [True]])[2] == [[], []]
    assert counted(dist[:0], [], [])[2] == []
    assert counted(np.ones((1, 0), dtype=np.float32), [[]], [[]])[2] == [[]]


def test_a_read_only_matrix_stays_so_and_a_writable_one_too() -> None:
    dist = np.ones((1, 4), dtype=np.float32)
    counted(dist, [[1]], [[False]])
    assert dist.flags.writeable
    dist.flags.writeable = False
    assert counted(dist, [[1]], [[False]])[2] == [[1]]
