"""What an ablation found: means and spreads over seeds, and differences paired by seed.

A variant and the base of the same seed share the order of the images and the start of the weights
where their networks are alike, so that the difference of such a pair varies less than two scores
that have nothing in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from scipy.special import stdtrit

from scripts.ablation_plan import BASE, Mode
from scripts.measure import Cost
from vreid.errors import DataError
from vreid.scores import Scores

LEVEL = 0.95  # of the confidence intervals
FEWEST = 3  # seeds that an interval is computed from
RANK_1 = "rank-1"


@dataclass(frozen=True)
class Outcome:
    """One training that was measured.

    Attributes:
        scores: Of the test part, with their protocol.
        parameters: Of the whole network, the classifier included.
        cost: None where it is not known.
    """

    variant: str
    seed: int
    scores: Scores
    parameters: int
    cost: Cost | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; scores are fractions."""
        return {
            "variant": self.variant,
            "seed": self.seed,
            "scores": self.scores.as_dict(),
            "parameters": self.parameters,
            "cost": None if self.cost is None else vars(self.cost),
        }


@dataclass(frozen=True)
class Failure:
    """One training that failed, and the sentence it said."""

    variant: str
    seed: int
    sentence: str


@dataclass(frozen=True)
class Spread:
    """Values over seeds: mean, and standard deviation (divided by their number - 1) from two on."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class Difference:
    """Paired differences.

    Attributes:
        by_seed: The difference of each seed that both have.
        mean: Their mean.
        low, high: The ends of ``kind``.
        kind: ``interval``, the 95 % t-interval of the mean, from three seeds on; ``range``, the
            least and the largest of two; ``single`` of one.
    """

    by_seed: Mapping[int, float]
    mean: float
    low: float
    high: float
    kind: str


@dataclass(frozen=True)
class Row:
    """All seeds of a variant together.

    Attributes:
        outcomes: In the order of the seeds; at least one.
        scores: Mean and spread by the name of the score: the headline and rank-1.
        differences: To the base by the name of the score; empty without a seed in common, and for
            the base itself.
    """

    variant: str
    outcomes: tuple[Outcome, ...]
    scores: Mapping[str, Spread]
    differences: Mapping[str, Difference]

    @property
    def costs(self) -> list[Cost]:
        """The costs that are known."""
        return [one.cost for one in self.outcomes if one.cost is not None]

    def cost(self, name: str) -> float | None:
        """The median over the seeds of one field of `Cost`; None where no seed's is known."""
        return median(getattr(cost, name) for cost in self.costs) if self.costs else None


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of at least one value.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, std=1.0)
    >>> spread([1.0])
    Spread(mean=1.0, std=None)
    """
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def difference(
    values: Mapping[int, float], base: Mapping[int, float], *, mode: Mode
) -> Difference | None:
    """What an ingredient brings, paired by seed; positive is good in both modes.

    Args:
        values: A score of the variant by seed.
        base: The same of the base.
        mode: ``on``: variant - base. ``off``, where the base has the ingredient: base - variant.

    Returns:
        None when they have no seed in common.
    """
    sign = 1 if mode == "on" else -1
    found = {seed: sign * (values[seed] - base[seed]) for seed in sorted({*values} & {*base})}
    if not found:
        return None
    mean, std = fmean(found.values()), spread(list(found.values())).std
    if std is not None and len(found) >= FEWEST:
        half = float(stdtrit(len(found) - 1, (1 + LEVEL) / 2)) * std / len(found) ** 0.5
        return Difference(found, mean, mean - half, mean + half, "interval")
    kind = "single" if len(found) == 1 else "range"
    return Difference(found, mean, min(found.values()), max(found.values()), kind)


def headline_name(scores: Scores) -> str:
    """The name of the number the protocol compares systems by."""
    return "mAP" if scores.map_at_k is None else f"mAP@{scores.protocol.top_k}"


def protocol_of(outcomes: Sequence[Outcome]) -> str:
    """The line of the one protocol that all were measured by.

    Raises:
        DataError: When they have several.
    """
    lines = sorted({str(one.scores.protocol) for one in outcomes})
    if len(lines) != 1:
        raise DataError(f"scores of {len(lines)} protocols cannot be compared: {' | '.join(lines)}")
    return lines[0]


def make_rows(outcomes: Sequence[Outcome], variants: Sequence[str], *, mode: Mode) -> list[Row]:
    """A row for each variant that has an outcome, in the order of ``variants``."""
    groups = {
        name: tuple(
            sorted((one for one in outcomes if one.variant == name), key=lambda one: one.seed)
        )
        for name in variants
    }
    base = _by_score(groups.get(BASE, ()))
    rows = []
    for name, group in groups.items():
        if not group:
            continue
        scores = _by_score(group)
        against = {} if name == BASE else base
        found = {key: difference(scores[key], against[key], mode=mode) for key in against}
        rows.append(
            Row(
                variant=name,
                outcomes=group,
                scores={key: spread(list(values.values())) for key, values in scores.items()},
                differences={key: value for key, value in found.items() if value is not None},
            )
        )
    return rows


def _by_score(outcomes: Sequence[Outcome]) -> dict[str, dict[int, float]]:
    """Name of the score -> seed -> fraction."""
    if not outcomes:
        return {}
    name = headline_name(outcomes[0].scores)
    return {
        name: {one.seed: one.scores.headline for one in outcomes},
        RANK_1: {one.seed: one.scores.rank(1) for one in outcomes},
    }
