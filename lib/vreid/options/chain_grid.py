"""The numbers of a chain that are searched for, and the grid of values of each.

The grids span what the literature uses. A number that is 0 in the recipe where 0 means off stays
off: what a chain does is the recipe's choice, how strongly is the search's.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from vreid.coordinate import Point
from vreid.options.chain_distances import Constrain, FuseMembers, Minus, Rerank
from vreid.options.chain_features import (
    Augment,
    Blend,
    Branches,
    Expand,
    Smooth,
    Stage,
    SubtractCameras,
    Tracklets,
    WhitenCameras,
)
from vreid.options.check import require

_SUBTRACTED = (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
GRIDS: dict[type[Stage], dict[str, tuple[float, ...]]] = {
    WhitenCameras: {"la": (0.02, 0.05, 0.1, 0.18, 0.3, 0.6, 1.0, 2.0)},
    SubtractCameras: {"alpha": (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)},
    Augment: {"k": (1, 2, 3, 5, 8, 12), "alpha": (0.0, 1.0, 2.0, 3.0, 5.0)},
    Expand: {"k": (1, 2, 3, 4, 6, 8, 12), "alpha": (0.0, 1.0, 2.0, 3.0, 5.0)},
    Smooth: {"eps": (0.001, 0.01, 0.1, 1.0)},
    Blend: {"keep": (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)},
    Tracklets: {"near": (0.2, 0.4, 0.6, 0.8, 1.0), "eps": (0.001, 0.01, 0.1, 1.0)},
    Minus: {"orientation": _SUBTRACTED, "camera": _SUBTRACTED},
    Rerank: {
        "k1": (3, 5, 7, 10, 15, 20, 30, 40, 50, 80),
        "k2": (1, 2, 3, 4, 6, 8, 12),
        "lambda_": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    },
    Constrain: {"punishment": (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3)},
}


@dataclass(frozen=True)
class Knob:
    """One number of a chain.

    Attributes:
        place: Of its stage in the chain, from 1.
        branch: Name of the branch and the place in it, from 1, of a stage inside branches.
        option: Its name; that of a member for the weights of ``fuse_members``.
        title: Its name for people, such as ``4 rerank.k1``.
        default: The recipe's value.
        grid: The values to try, rising, the recipe's among them.
    """

    place: int
    branch: tuple[str, int] | None
    option: str
    title: str
    default: float
    grid: tuple[float, ...]


def find_knobs(chain: Sequence[Stage], members: Sequence[str]) -> list[Knob]:
    """All numbers of a chain that are searched for, in its order.

    Args:
        chain: The stages.
        members: Names of the vehicle models.
    """
    found: list[Knob] = []
    for place, one in enumerate(chain, start=1):
        if isinstance(one, Branches):
            for name, parts in one.of.items():
                for inner, part in enumerate(parts, start=1):
                    found += _of_stage(part, place, (name, inner), f"{place} {name}.{part.stage}")
        elif isinstance(one, FuseMembers) and len(members) > 1:
            for name in members:
                default = one.weights.get(name, 1.0)
                grid = _grid(_WEIGHTS, default)
                title = f"{place} fuse_members.weights.{name}"
                found.append(Knob(place, None, name, title, default, grid))
        else:
            found += _of_stage(one, place, None, f"{place} {one.stage}")
    return found


def _of_stage(one: Stage, place: int, branch: tuple[str, int] | None, title: str) -> list[Knob]:
    found = []
    for option, grid in GRIDS.get(type(one), {}).items():
        default = getattr(one, option)
        if _counts(one, option):
            name = f"{title}.{option.rstrip('_')}"
            found.append(Knob(place, branch, option, name, default, _grid(grid, default)))
    return found


def _counts(one: Stage, option: str) -> bool:
    """Whether a number changes anything in this chain."""
    if isinstance(one, Minus | Constrain):
        return bool(getattr(one, option))
    if isinstance(one, Augment):  # and Expand, which is one
        return option != "alpha" or one.weights == "sim"
    if isinstance(one, Tracklets):
        return one.weights == "queries" or (option == "eps" and one.weights == "distance")
    return True


def _grid(values: Sequence[float], default: float) -> tuple[float, ...]:
    return tuple(sorted({*values, default}))


def with_values(chain: Sequence[Stage], knobs: Sequence[Knob], point: Point) -> tuple[Stage, ...]:
    """The chain with other numbers; a ``minus`` that subtracts nothing is left out.

    Args:
        chain: The stages that the knobs were found in.
        knobs: From `find_knobs`.
        point: A value for each.

    Raises:
        ConfigError: When a stage cannot have these numbers together.
    """
    changes: dict[int, dict[tuple[str, int] | None, dict[str, float]]] = {}
    for knob, value in zip(knobs, point, strict=True):
        changes.setdefault(knob.place, {}).setdefault(knob.branch, {})[knob.option] = value
    stages = []
    for place, one in enumerate(chain, start=1):
        made = _changed(one, changes.get(place, {}))
        if made is not None:
            stages.append(made)
    return tuple(stages)


def _changed(one: Stage, changes: dict[tuple[str, int] | None, dict[str, float]]) -> Stage | None:
    if isinstance(one, Branches):
        of = {
            name: tuple(
                dataclasses.replace(part, **changes.get((name, inner), {}))  # type: ignore[arg-type]
                for inner, part in enumerate(parts, start=1)
            )
            for name, parts in one.of.items()
        }
        return dataclasses.replace(one, of=of)
    values = changes.get(None, {})
    if isinstance(one, FuseMembers) and values:
        require(any(values.values()), "weights", values, "one above 0 is needed")
        return dataclasses.replace(one, weights=values if set(values.values()) != {1.0} else {})
    if isinstance(one, Minus) and not any((one.weights() | values).values()):
        return None
    return dataclasses.replace(one, **values)  # type: ignore[arg-type]
