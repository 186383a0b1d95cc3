"""Scores of pairs: does a distance alone tell whether two images show one vehicle?

Ranked lists compare distances of one query; an alarm or a gallery that grows compares them with one
threshold for all queries. The area under the ROC curve (AUC) and the share of true pairs found at a
given rate of false ones (TPR@FPR) measure that. Every pair of a query and a gallery image that is
not junk counts once. Exact, ties by halves in the AUC; the pairs are never held together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.counting import DistArray
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.protocol import Protocol
from vreid.relevance import Relevance

FALSE_RATES = (1e-4, 1e-3, 1e-2)
BLOCK_VALUES = 1 << 22  # distances worked on at a time


@dataclass(frozen=True)
class PairScores:
    """The scores of all pairs, fractions in [0, 1].

    Attributes:
        protocol: Says which pairs are junk.
        auc: Probability that a true pair is nearer than a false one; ties count half.
        tpr: Rate of false pairs -> largest share of true pairs that a threshold accepts while it
            accepts no more than that share of the false ones.
        num_true, num_false: Pairs of one vehicle and of two.
    """

    protocol: Protocol
    auc: float
    tpr: Mapping[float, float]
    num_true: int
    num_false: int

    def fractions(self) -> dict[str, float]:
        """The scores by the names they are printed under."""
        return {"AUC": self.auc, **{f"TPR@{rate:g}": value for rate, value in self.tpr.items()}}

    def rule(self) -> str:
        """The rules in one line."""
        return (
            f"{self.protocol.name} pairs: {self.num_true} true and {self.num_false} false pairs of"
            f" a query and a gallery {self.protocol.unit}; {self.protocol.junk_rule};"
            " TPR@x accepts at most the share x of the false pairs"
        )

    def as_dict(self) -> dict[str, Any]:
        """Scores, counts and the rules as one flat dictionary for JSON."""
        counts = {"num_true": self.num_true, "num_false": self.num_false}
        return {**self.fractions(), **counts, "protocol": self.rule()}

    def table(self) -> str:
        """Scores in per cent, one a line, with the rules below them."""
        lines = [f"{name:<10}{100 * value:7.2f} %" for name, value in self.fractions().items()]
        return "\n".join([*lines, self.rule()])


def score_pairs(
    blocks: Callable[[], Iterable[DistArray]],
    relevance: Relevance,
    *,
    rates: Sequence[float] = FALSE_RATES,
) -> PairScores:
    """Score all pairs of a query and a gallery image.

    Args:
        blocks: Called twice; gives consecutive rows of the (Q, G) distances, (B, G) at a time.
        relevance: Identities, cameras and the rules.
        rates: Rates of false pairs, in (0, 1].

    Raises:
        ConfigError: For a rate out of range.
        DataError: For NaN, for blocks that do not fit, and when there are no true or no false
            pairs.
    """
    if not all(0 < rate <= 1 for rate in rates):
        raise ConfigError(f"the rates of false pairs are {list(rates)}; expected (0, 1]")
    found = [dist[true_mask] for dist, true_mask, _ in _parts(blocks(), relevance)]
    values, counts = np.unique(np.concatenate(found or [np.empty(0)]), return_counts=True)
    nearer = np.zeros(len(values), dtype=np.int64)  # false pairs nearer than each true distance
    accepted = np.zeros(len(values), dtype=np.int64)  # and those at least as near
    num_true, num_false = int(counts.sum()), 0
    for dist, _, false_mask in _parts(blocks(), relevance):
        others = np.sort(dist[false_mask])
        nearer += np.searchsorted(others, values)
        accepted += np.searchsorted(others, values, side="right")
        num_false += len(others)
    if not num_true or not num_false:
        raise DataError(
            f"there are {num_true} true and {num_false} false pairs; scores of pairs need both"
        )
    farther = num_false - (nearer + accepted) / 2  # ties count half
    num_found = np.cumsum(counts)  # true pairs at least as near as each true distance
    return PairScores(
        protocol=relevance.protocol.as_given(),
        auc=float((counts * farther).sum()) / num_true / num_false,
        tpr={rate: _best(num_found, accepted <= rate * num_false) / num_true for rate in rates},
        num_true=num_true,
        num_false=num_false,
    )


def _best(num_found: IntArray, allowed: npt.NDArray[np.bool_]) -> int:
    """The largest number among the allowed ones; 0 where none is."""
    return int(num_found[allowed].max(initial=0))


Part = tuple[DistArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def _parts(blocks: Iterable[DistArray], relevance: Relevance) -> Iterator[Part]:
    """Distances (B, G) of a few queries, which pairs are true and which false."""
    num_query, num_gallery = len(relevance.query_pids), len(relevance.gallery_pids)
    step = max(1, BLOCK_VALUES // max(1, num_gallery))
    start = 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != num_gallery or start + len(block) > num_query:
            raise DataError(
                f"the block from row {start} on has shape {block.shape} for {num_query} queries and"
                f" {num_gallery} gallery images"
            )
        for low in range(0, len(block), step):
            dist = np.asarray(block[low : low + step])
            nan_mask = np.isnan(dist).any(axis=1)
            if nan_mask.any():
                raise DataError(f"distances of query {start + int(nan_mask.argmax())} hold NaN")
            cols, rows, junk_mask = relevance.same_vehicle(slice(start, start + len(dist)))
            true_mask = np.zeros(dist.shape, dtype=np.bool_)
            false_mask = np.ones(dist.shape, dtype=np.bool_)
            true_mask[rows, cols] = ~junk_mask
            false_mask[rows, cols] = False
            yield dist, true_mask, false_mask
            start += len(dist)
    if start != num_query:
        raise DataError(f"the blocks hold {start} rows for {num_query} queries")
