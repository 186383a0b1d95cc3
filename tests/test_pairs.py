"""Scores of pairs against loops over all thresholds and all pairs."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
import pytest

from vreid import pairs
from vreid.counting import DistArray
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.pairs import score_pairs
from vreid.protocol import AICITY, MARKET, Protocol
from vreid.relevance import Relevance


def make(seed: int, *, ties: bool) -> tuple[FloatArray, dict[str, IntArray]]:
    rng = np.random.default_rng(seed)
    num_query, num_gallery = 5, 17
    dist = rng.random((num_query, num_gallery)).astype(np.float32)
    ids = {
        "query_pids": rng.integers(0, 4, num_query),
        "gallery_pids": rng.integers(0, 4, num_gallery),
        "query_camids": rng.integers(0, 2, num_query),
        "gallery_camids": rng.integers(0, 2, num_gallery),
    }
    return (np.round(dist * 6) if ties else dist), ids


def rules(ids: dict[str, IntArray], protocol: Protocol) -> Relevance:
    return Relevance(**ids, protocol=protocol)


def by_loops(
    dist: FloatArray, ids: dict[str, IntArray], protocol: Protocol, rates: Iterable[float]
) -> tuple[float, dict[float, float]]:
    true: list[float] = []
    false: list[float] = []
    for row, values in enumerate(dist.tolist()):
        for col, value in enumerate(values):
            same = ids["query_pids"][row] == ids["gallery_pids"][col]
            same_camera = ids["query_camids"][row] == ids["gallery_camids"][col]
            if same and same_camera and protocol.junk == "same-camera":
                continue
            (true if same else false).append(value)
    wins = [(one < other) + (one == other) / 2 for one in true for other in false]
    tpr = {}
    for rate in rates:
        tpr[rate] = max(
            sum(value <= limit for value in true) / len(true)
            for limit in [-math.inf, *true, *false]
            if sum(value <= limit for value in false) / len(false) <= rate
        )
    return sum(wins) / len(wins), tpr


@pytest.mark.parametrize("protocol", [AICITY, MARKET], ids=["aicity", "market"])
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_equals_the_definitions(
    protocol: Protocol, ties: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "BLOCK_VALUES", 40)  # two rows at a time
    rates = (0.02, 0.1, 0.5, 1.0)
    for seed in range(30):
        dist, ids = make(seed, ties=ties)
        blocks = [dist[:3], dist[3:]]
        found = score_pairs(partial(list, blocks), rules(ids, protocol), rates=rates)
        auc, tpr = by_loops(dist, ids, protocol, rates)
        assert found.auc == pytest.approx(auc, abs=1e-12)
        assert found.tpr == pytest.approx(tpr, abs=1e-12)


def test_the_rules_and_the_counts_are_printed() -> None:
    dist, ids = make(0, ties=False)
    found = score_pairs(lambda: [dist], rules(ids, MARKET))
    assert list(found.fractions()) == ["AUC", "TPR@0.0001", "TPR@0.001", "TPR@0.01"]
    line = found.table().splitlines()[-1]
    assert line == found.rule() == found.as_dict()["protocol"]
    assert f"market pairs: {found.num_true} true and {found.num_false} false pairs" in line
    assert "same camera removed as junk" in line


def test_refuses_what_cannot_be_scored() -> None:
    dist, ids = make(0, ties=False)
    relevance = rules(ids, AICITY)
    with pytest.raises(ConfigError, match=r"rates of false pairs are \[0\]"):
        score_pairs(lambda: [dist], relevance, rates=[0])
    with pytest.raises(DataError, match="the blocks hold 3 rows for 5 queries"):
        score_pairs(lambda: [dist[:3]], relevance)
    with pytest.raises(DataError, match=r"block from row 0 on has shape \(5, 16\)"):
        score_pairs(lambda: [dist[:, 1:]], relevance)
    broken: DistArray = dist.copy()
    broken[4, 2] = math.nan
    with pytest.raises(DataError, match="distances of query 4 hold NaN"):
        score_pairs(lambda: [broken], relevance)
    alone = {**ids, "gallery_pids": np.full(17, 9, dtype=np.int64)}
    with pytest.raises(DataError, match="there are 0 true and 85 false pairs"):
        score_pairs(lambda: [dist], rules(alone, AICITY))
