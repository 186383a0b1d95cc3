"""Draws: test sets in which chance takes one image of each vehicle to one side, again and again.

VehicleID (Liu et al., "Deep Relative Distance Learning: Tell the Difference Between Similar
Vehicles", CVPR 2016) puts one random image of each vehicle into the gallery and searches with all
others, ten times. VRU (Lu et al., Remote Sensing 14(18), 2022) makes that one image the query. The
papers and their followers use an unseeded generator, so that no two programs score the same sets;
here a draw depends on the images' names, their vehicles, the seed and the draw's number only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vreid.errors import ConfigError
from vreid.features import IntArray

Side = Literal["gallery", "query"]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Draws:
    """How query and gallery are drawn from the test images.

    Attributes:
        one_in: The side that gets one random image of each vehicle; the other gets the rest.
        count: How many draws the scores are the mean of.
        seed: Of the generator; None says that the one draw was made elsewhere.
    """

    one_in: Side
    count: int
    seed: int | None = 0

    def __post_init__(self) -> None:
        if self.one_in not in get_args(Side):
            raise ConfigError(f"one_in is {self.one_in!r}; choose one of gallery, query")
        if self.count < 1:
            raise ConfigError(f"the count of draws is {self.count}; expected 1 or more")

    def __str__(self) -> str:
        """The rules in a clause.

        >>> print(Draws("gallery", 10))
        one random image of each vehicle is the gallery, the others search it, mean of 10 draws \
(seed 0)
        """
        sides = {
            "gallery": "one random image of each vehicle is the gallery, the others search it",
            "query": "one random image of each vehicle searches the others",
        }[self.one_in]
        if self.seed is None:
            return f"{sides}, one draw as given"
        number = "one draw" if self.count == 1 else f"mean of {self.count} draws"
        return f"{sides}, {number} (seed {self.seed})"


def draw_one(names: Sequence[str], pids: IntArray, *, seed: int, number: int) -> BoolArray:
    """Choose one image of each vehicle at random.

    The order of the images does not matter, and a draw does not depend on the draws before it.

    Args:
        names: (N,) names of the images, unique.
        pids: (N,) their vehicles.
        seed: Of the generator, at least 0.
        number: Of the draw, from 0.

    Returns:
        (N,) True for the chosen images.
    """
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    shuffled = np.random.default_rng([seed, number]).permutation(by_name)  # (N,) image indices
    _, first = np.unique(pids[shuffled], return_index=True)
    mask = np.zeros(len(names), dtype=np.bool_)
    mask[shuffled[first]] = True
    return mask
