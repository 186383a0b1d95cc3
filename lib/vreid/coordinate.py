"""Coordinate search: the best values on declared grids, one coordinate at a time.

Every value of a coordinate is tried with the others held, the best is taken, and the coordinates
are gone through again until a whole round changes nothing. There is no chance in it, and far fewer
points are tried than the grid has; the point found cannot be bettered along any one coordinate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Point = tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """The end of a search.

    Attributes:
        point: The values, in the order of the grids.
        score: Theirs; larger is better.
        num_tried: Points that were scored.
    """

    point: Point
    score: float
    num_tried: int


def coordinate_search(
    grids: Sequence[Sequence[float]],
    start: Point,
    score: Callable[[Point], float],
    *,
    rounds: int = 3,
) -> Found:
    """Search for the point of the highest score.

    Corner cases:

    - Among equals the value nearest to the start's is taken, the start itself first.
    - Without coordinates, or with grids of one value, the start is what is found.
    - A point that cannot be has the score minus infinity.

    Args:
        grids: The values of each coordinate; the start's need not be among them.
        start: Where to begin.
        score: Called once for each point that is tried.
        rounds: Most times that all coordinates are gone through, at least 1.

    >>> peak = lambda point: -abs(point[0] - 3) - abs(point[1] - 2)
    >>> coordinate_search([range(6), range(6)], (1, 1), peak).point
    (3, 2)
    """
    scores: dict[Point, float] = {}

    def known(point: Point) -> float:
        if point not in scores:
            scores[point] = score(point)
        return scores[point]

    best = start
    known(start)
    for _ in range(rounds):
        before = best
        for place, grid in enumerate(grids):
            tried = [(*best[:place], value, *best[place + 1 :]) for value in grid]
            tried.sort(key=lambda point: abs(point[place] - start[place]))
            for point in tried:
                if known(point) > known(best):
                    best = point
        if best == before:
            break
    return Found(best, scores[best], len(scores))
