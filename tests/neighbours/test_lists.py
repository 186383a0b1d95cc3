"""Candidate lists: what they must keep, what they may drop, and when they give up."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.rerank.oracle import Wide
from vreid.neighbours.lists import limit_of, scan_cols, scan_rows, tighten_rows
from vreid.neighbours.side import Side, empty_side

TYPES = (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("seed", range(4))
def test_a_limit_keeps_the_k_smallest_and_few_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for size in (1, 2, 3, 7, 64, 500):
        values = rng.integers(-5, 5, size).astype(np.float32)
        if seed % 2:
            values = rng.normal(size=size).astype(np.float32)
        for k in {1, size, (size + 1) // 2}:
            limit = limit_of(values, k)
            assert limit >= np.sort(values)[k - 1]
            if seed % 2:  # no ties
                assert np.count_nonzero(values <= limit) <= max(1.25 * k, k + 2)


def tile_of(rough: torch.Tensor) -> npt.NDArray[Any]:
    kind = torch.int16 if rough.dtype == torch.bfloat16 else torch.int32
    return np.asarray(rough.view(kind).numpy())


def sides(num: int, k: int, room: int, error: float, dtype: torch.dtype) -> tuple[Side, Side]:
    shift, out_error = (16, 2**-8 * 1.01) if dtype == torch.bfloat16 else (0, 2**-24 * 1.01)
    errors = np.full(num, error)
    shared = (errors, out_error, shift, 0.0)
    near = empty_side(np.full(num, k), np.full(num, room), 1.0, *shared)
    return near, empty_side(np.ones(num, dtype=int), np.full(num, room), -1.0, *shared)


def members(side: Side, row: int) -> set[int]:
    first = side.indptr[row]
    listed = side.idx[first : first + side.used[row]].tolist()
    assert len(set(listed)) == len(listed)
    return set(listed)


def made(
    seed: int, shape: tuple[int, int], error: float, dtype: torch.dtype
) -> tuple[Wide, torch.Tensor]:
    """True values around zero, and rough ones that are off by as much as they may."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=shape) + rng.choice([-2, 0, 2])
    true[:, ::7] = 0.0
    true[:, 1::7] = np.round(true[:, 1::7])
    off = true + error * rng.choice([-1, -0.5, 0, 0.5, 1], shape)
    return true, torch.from_numpy(off).float().to(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("error", [1e-6, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_rows_keep_all_that_may_be_among_the_nearest_and_the_farthest(
    dtype: torch.dtype, error: float, seed: int
) -> None:
    true, rough = made(seed, (30, 500), error * 0.99, dtype)
    near, far = sides(40, 9, 150, error, dtype)
    for first in (300, 0, 75):  # blocks of any width, in any order
        last = {300: 500, 0: 75, 75: 300}[first]
        scan_rows(tile_of(rough[:, first:last].contiguous()), near, far, 10, first)
    for side in (near, far):
        tighten_rows(side, 0, 40)
    for row in range(30):
        nearest, farthest = members(near, 10 + row), members(far, 10 + row)
        order = np.sort(true[row])
        assert set(np.flatnonzero(true[row] <= order[8])) <= nearest
        assert int(true[row].argmax()) in farthest
        assert max(len(nearest), len(farthest)) < 150
    assert (near.used[:10] == 0).all()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("seed", range(3))
def test_columns_are_rows_of_the_transposed_tile(dtype: torch.dtype, seed: int) -> None:
    _, rough = made(seed, (70, 600), 0.01, dtype)
    by_cols, by_rows = sides(605, 5, 60, 0.01, dtype), sides(605, 5, 60, 0.01, dtype)
    scan_cols(tile_of(rough), *by_cols, 100, 5)
    scan_rows(tile_of(rough.t().contiguous()), *by_rows, 5, 100)
    for ours, theirs in zip(by_cols, by_rows, strict=True):
        tighten_rows(ours, 0, 605)
        tighten_rows(theirs, 0, 605)
        for row in range(605):
            assert members(ours, row) == members(theirs, row)
    assert members(by_cols[0], 5) <= set(range(100, 170))


@pytest.mark.parametrize("dtype", TYPES)
def test_a_list_that_overflows_says_so_and_others_go_on(dtype: torch.dtype) -> None:
    true, rough = made(0, (4, 400), 0.0, dtype)
    rough[2] = 1.5  # 400 images that cannot be told apart
    near, far = sides(4, 5, 60, 1e-3, dtype)
    scan_rows(tile_of(rough), near, far, 0, 0)
    assert near.full().tolist() == [False, False, True, False]
    assert far.full()[2]
    assert set(np.argsort(true[1])[:5]) <= members(near, 1)


def test_a_list_with_room_for_all_never_overflows() -> None:
    near, far = sides(1, 5, 400, 1e-3, torch.float32)
    scan_rows(tile_of(torch.ones(1, 400)), near, far, 0, 0)
    assert not near.full().any()
    assert members(near, 0) == members(far, 0) == set(range(400))


def test_tightening_drops_only_what_lies_beyond_the_bounds() -> None:
    near, far = sides(1, 2, 10, 0.5, torch.float32)
    values = torch.tensor([[1.0, 2.0, 2.9, 3.1, 9.0, -1.0]])
    scan_rows(tile_of(values), near, far, 0, 0)
    tighten_rows(near, 0, 1)
    # The second is 1.0 +- 0.5: at most 1.5, and whoever is below 2.0 may be below that.
    assert members(near, 0) == {0, 1, 5}
    assert near.reach[0] == pytest.approx(2.0, abs=1e-6)
    before = near.used.copy()
    tighten_rows(near, 0, 1)
    np.testing.assert_array_equal(near.used, before)


@pytest.mark.parametrize(
    ("rough", "kept"),
    [
        ([256.0, 258.0, 260.0], {0, 1}),  # at most 257, and 258 may be 257
        ([-256.0, -254.0, -252.0], {0, 1}),  # at most -255, and -254 may be -255
        ([0.0, 2**-30, -(2**-30)], {2}),  # what is rounded relative to itself keeps its sign
    ],
)
def test_rounding_to_the_products_type_is_allowed_for_on_both_sides(
    rough: list[float], kept: set[int]
) -> None:
    near, far = sides(1, 1, 8, 0.0, torch.bfloat16)
    scan_rows(tile_of(torch.tensor([rough]).bfloat16()), near, far, 0, 0)
    tighten_rows(near, 0, 1)
    assert members(near, 0) == kept


def test_fewer_values_than_wanted_are_all_kept() -> None:
    near, far = sides(1, 9, 20, 0.0, torch.float32)
    scan_rows(tile_of(torch.tensor([[5.0, -3.0]])), near, far, 0, 7)
    tighten_rows(near, 0, 1)
    assert members(near, 0) == {7, 8}


def test_zero_of_either_sign_is_one_number() -> None:
    near, far = sides(1, 1, 8, 0.0, torch.float32)
    scan_rows(tile_of(torch.tensor([[0.0, -0.0]])), near, far, 0, 0)
    scan_rows(tile_of(torch.tensor([[-0.0, 0.0]])), near, far, 0, 2)
    tighten_rows(near, 0, 1)
    assert members(near, 0) == members(far, 0) == {0, 1, 2, 3}


def test_consecutive_lists_share_their_memory() -> None:
    near, far = sides(5, 2, 4, 0.0, torch.float32)
    part = near.rows(slice(2, 4))
    scan_rows(tile_of(torch.tensor([[3.0, 1.0], [2.0, 8.0]])), part, far.rows(slice(2, 4)), 0, 0)
    assert near.used.tolist() == [0, 0, 2, 2, 0]
    assert members(near, 3) == {0, 1}
