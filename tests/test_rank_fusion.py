import math
from typing import Any

import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.rank_fusion import RankLists, Rule, fuse_ranks

NUM_QUERY, NUM_GALLERY = 4, 9
ROWS = tuple(f"q{idx}" for idx in range(NUM_QUERY))
COLS = tuple(f"g{idx}" for idx in range(NUM_GALLERY))
RULES: list[Rule] = ["reciprocal", "borda", "minmax", "z"]


def random_mat(seed: int, *, steps: int | None = None) -> DistMat:
    """Random distances; with few steps, many are equal."""
    dist = np.random.default_rng(seed).normal(size=(NUM_QUERY, NUM_GALLERY))
    if steps is not None:
        dist = np.round(dist * steps)
    return DistMat(dist.astype(np.float32), ROWS, COLS, sources={"seed": seed})


def slow(lists: list[list[tuple[int, float]]], weights: list[float], rule: Rule, k: float) -> Any:
    """The fused scores of one query, image by image, from (column, distance) in their order."""
    scores = []
    for col in range(NUM_GALLERY):
        parts = []
        for entries in lists:
            cols = [entry[0] for entry in entries]
            values = [float(entry[1]) for entry in entries]
            average = sum(values) / len(values)
            spread = math.sqrt(sum((value - average) ** 2 for value in values) / len(values))
            if col in cols:
                place = cols.index(col) + 1
                value = values[place - 1]
                equal = max(values) == min(values)
                parts.append(
                    {
                        "reciprocal": 1 / (k + place),
                        "borda": place,
                        "minmax": 0
                        if equal
                        else (value - min(values)) / (max(values) - min(values)),
                        "z": 0 if equal else (value - average) / spread,
                    }[rule]
                )
            else:
                others = range(len(entries) + 1, NUM_GALLERY + 1)
                last = 0.0 if max(values) == min(values) else (max(values) - average) / spread
                parts.append(
                    {
                        "reciprocal": 0,
                        "borda": sum(others) / len(others),
                        "minmax": 1,
                        "z": last + 1,
                    }[rule]
                )
        total = sum(weight * part for weight, part in zip(weights, parts, strict=True))
        scores.append(-total if rule == "reciprocal" else total / sum(weights))
    return scores


def entries_of(mat: DistMat, row: int, num: int = NUM_GALLERY) -> list[tuple[int, float]]:
    pairs = sorted((float(value), col) for col, value in enumerate(mat.dist[row]))
    return [(col, value) for value, col in pairs[:num]]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [None, 1])
def test_whole_lists_against_the_definition(rule: Rule, steps: int | None) -> None:
    mats = [random_mat(seed, steps=steps) for seed in range(3)]
    weights = [1.0, 0.5, 2.0]
    fused = fuse_ranks(mats, ["a", "b", "c"], rule=rule, weights=weights, k=10)
    for row in range(NUM_QUERY):
        expected = slow([entries_of(mat, row) for mat in mats], weights, rule, 10)
        np.testing.assert_allclose(fused.dist[row], expected, rtol=2e-6, atol=1e-7)
    assert (fused.rows, fused.cols, fused.kind) == (ROWS, COLS, "ranks")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("num", [1, 4])
def test_lists_that_end_against_the_definition(rule: Rule, num: int) -> None:
    mats = [random_mat(seed, steps=2) for seed in range(2)]
    lists = [RankLists.of(mat, num) for mat in mats]
    fused = fuse_ranks(lists, ["a", "b"], rule=rule)
    for row in range(NUM_QUERY):
        expected = slow([entries_of(mat, row, num) for mat in mats], [1, 1], rule, 60)
        np.testing.assert_allclose(fused.dist[row], expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("rule", RULES)
def test_a_list_of_everything_is_a_whole_list(rule: Rule) -> None:
    mat, other = random_mat(0, steps=1), random_mat(1)
    listed = fuse_ranks([RankLists.of(mat, 99), other], ["a", "b"], rule=rule)
    np.testing.assert_allclose(
        listed.dist, fuse_ranks([mat, other], ["a", "b"], rule=rule).dist, rtol=1e-6
    )


@pytest.mark.parametrize("rule", RULES)
def test_one_list_alone_keeps_its_order(rule: Rule) -> None:
    mat = random_mat(3)
    mat.dist[0, :2] = [0.0, -0.0]  # equal, and ordered by column
    order = np.argsort(fuse_ranks([mat], ["a"], rule=rule).dist, axis=1, kind="stable")
    np.testing.assert_array_equal(order, np.argsort(mat.dist, axis=1, kind="stable"))


def test_lists_of_unlike_lengths_and_empty_ones() -> None:
    idx = np.array([[2, 0, -1], [-1, -1, -1], [1, -1, -1], [0, 1, 2]])
    dist = np.array([[1, 2, np.nan], [np.nan] * 3, [4, 0, 0], [1, 1, 1]], dtype=np.float32)
    lists = RankLists(idx, dist, ROWS, COLS)
    reciprocal = fuse_ranks([lists], ["a"]).dist
    np.testing.assert_allclose(reciprocal[0, :3], [-1 / 62, 0, -1 / 61])
    assert not reciprocal[1].any()
    np.testing.assert_allclose(fuse_ranks([lists], ["a"], rule="borda").dist[0, :3], [2, 6, 1])
    np.testing.assert_array_equal(fuse_ranks([lists], ["a"], rule="borda").dist[1], 5)
    np.testing.assert_allclose(fuse_ranks([lists], ["a"], rule="minmax").dist[0, :3], [1, 1, 0])
    z = fuse_ranks([lists], ["a"], rule="z").dist
    np.testing.assert_allclose(z[:, 0], [1, 1, 1, 0])
    np.testing.assert_allclose(z[:, 2], [-1, 1, 1, 0])


def test_blocks_of_rows_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    mats = [random_mat(0), random_mat(1)]
    whole = [fuse_ranks(mats, ["a", "b"], rule=rule).dist for rule in RULES]
    monkeypatch.setattr("vreid.rank_fusion._BLOCK_VALUES", 1)
    for rule, dist in zip(RULES, whole, strict=True):
        np.testing.assert_array_equal(fuse_ranks(mats, ["a", "b"], rule=rule).dist, dist)


def test_square_distances_give_their_query_gallery_part() -> None:
    names = tuple("abcde")
    dist = np.random.default_rng(0).random((5, 5)).astype(np.float32)
    square = DistMat(dist, names, names, num_query=2)
    fused = fuse_ranks([square], ["a"], rule="borda")
    assert (fused.rows, fused.cols, fused.square) == (names[:2], names[2:], False)


def test_what_was_fused_is_recorded() -> None:
    parts: list[DistMat | RankLists] = [random_mat(0), RankLists.of(random_mat(1), 5)]
    fused = fuse_ranks(parts, ["a", "b"], weights=[1, 0.5])
    assert fused.sources["ranks"] == {"rule": "reciprocal", "k": 60.0}
    assert fused.sources["fused"] == [
        {"label": "a", "weight": 1, "kind": "sqeuclidean", "sources": {"seed": 0}},
        {"label": "b", "weight": 0.5, "kind": "top 5", "sources": {"seed": 1}},
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "mean"}, "rule is 'mean'; choose one of reciprocal, borda, minmax, z"),
        ({"weights": [1, -1]}, "the weight of b is -1; expected a number, at least 0"),
        ({"weights": [0, 0]}, "all weights are 0"),
        ({"k": -1}, "k is -1; expected a number, at least 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fuse_ranks([random_mat(0), random_mat(1)], ["a", "b"], **options)


def test_nothing_and_other_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to fuse"):
        fuse_ranks([], [])
    mat = random_mat(0)
    other = DistMat(mat.dist, ROWS, (*COLS[:-1], "x"))
    with pytest.raises(DataError, match="cannot fuse a with b: gallery differs at column 8: g8"):
        fuse_ranks([mat, other], ["a", "b"], weights=[1, 0])
    short = DistMat(mat.dist[:2], ROWS[:2], COLS)
    with pytest.raises(DataError, match="cannot fuse a with b: query has 4 and 2 names"):
        fuse_ranks([mat, short], ["a", "b"])


@pytest.mark.parametrize(
    ("idx", "dist", "message"),
    [
        ([[0, 9]], [[0, 1]], r"the list of q0 \(row 0\) names a column outside the gallery"),
        ([[0, -2]], [[0, 1]], "names a column outside"),
        ([[-1, 1]], [[0, 1]], "goes on after its end"),
        ([[1, 1]], [[0, 1]], "names a column twice"),
        ([[0, 1]], [[0, math.nan]], "holds NaN or infinity"),
        ([[0, 1]], [[2, 1]], "is not in the order of its distances"),
        ([[0, 1]], [[2]], "expected one row a query in both"),
    ],
)
def test_lists_are_checked(idx: list[list[int]], dist: list[list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        RankLists(np.array(idx), np.array(dist, dtype=np.float32), ROWS[:1], COLS)
