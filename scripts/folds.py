"""Searching on one half of the validation vehicles and checking on the other.

Two halves never share a vehicle, and each is searched within itself: what is checked has had no
part in the choice. Where halves are small, one split says little: several are drawn, each is
searched and checked both ways round, and a vehicle's gain is its mean over the splits ("repeated
cross-fitting"). The interval is that of vehicles drawn anew; that the choices of different splits
are not independent it does not know, so it is somewhat too narrow then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scripts.graph.memory import Cache, run_chain
from scripts.validation import Validation
from vreid.bootstrap import Gain, paired_gain
from vreid.coordinate import Found, Point, coordinate_search
from vreid.errors import ConfigError
from vreid.features import IntArray
from vreid.judge import judge_distances
from vreid.options.chain_features import Stage
from vreid.options.chain_grid import Knob, with_values
from vreid.protocol import Protocol
from vreid.scores import Scores

ENOUGH = 40  # vehicles of a half that make a single split do
SPLITS = 5  # where they are fewer


@dataclass(frozen=True, eq=False)
class Part:
    """Some validation vehicles, among which chains are searched and checked.

    Attributes:
        name: For the table.
        data: Their features.
        chain: The recipe's.
        knobs: Its numbers.
        protocol: How lists are scored.
        tick: Called once for each chain that is run.
        cache: What the chain that ran last left behind.
    """

    name: str
    data: Validation
    chain: Sequence[Stage]
    knobs: Sequence[Knob]
    protocol: Protocol
    tick: Callable[[], object]
    cache: Cache = field(default_factory=dict)

    def score(self, point: Point) -> Scores:
        """The scores of the chain with other numbers.

        Raises:
            ConfigError: When a stage cannot have them.
        """
        chain = with_values(self.chain, self.knobs, point)
        self.tick()
        mat = run_chain(
            chain, self.data.members, self.data.classifiers, areas=self.data.areas, cache=self.cache
        )
        query, gallery = self.data.first
        return judge_distances(
            mat,
            pids=np.concatenate([query.pids, gallery.pids]),
            camids=np.concatenate([query.camids, gallery.camids]),
            protocol=self.protocol,
        )

    def search(self, start: Point, *, rounds: int) -> Found:
        """The best numbers for these vehicles."""

        def headline(point: Point) -> float:
            try:
                return self.score(point).headline
            except ConfigError:  # such as members whose weights are all 0
                return float("-inf")

        found = coordinate_search(
            [knob.grid for knob in self.knobs], start, headline, rounds=rounds
        )
        self.cache.clear()
        return found

    def of_vehicles(self, name: str, pids: IntArray) -> "Part":
        """Some of these vehicles as a part of their own."""
        data = self.data.of_vehicles(pids)
        return Part(name, data, self.chain, self.knobs, self.protocol, self.tick)

    def by_vehicle(self, point: Point) -> dict[int, float]:
        """Vehicle -> the mean AP of its queries, without those that have no match."""
        ap, pids = self.score(point).ap, self.data.first[0].pids
        self.cache.clear()
        return {
            int(pid): float(np.mean(values))
            for pid in np.unique(pids)
            if len(values := ap[(pids == pid) & ~np.isnan(ap)])
        }

    def describe(self) -> str:
        """Its sizes in a few words."""
        query, gallery = self.data.first
        return (
            f"{len(np.unique(query.pids))} vehicles, {len(query)} queries, {len(gallery)} gallery"
            " images"
        )


@dataclass(frozen=True)
class Fold:
    """Numbers found on one half and checked on the other.

    Attributes:
        title: Such as ``split 1, A to B``.
        point: The numbers.
        searched: Headline of the recipe's numbers and of these on the half that was searched.
        before: Vehicle of the other half -> its score by the recipe's numbers.
        after: The same by these.
    """

    title: str
    point: Point
    searched: tuple[float, float]
    before: dict[int, float]
    after: dict[int, float]

    @property
    def checked(self) -> tuple[float, float]:
        """Mean score of the other half's vehicles by the recipe's numbers and by these."""
        return float(np.mean([*self.before.values()])), float(np.mean([*self.after.values()]))


def halves(pids: IntArray, *, seed: int, number: int) -> tuple[IntArray, IntArray]:
    """Two halves of the vehicles, each rising; an odd one goes to the second."""
    unique = np.unique(pids)
    order = np.random.default_rng([seed, number]).permutation(unique)
    middle = len(unique) // 2
    return np.sort(order[:middle]), np.sort(order[middle:])


def fit_fold(title: str, ours: Part, other: Part, start: Point, *, rounds: int) -> Fold:
    """Search on one half, check on the other."""
    found = ours.search(start, rounds=rounds)
    searched = ours.score(start).headline, found.score
    return Fold(
        title, found.point, searched, other.by_vehicle(start), other.by_vehicle(found.point)
    )


def gain_of(folds: Sequence[Fold], *, seed: int) -> Gain:
    """The gain on vehicles that had no part in the choice, a vehicle's mean over the folds."""
    vehicles = sorted({pid for fold in folds for pid in fold.before})
    before, after = (
        _means(vehicles, [getattr(fold, side) for fold in folds]) for side in ("before", "after")
    )
    return paired_gain(after, before, seed=seed)


def _means(vehicles: Sequence[int], tables: Sequence[dict[int, float]]) -> npt.NDArray[np.float64]:
    return np.array([np.mean([one[pid] for one in tables if pid in one]) for pid in vehicles])
