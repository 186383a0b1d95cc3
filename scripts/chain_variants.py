"""Which stages of a chain can be turned off to see what they bring, and together with which."""

from collections.abc import Sequence
from dataclasses import dataclass

from vreid.errors import ConfigError
from vreid.options.chain_distances import Average, Distance, Spread
from vreid.options.chain_features import Branches, Stage, Tracklets
from vreid.options.chain_order import check_order

# What undoes a stage goes with it: without tracklets nothing is to be spread.
_UNDONE_BY: dict[type[Stage], type[Stage]] = {Tracklets: Spread, Branches: Average}


@dataclass(frozen=True)
class Variant:
    """A chain without one stage, and without what depends on that.

    Attributes:
        title: The stages that are off, such as ``2 tracklets, 7 spread``.
        places: Where they stand, from 1.
        reason: Why they cannot be turned off; empty when they can.
    """

    title: str
    places: tuple[int, ...]
    reason: str = ""


def variants(chain: Sequence[Stage]) -> list[Variant]:
    """One for each stage of a chain whose order was checked, in its order."""
    found = []
    for place, one in enumerate(chain, start=1):
        if isinstance(one, tuple(_UNDONE_BY.values())):
            continue  # stands in the row of what it undoes
        undo = _UNDONE_BY.get(type(one))
        others = [
            number
            for number, other in enumerate(chain, start=1)
            if undo is not None and isinstance(other, undo)
        ]
        places = (place, *others)
        title = ", ".join(f"{number} {chain[number - 1].stage}" for number in places)
        found.append(Variant(title, places, _why_not(chain, places)))
    return found


def _why_not(chain: Sequence[Stage], places: Sequence[int]) -> str:
    if any(isinstance(chain[place - 1], Distance) for place in places):
        return "cannot be turned off: the stages behind it change distances"
    rest = [one for place, one in enumerate(chain, start=1) if place not in places]
    try:
        check_order(rest)
    except ConfigError as error:
        return f"cannot be turned off: without it, {error}"
    return ""
