"""Vehicles that pairs of cameras share, counted by hand."""

import numpy as np
import pytest

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.shared_vehicles import count_shared


def test_shared_vehicles_are_counted() -> None:
    pids = np.array([1, 1, 2, 2, 3, 3, 4, UNKNOWN, 5])
    camids = np.array([1, 2, 1, 2, 1, 1, 9, 2, UNKNOWN])
    shared = count_shared(pids, camids)
    assert shared.cameras.tolist() == [1, 2, 9]
    assert shared.counts.tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 1]]
    assert shared.num_vehicles == 4
    assert shared.expected()[0].tolist() == [9 / 4, 6 / 4, 3 / 4]
    assert shared.never(least=0.6) == [(1, 9)]
    assert shared.never(least=0.5) == [(1, 9), (2, 9)]
    with pytest.raises(DataError, match="nothing to learn from"):
        count_shared(np.array([UNKNOWN]), np.array([1]))


def test_two_halves_of_a_city_are_told_apart() -> None:
    """Vehicles see three cameras of their own half: only pairs across the halves are left."""
    rng = np.random.default_rng(0)
    pids = np.repeat(np.arange(200), 3)
    half = (pids % 2) * 4
    camids = half + np.concatenate([rng.permutation(4)[:3] for _ in range(200)])
    expected = [(left, right) for left in range(4) for right in range(4, 8)]
    assert count_shared(pids, camids).never() == expected
