"""From candidates to neighbours: measured again, ordered by distance and then by number."""

import numpy as np
import pytest

from tests.neighbours.made import check, exact, of_kind
from tests.rerank.oracle import Wide, squared
from vreid.features import IntArray
from vreid.neighbours.found import Index, Neighbours, measure
from vreid.neighbours.sets import FeatureSets, feature_sets
from vreid.neighbours.side import Side, empty_side

NUM, NUM_QUERY = 120, 30


def listed(
    rough: Wide,
    rows: IntArray,
    k: int,
    sign: float,
    error: float,
    *,
    extra: int,
) -> Side:
    """Lists of the k + extra best by rough value, in no order."""
    room = min(rough.shape[1], k + extra)
    side = empty_side(
        np.full(len(rows), k),
        np.full(len(rows), room),
        sign,
        np.full(len(rows), error),
        0.0,
        0,
        0.0,
    )
    rng = np.random.default_rng(0)
    for at, row in enumerate(rows):
        chosen = rng.permutation(np.argsort(sign * rough[row], kind="stable")[:room])
        side.idx[at * room : (at + 1) * room] = chosen
        side.value[at * room : (at + 1) * room] = sign * rough[row, chosen]
        side.used[at] = room
    return side


def measured(
    feats: FeatureSets,
    square: Wide,
    rows: IntArray,
    k: int,
    *,
    offset: int = 0,
) -> Neighbours:
    rng = np.random.default_rng(1)
    error = 0.02 * float(square.max())
    rough = square / 2 + rng.uniform(-0.99, 0.99, square.shape) * error
    rough = rough[:, offset:]
    near = listed(rough, rows, k, 1.0, error, extra=NUM)
    far = listed(rough, rows, 1, -1.0, error, extra=NUM)
    return measure(feats, rows, near, far, k, offset=offset)


@pytest.mark.parametrize("kind", ["clustered", "copies", "whole numbers"])
@pytest.mark.parametrize("k", [1, 7, NUM])
def test_rough_values_give_exact_neighbours(kind: str, k: int) -> None:
    feats = of_kind(kind, NUM)
    square = squared(feats)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    rows = np.arange(20, 90)
    check(measured(sets, square, rows, k), exact(square, k), slice(20, 90))


def test_candidates_may_be_numbered_from_the_gallery() -> None:
    feats = of_kind("copies", NUM)
    square = squared(feats)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    rows = np.arange(NUM_QUERY)
    found = measured(sets, square, rows, 9, offset=NUM_QUERY)
    check(found, exact(square[:NUM_QUERY, NUM_QUERY:], 9))


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vreid.neighbours.found._ROWS", 13)
    feats = of_kind("copies", NUM)
    square = squared(feats)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    check(measured(sets, square, np.arange(NUM), 5), exact(square, 5))


def test_candidates_beyond_the_bound_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    pairs = FeatureSets.pairs

    def counted(self: FeatureSets, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        counts.append(len(cols))
        return pairs(self, rows, indptr, cols)

    monkeypatch.setattr(FeatureSets, "pairs", counted)
    feats = of_kind("clustered", NUM)
    square = squared(feats)
    sets = feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:])
    near = listed(square / 2, np.arange(NUM), 5, 1.0, 1e-9, extra=60)
    far = listed(square / 2, np.arange(NUM), 1, -1.0, 1e-9, extra=60)
    check(measure(sets, np.arange(NUM), near, far, 5, offset=0), exact(square, 5))
    assert sum(counts) < 9 * NUM  # 5 + 1 of each are needed, 66 + 61 are listed
