"""Coordinate search on grids, against all points of small ones."""

import itertools

import numpy as np
import pytest

from vreid.coordinate import Point, coordinate_search

GRIDS = [(0.0, 1.0, 2.0), (0.0, 0.5, 1.0, 1.5), (3.0, 4.0)]


@pytest.mark.parametrize("seed", range(5))
def test_a_sum_over_coordinates_is_searched_to_its_top(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = [dict(zip(grid, rng.normal(size=len(grid)), strict=True)) for grid in GRIDS]

    def score(point: Point) -> float:
        return float(sum(one[value] for one, value in zip(table, point, strict=True)))

    found = coordinate_search(GRIDS, (0.0, 0.0, 3.0), score)
    top = max(itertools.product(*GRIDS), key=score)
    assert found.point == top
    assert found.score == score(top)
    assert found.num_tried < 3 * 4 * 2


def test_no_single_step_is_better_than_what_is_found() -> None:
    rng = np.random.default_rng(3)
    values = {point: float(rng.normal()) for point in itertools.product(*GRIDS)}
    seen: list[Point] = []

    def score(point: Point) -> float:
        seen.append(point)
        return values[point]

    found = coordinate_search(GRIDS, (1.0, 0.5, 4.0), score, rounds=20)
    assert len(seen) == len(set(seen)) == found.num_tried
    for place, grid in enumerate(GRIDS):
        for value in grid:
            other = (*found.point[:place], value, *found.point[place + 1 :])
            assert values[other] <= found.score
    assert found.score >= values[1.0, 0.5, 4.0]


def test_equals_stay_near_the_start_and_the_impossible_is_passed_over() -> None:
    flat = coordinate_search(GRIDS, (1.0, 0.7, 3.0), lambda _: 0.5)
    assert flat.point == (1.0, 0.7, 3.0)

    def score(point: Point) -> float:
        return float("-inf") if point[0] == 2 else (1.0 if point[1] != 0.5 else 0.0)

    found = coordinate_search(GRIDS[:2], (1.0, 0.5), score)
    assert found.point in ((1.0, 0.0), (1.0, 1.0))
    assert coordinate_search([], (), lambda _: 2.0).score == 2.0
