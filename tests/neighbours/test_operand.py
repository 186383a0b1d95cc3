"""The proof of the search: no rough value is farther from the truth than its bound says."""

import numpy as np
import pytest
import torch

from tests.neighbours.made import KINDS, fused, of_kind
from tests.rerank.oracle import Wide, squared
from vreid import product
from vreid.neighbours import operand
from vreid.neighbours.operand import Operand, make_operand, padded_width
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets

TYPES = (torch.bfloat16, torch.float32)
NUM, NUM_QUERY = 220, 50


def rough_values(made: Operand) -> Wide:
    """(N, N) products, as the passes make them."""
    rows = made.right(0, made.feats.num_all)
    return (made.left(rows) @ rows.t()).double().numpy()


def bounds(made: Operand, rough: Wide) -> Wide:
    """(N, N) what the search allows for."""
    return made.error(made.bounds)[:, None] + made.out_error * np.abs(rough)


def check_bound(made: Operand, square: Wide) -> None:
    rough = rough_values(made)
    error = np.abs(rough - (square / 2 - made.origin))
    assert (error <= bounds(made, rough)).all()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_holds_for_every_pair(kind: str, dtype: torch.dtype) -> None:
    feats = of_kind(kind, NUM, dim=130)
    square = squared(feats)
    for origin in (0.0, float(np.median(square)) / 2):
        made = make_operand(
            feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:]), dtype, origin=origin
        )
        check_bound(made, square)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("weights", [(1.0, -0.1, -0.1), (-2.0, 0.5, 1e-3)])
def test_the_bound_holds_for_weights_of_both_signs(
    weights: tuple[float, ...], dtype: torch.dtype
) -> None:
    kinds = ("offset", "copies", "lengths")
    parts = [
        (of_kind(kind, NUM, dim=dim), weight)
        for kind, dim, weight in zip(kinds, (40, 9, 3), weights, strict=True)
    ]
    sets = FeatureSets(
        tuple(FeatureSet(feats[:NUM_QUERY], feats[NUM_QUERY:], weight) for feats, weight in parts)
    )
    square = fused(parts)
    check_bound(make_operand(sets, dtype, origin=float(np.quantile(square, 0.1)) / 2), square)


def test_the_bound_holds_for_worst_roundings() -> None:
    # Half-way between two bfloat16 numbers, all rounded the same way: errors add up.
    feats = np.full((64, 500), 1 + 2**-8 + 2**-12, dtype=np.float32)
    feats[::2] *= -1
    check_bound(make_operand(feature_sets(feats[:9], feats[9:]), torch.bfloat16), squared(feats))


@pytest.mark.parametrize("kind", ["clustered", "offset"])
def test_the_bound_is_narrow_enough_to_be_of_use(kind: str) -> None:
    feats = of_kind(kind, NUM, dim=130)
    made = make_operand(feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:]), torch.bfloat16)
    typical = float(np.median(squared(feats))) / 2
    assert made.error(made.bounds).max() < 0.03 * typical


def test_the_bound_of_a_row_covers_the_longest_other() -> None:
    feats = of_kind("lengths", NUM)
    made = make_operand(feature_sets(feats[:NUM_QUERY], feats[NUM_QUERY:]), torch.bfloat16)
    every = made.error(made.bounds)
    rows = np.array([3, 200])
    np.testing.assert_array_equal(made.error(made.bounds.take(rows)), every[rows])
    assert (every >= made.bounds.residual * made.bounds.norm.max()).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_are_the_same_whether_they_are_kept_or_not(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operand, "_ROUNDED", 37 * 64)
    feats = of_kind("offset", 100)
    sets = feature_sets(feats[:30], feats[30:])
    kept = make_operand(sets, dtype, origin=2.0)
    fresh = make_operand(sets, dtype, origin=2.0, stored=False)
    assert fresh.stored is None
    for name in ("norm", "residual", "half"):
        np.testing.assert_array_equal(getattr(fresh.bounds, name), getattr(kept.bounds, name))
    for start, stop in ((0, 100), (29, 31), (0, 5), (60, 100)):
        assert torch.equal(fresh.right(start, stop), kept.right(start, stop))


def test_widths_leave_room_for_the_halves_and_the_ones() -> None:
    for width, padded in ((1, 32), (26, 32), (27, 64), (2048, 2080)):
        feats = np.zeros((3, width), dtype=np.float32)
        assert padded_width(feature_sets(feats[:1], feats[1:])) == padded
    assert make_operand(feature_sets(feats[:1], feats[1:]), torch.float32).right(0, 3).shape == (
        3,
        2080,
    )


def test_errors_grow_with_the_sum_and_the_type() -> None:
    feats = of_kind("random", 60)
    sets = feature_sets(feats[:9], feats[9:])
    coarse, fine = (make_operand(sets, dtype) for dtype in TYPES)
    assert coarse.out_error == pytest.approx(2**-8, rel=0.02)
    assert fine.out_error == pytest.approx(2**-24, rel=0.02)
    assert coarse.sum_error >= product.sum_error(padded_width(sets))
    assert fine.error(fine.bounds).max() < 0.01 * coarse.error(coarse.bounds).max()
