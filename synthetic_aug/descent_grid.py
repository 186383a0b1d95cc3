"""The grid of attribute descent and the way down it; no pictures and no files.

Yao et al., "Simulating Content Consistent Vehicle Datasets with Attribute Descent", ECCV 2020
(arXiv 1912.08855), section 4: each mean in turn is moved to the value of a small grid with which
the rendered set lies nearest to the target, all others held, several times over all means. Here the
descent begins at the renderer's own distributions, a value is taken only where it is nearer than
what there was, and a round that moves nothing ends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from synthetic_aug.city.attributes import MOST_MEANS, Attributes

# Means that are tried; six evenly spread ones of orientation are about uniform.
ORIENTATIONS = tuple(idx * 360 / MOST_MEANS for idx in range(MOST_MEANS))
GRID: dict[str, tuple[float, ...]] = {
    "orientation": ORIENTATIONS,
    "direction": ORIENTATIONS,
    "strength": (0.6, 0.8, 1.25, 1.6),
    "height": (3.0, 5.0, 7.0, 9.0, 11.0),
    "distance": (9.0, 13.0, 17.0, 21.0, 25.0),
}

Judge = Callable[[Sequence[Attributes]], Sequence[float]]


@dataclass(frozen=True)
class Step:
    """One mean moved, or left.

    Attributes:
        round: From 1.
        mean: Which, such as ``height`` or ``orientation 2``.
        tried: Values and their distances.
        dist: Of the best so far, after this step.
        attributes: The best so far.
    """

    round: int
    mean: str
    tried: tuple[tuple[float, float], ...]
    dist: float
    attributes: Attributes


def descend(judge: Judge, *, search: Sequence[str], rounds: int) -> list[Step]:
    """Go down from the renderer's own distributions.

    Args:
        judge: Gives the distances of candidates from the target; smaller is nearer.
        search: Keys of `GRID`, in the order in which they are moved.
        rounds: Over all means, at most.

    Returns:
        The steps; the first, of round 0, is the start.
    """
    best = Attributes()
    dist = judge([best])[0]
    steps = [Step(0, "start", (), dist, best)]
    for number in range(1, rounds + 1):
        before = best
        for name in search:
            for idx in range(MOST_MEANS if name == "orientation" else 1):
                choices = candidates(best, name, idx)
                dists = judge([choice for _, choice in choices])
                tried = tuple((v, d) for (v, _), d in zip(choices, dists, strict=True))
                nearest = min(range(len(choices)), key=lambda k: dists[k])
                if dists[nearest] < dist:
                    dist, best = dists[nearest], choices[nearest][1]
                mean = f"{name} {idx + 1}" if name == "orientation" else name
                steps.append(Step(number, mean, tried, dist, best))
        if best == before:
            break
    return steps


def candidates(best: Attributes, name: str, idx: int) -> list[tuple[float, Attributes]]:
    """The values of the grid that differ from the best so far, each with what it makes of it."""
    choices = []
    for value in GRID[name]:
        if name == "orientation":
            means = best.orientation or ORIENTATIONS
            choice = replace(best, orientation=(*means[:idx], value, *means[idx + 1 :]))
        else:
            choice = _moved(best, name, value)
        if choice != best:
            choices.append((value, choice))
    return choices


def _moved(best: Attributes, name: str, value: float) -> Attributes:
    """One of the single means moved."""
    moves = {
        "direction": lambda: replace(best, direction=value),
        "strength": lambda: replace(best, strength=value),
        "height": lambda: replace(best, height=value),
        "distance": lambda: replace(best, distance=value),
    }
    return moves[name]()
