"""The pass over all pairs: each once, on any number of threads."""

import numpy as np
import pytest
import torch

from tests.neighbours.made import of_kind, threads
from vreid.neighbours.operand import make_operand
from vreid.neighbours.sets import feature_sets
from vreid.neighbours.side import empty_side
from vreid.neighbours.tiles import Pass, rectangle, symmetric


@pytest.mark.parametrize(("num", "step"), [(10, 3), (9, 3), (1, 4), (8, 8), (7, 100)])
def test_a_symmetric_pass_meets_every_pair_once(num: int, step: int) -> None:
    met = np.zeros((num, num), dtype=int)
    for row, col, both in symmetric(num, step):
        rows, cols = (slice(block * step, (block + 1) * step) for block in (row, col))
        met[rows, cols] += 1
        if both:
            met[cols, rows] += 1
    assert (met == 1).all()


def test_a_symmetric_pass_begins_with_the_diagonal() -> None:
    tasks = symmetric(10, 3)
    assert tasks[:4] == [(block, block, False) for block in range(4)]
    assert len(tasks) == 10


@pytest.mark.parametrize(("rows", "cols", "step"), [(7, 12, 5), (1, 1, 4), (12, 3, 4)])
def test_a_rectangle_is_covered_once(rows: int, cols: int, step: int) -> None:
    met = np.zeros((rows, cols), dtype=int)
    for row, col, both in rectangle(rows, cols, step):
        assert not both
        met[row * step : (row + 1) * step, col * step : (col + 1) * step] += 1
    assert (met == 1).all()


def make_pass(num: int, step: int) -> Pass:
    feats = of_kind("random", num)
    made = make_operand(feature_sets(feats[:5], feats[5:]), torch.float32)
    ones, room = np.ones(num, dtype=int), np.full(num, num)
    near, far = (
        empty_side(ones * 3, room, sign, made.error(made.bounds), made.out_error, 0, 0.0)
        for sign in (1.0, -1.0)
    )
    return Pass(made, (0, num), lambda a, b: made.left(made.right(a, b)), near, far, step)


@pytest.mark.parametrize("num_threads", [1, 2, 4])
def test_every_image_is_offered_to_every_list(num_threads: int) -> None:
    one = make_pass(90, 20)
    one.near.k[:] = 90  # nothing can be dropped
    with threads(num_threads):
        one.run(symmetric(90, 20))
    assert (one.near.used == 90).all()
    assert (np.sort(one.near.idx.reshape(90, 90), axis=1) == np.arange(90)).all()


@pytest.mark.parametrize("num_threads", [1, 3])
def test_progress_grows_to_one(num_threads: int) -> None:
    shares: list[float] = []
    with threads(num_threads):
        make_pass(90, 20).run(symmetric(90, 20), shares.append)
    assert shares == [pytest.approx((at + 1) / 15) for at in range(15)]


@pytest.mark.parametrize("num_threads", [1, 3])
def test_an_error_ends_the_pass(num_threads: int) -> None:
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        raise KeyboardInterrupt

    with threads(num_threads), pytest.raises(KeyboardInterrupt):
        make_pass(90, 10).run(symmetric(90, 10), stop)
    assert len(shares) <= num_threads


def test_threads_are_as_many_as_before() -> None:
    with threads(3):
        make_pass(90, 20).run(symmetric(90, 20))
        assert torch.get_num_threads() == 3
