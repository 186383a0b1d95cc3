"""Scores of a ranking: CMC, AP and mAP, mAP@K and mINP, always together with their protocol.

AP is the area below precision over recall, in steps or trapezoids (see `vreid.protocol`); mINP is
from Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook", TPAMI 2022,
arXiv:2001.04193.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.features import IntArray
from vreid.protocol import Protocol

FloatsArray = npt.NDArray[np.float64]

MAX_RANK = 100  # length of the CMC curve
SHOWN_RANKS = (1, 5, 10)


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of Q queries. All are fractions in [0, 1]; queries without a match do not count.

    Attributes:
        protocol: The rules they were computed by.
        map: Mean AP over the lists as given: the whole ranking, or what was submitted of it.
        map_at_k: Mean AP over the first K entries; None when the protocol has no K.
        minp: Mean inverse negative penalty; None when lists were cut off, which hides the last hit.
        cmc: (R,) float64; ``cmc[k - 1]`` is the share of queries with a match in the first k.
        ap: (Q,) float64, AP of each query, AP@K when the protocol has a K; NaN for skipped ones.
        num_query: Queries, the skipped ones included.
        num_skipped: Queries without a match in the gallery.
        num_gallery: Gallery images.
        list_length: Length of the longest list when lists were cut off, else None.
        stds: Standard deviation of the scores over the draws, by the names of `fractions`; empty
            where nothing was drawn.
        first: (Q,) float64, rank of each query's first match, from 0; infinite where the list has
            none, NaN for skipped queries.
    """

    protocol: Protocol
    map: float
    map_at_k: float | None
    minp: float | None
    cmc: npt.NDArray[np.float64]
    ap: npt.NDArray[np.float64]
    num_query: int
    num_skipped: int
    num_gallery: int
    list_length: int | None = None
    stds: Mapping[str, float] = field(default_factory=dict)
    first: FloatsArray = field(default_factory=lambda: np.empty(0))

    @property
    def headline(self) -> float:
        """The number the protocol compares systems by: mAP@K when it has a K, else mAP."""
        return self.map if self.map_at_k is None else self.map_at_k

    def rank(self, k: int) -> float:
        """Rank-k: the share of queries with a match among the first k entries, k >= 1."""
        return float(self.cmc[min(k, len(self.cmc)) - 1])

    def rank_1_hits(self) -> FloatsArray:
        """(Q,) float64: 1 for a query whose first entry is a match, else 0; NaN for skipped ones.

        Their mean is rank-1, as that of ``ap`` is the headline.
        """
        return np.where(np.isnan(self.first), np.nan, (self.first == 0).astype(np.float64))

    def fractions(self) -> dict[str, float]:
        """The scores by the names they are printed under."""
        values = {f"mAP@{self.protocol.top_k}": self.map_at_k, "mAP": self.map, "mINP": self.minp}
        values |= {f"rank-{k}": self.rank(k) for k in SHOWN_RANKS}
        return {name: value for name, value in values.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Scores, counts and the protocol as one flat dictionary for JSON."""
        return {
            **self.fractions(),
            **{f"{name} std": value for name, value in self.stds.items()},
            "num_query": self.num_query,
            "num_skipped": self.num_skipped,
            "num_gallery": self.num_gallery,
            "list_length": self.list_length,
            "k": self.protocol.top_k,
            "denominator": self.protocol.denominator,
            "junk": self.protocol.junk,
            "protocol": str(self.protocol),
        }

    def table(self) -> str:
        """Scores in per cent, one a line, with the counts and the protocol line below them."""
        cut = "" if self.list_length is None else f"  of the {self.list_length} listed entries only"
        lines = [
            f"{name:<9}{100 * value:7.2f} %" + self._spread(name) + (cut if name == "mAP" else "")
            for name, value in self.fractions().items()
        ]
        counts = f"{self.num_query:7d}, {self.num_skipped} without a match skipped"
        counts = f"{'queries':<9}{counts}; gallery {self.num_gallery}"
        return "\n".join([*lines, counts, str(self.protocol)])

    def _spread(self, name: str) -> str:
        return f" ± {100 * self.stds[name]:.2f}" if name in self.stds else ""


def score_hits(
    ranks: IntArray, rows: IntArray, num_relevant: IntArray, protocol: Protocol
) -> npt.NDArray[np.float64]:
    """AP and its kin of some queries.

    Args:
        ranks: (S,) rank of each hit, from 0, junk left out; ascending within a query.
        rows: (S,) which query it belongs to, from 0, ascending.
        num_relevant: (B,) gallery images of each query's vehicle without junk, listed or not.
        protocol: The rules.

    Returns:
        (B, 4) float64: AP, AP@K (AP again when the protocol has no K), INP, and the rank of the
        first hit, from 0, infinite when there is no hit. NaN for a query without a match.
    """
    num_query = len(num_relevant)
    num_hits = np.bincount(rows, minlength=num_query)  # (B,)
    ends = np.cumsum(num_hits)
    ordinals = np.arange(1, len(ranks) + 1) - (ends - num_hits)[rows]  # (S,), from 1
    precisions = _precisions(ordinals, ranks, protocol)
    columns = np.full((num_query, 4), np.nan)
    relevant, found = num_relevant > 0, num_hits > 0
    columns[relevant] = (0.0, 0.0, 0.0, np.inf)
    total = np.bincount(rows, weights=precisions, minlength=num_query)
    columns[found, 0] = columns[found, 1] = total[found] / num_relevant[found]
    if protocol.top_k is not None:
        most = num_relevant
        if protocol.denominator == "min":
            most = np.minimum(protocol.top_k, num_relevant)
        heads = np.where(ranks < protocol.top_k, precisions, 0.0)
        total = np.bincount(rows, weights=heads, minlength=num_query)
        columns[found, 1] = total[found] / most[found]
    columns[found, 2] = num_relevant[found] / (ranks[ends[found] - 1] + 1)
    columns[found, 3] = ranks[(ends - num_hits)[found]]
    return columns


def _precisions(ordinals: IntArray, ranks: IntArray, protocol: Protocol) -> FloatsArray:
    """(S,) what each hit adds to the area, before it is divided by the number of matches.

    Args:
        ordinals: (S,) how many hits there are up to each, from 1.
        ranks: (S,) their ranks, from 0.
        protocol: Says which curve.
    """
    at_hit = ordinals / (ranks + 1)
    if protocol.curve == "step":
        return at_hit
    before = np.where(ranks > 0, (ordinals - 1) / np.maximum(ranks, 1), 1.0)
    return (before + at_hit) / 2


def summarize(
    columns: npt.NDArray[np.float64],
    protocol: Protocol,
    *,
    num_gallery: int,
    list_length: int | None = None,
) -> Scores:
    """The means over all queries.

    Args:
        columns: (Q, 4) of `score_hits`.
        protocol: The rules.
        num_gallery: Gallery images.
        list_length: Length of the longest list when lists were cut off, else None.

    Raises:
        DataError: When no query has a match.
    """
    num_query, complete = len(columns), list_length is None
    scored = columns[~np.isnan(columns[:, 0])]
    if not len(scored):
        raise DataError(
            f"none of the {num_query} queries has a match among the {num_gallery} gallery images;"
            " do both sides name their vehicles alike?"
        )
    length = max(1, min(MAX_RANK, num_gallery if list_length is None else list_length))
    found = scored[:, 3][scored[:, 3] < length].astype(np.int64)
    at_k = protocol.top_k is not None
    return Scores(
        protocol=protocol.as_given(),
        map=float(scored[:, 0].mean()),
        map_at_k=float(scored[:, 1].mean()) if at_k else None,
        minp=float(scored[:, 2].mean()) if complete else None,
        cmc=np.cumsum(np.bincount(found, minlength=length)) / len(scored),
        ap=columns[:, 1 if at_k else 0],
        num_query=num_query,
        num_skipped=num_query - len(scored),
        num_gallery=num_gallery,
        list_length=list_length,
        first=columns[:, 3],
    )


def mean_scores(draws: Sequence[Scores], protocol: Protocol) -> Scores:
    """The mean over draws of query and gallery, with its spread.

    Args:
        draws: The scores of each draw, at least one.
        protocol: The rules, with the draws.

    Returns:
        Means; ``stds`` are the standard deviations of the draws (divided by their number - 1; 0
        for a single draw), ``ap`` and ``first`` hold the queries of one draw after those of
        another, and the counts are those of the first draw.
    """
    first = draws[0]
    rows = np.array([list(one.fractions().values()) for one in draws])  # (draws, scores)
    spread = rows.std(axis=0, ddof=1) if len(draws) > 1 else np.zeros(rows.shape[1])
    length = min(len(one.cmc) for one in draws)
    return Scores(
        protocol=protocol,
        map=float(np.mean([one.map for one in draws])),
        map_at_k=_mean([one.map_at_k for one in draws]),
        minp=_mean([one.minp for one in draws]),
        cmc=np.mean([one.cmc[:length] for one in draws], axis=0),
        ap=np.concatenate([one.ap for one in draws]),
        num_query=first.num_query,
        num_skipped=first.num_skipped,
        num_gallery=first.num_gallery,
        stds=dict(zip(first.fractions(), spread.tolist(), strict=True)),
        first=np.concatenate([one.first for one in draws]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
