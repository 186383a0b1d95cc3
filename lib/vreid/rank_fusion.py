"""Rank fusion: lists of several searches become one by places or by scaled distances.

Distances of unlike models have unlike scales; places have not. Reciprocal rank fusion (Cormack,
Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009), the Borda count as a mean place (Aslam, Montague, "Models for Metasearch",
SIGIR 2001), and sums of distances scaled for each query (Fox, Shaw, "Combination of Multiple
Searches", TREC-2 1994).

The lists are whole ones (a `DistMat`) or end somewhere (`RankLists`). Places count from 1, equal
distances are ordered by smaller column, here as everywhere. One block of queries is in work at a
time.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray, check_names
from vreid.ranking import nearest

Rule = Literal["reciprocal", "borda", "minmax", "z"]

_BLOCK_VALUES = 1 << 19  # 4 MB of float64 a block of rows
_THREADS = 4

_Double = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RankLists:
    """The nearest gallery images of each query, as far as they are listed.

    Attributes:
        idx: (Q, K) int64 columns, nearest first, each at most once in a row; a list that is shorter
            than K ends with -1.
        dist: (Q, K) float32 distances, finite and not falling; anything where idx is -1.
        rows: (Q,) names of the queries.
        cols: (G,) names of the gallery.
        sources: What went into them.
    """

    idx: IntArray
    dist: FloatArray
    rows: tuple[str, ...]
    cols: tuple[str, ...]
    sources: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.idx.shape == self.dist.shape == (len(self.rows), self.idx.shape[-1]):
            raise DataError(
                f"lists of shape {self.idx.shape} with distances of shape {self.dist.shape} for"
                f" {len(self.rows)} queries; expected one row a query in both"
            )
        check_names(self.rows, "list rows")
        check_names(self.cols, "list columns")
        listed_mask = self.idx >= 0
        both = listed_mask[:, 1:]
        ordered = np.sort(self.idx, axis=1)
        problems = (
            ("names a column outside the gallery", (self.idx < -1) | (self.idx >= len(self.cols))),
            ("goes on after its end", both & ~listed_mask[:, :-1]),
            ("names a column twice", (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)),
            ("holds NaN or infinity", listed_mask & ~np.isfinite(self.dist)),
            ("is not in the order of its distances", both & (self.dist[:, 1:] < self.dist[:, :-1])),
        )
        for problem, mask in problems:
            if mask.any():
                row = int(np.argmax(mask.any(axis=1)))
                raise DataError(f"the list of {self.rows[row]} (row {row}) {problem}")

    @classmethod
    def of(cls, mat: DistMat, k: int) -> "RankLists":
        """The first k entries of each query's list; of the query x gallery part when square."""
        mat = mat.query_gallery()
        idx = np.empty((len(mat.rows), min(k, len(mat.cols))), dtype=np.int64)
        step = max(1, _BLOCK_VALUES // max(1, len(mat.cols)))
        for start in range(0, len(idx), step):
            idx[start : start + step] = nearest(mat.dist[start : start + step], k)
        dist = np.take_along_axis(np.asarray(mat.dist), idx, axis=1)
        return cls(idx, dist, mat.rows, mat.cols, mat.sources)


def fuse_ranks(
    parts: Sequence[DistMat | RankLists],
    labels: Sequence[str],
    *,
    rule: Rule = "reciprocal",
    weights: Sequence[float] | None = None,
    k: float = 60.0,
) -> DistMat:
    """One distance from several lists; smaller is nearer.

    With the place r, the distance d and the weight w of an image in each list:

    - ``reciprocal``: -Σ w / (k + r). A list that leaves an image out adds nothing for it.
    - ``borda``: Σ w r / Σ w, in [1, G]. Images that a list of K entries leaves out share its other
      places and have their mean, (K + 1 + G) / 2.
    - ``minmax``: Σ w s / Σ w with s = (d - min) / (max - min) over the query's list; 0 when all its
      distances are equal. What a list leaves out has s = 1.
    - ``z``: Σ w s / Σ w with s = (d - mean) / standard deviation (that of the list, not of a larger
      population) over the query's list; 0 when all its distances are equal. What a list leaves out
      is one deviation beyond its last entry.

    Args:
        parts: At least one; all with the same queries and the same gallery, in the same order. Of a
            square distance the query x gallery part is taken.
        labels: A label (a file name) for each, for messages and for the record of sources.
        rule: See above.
        weights: A finite weight >= 0 for each, not all 0; None for 1. Lists of weight 0 are not
            read, their names are checked.
        k: How much the first places are held back, >= 0, for ``reciprocal``.

    Returns:
        (Q, G).

    Raises:
        ConfigError: For nothing to fuse and options out of range.
        DataError: When names differ.
    """
    weights = [1.0] * len(parts) if weights is None else weights
    _check_options(labels, weights, rule, k)
    parts = [part.query_gallery() if isinstance(part, DistMat) else part for part in parts]
    _check_names(parts, labels)
    rows, cols = parts[0].rows, parts[0].cols
    used = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight]
    divisor = -1.0 if rule == "reciprocal" else math.fsum(weights)
    result = np.empty((len(rows), len(cols)), dtype=np.float32)
    step = max(1, _BLOCK_VALUES // max(1, len(cols)))

    def work(start: int) -> None:
        stop = min(start + step, len(rows))
        total = np.zeros((stop - start, len(cols)))
        for part, weight in used:
            total += weight * _scores(part, start, stop, rule, k)
        result[start:stop] = total / divisor

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, range(0, len(rows), step)):
            pass
    options: dict[str, object] = {"rule": rule, "k": k} if rule == "reciprocal" else {"rule": rule}
    record = [_describe(*one) for one in zip(parts, weights, labels, strict=True)]
    return DistMat(result, rows, cols, kind="ranks", sources={"ranks": options, "fused": record})


def _check_options(labels: Sequence[str], weights: Sequence[float], rule: Rule, k: float) -> None:
    if not labels:
        raise ConfigError("there is nothing to fuse; give at least one distance matrix")
    for label, weight in zip(labels, weights, strict=True):
        if not 0 <= weight < math.inf:
            raise ConfigError(f"the weight of {label} is {weight}; expected a number, at least 0")
    if not any(weights):
        raise ConfigError("all weights are 0; give at least one list a weight above 0")
    if rule not in get_args(Rule):
        raise ConfigError(f"rule is {rule!r}; choose one of {', '.join(get_args(Rule))}")
    if not 0 <= k < math.inf:
        raise ConfigError(f"k is {k}; expected a number, at least 0")


def _check_names(parts: Sequence[DistMat | RankLists], labels: Sequence[str]) -> None:
    for part, label in zip(parts[1:], labels[1:], strict=True):
        for axis, word, side in (("rows", "row", "query"), ("cols", "column", "gallery")):
            ours, theirs = getattr(parts[0], axis), getattr(part, axis)
            if ours == theirs:
                continue
            pair = f"cannot fuse {labels[0]} with {label}: {side}"
            for idx, (left, right) in enumerate(zip(ours, theirs, strict=False)):
                if left != right:
                    raise DataError(f"{pair} differs at {word} {idx}: {left} and {right}")
            raise DataError(f"{pair} has {len(ours)} and {len(theirs)} names")


def _describe(part: DistMat | RankLists, weight: float, label: str) -> dict[str, object]:
    kind = part.kind if isinstance(part, DistMat) else f"top {part.idx.shape[1]}"
    return {"label": label, "weight": weight, "kind": kind, "sources": dict(part.sources)}


def _scores(part: DistMat | RankLists, start: int, stop: int, rule: Rule, k: float) -> _Double:
    """What rows start..stop of one list add to the sum, (B, G)."""
    if isinstance(part, RankLists):
        return _listed_scores(part, start, stop, rule, k)
    block = np.asarray(part.dist[start:stop])
    if rule in ("minmax", "z"):
        return _scaled(block, np.ones(block.shape, dtype=np.bool_), rule)
    places = _places(block)
    return 1 / (k + places) if rule == "reciprocal" else places


def _listed_scores(lists: RankLists, start: int, stop: int, rule: Rule, k: float) -> _Double:
    idx, num_cols = lists.idx[start:stop], len(lists.cols)
    listed_mask = idx >= 0  # (B, K)
    places = np.broadcast_to(np.arange(1.0, idx.shape[1] + 1), idx.shape)
    num_listed = listed_mask.sum(axis=1)
    if rule == "reciprocal":
        values, absent = 1 / (k + places), np.zeros(len(idx))
    elif rule == "borda":
        values, absent = places, (num_listed + 1 + num_cols) / 2
    else:
        values = _scaled(lists.dist[start:stop], listed_mask, rule)
        absent = np.ones(len(idx))
        if rule == "z":
            absent += np.where(listed_mask, values, -np.inf).max(axis=1, initial=0)
    scores = np.repeat(absent[:, None], num_cols, axis=1)  # (B, G)
    row_idx = np.nonzero(listed_mask)[0]
    scores[row_idx, idx[listed_mask]] = values[listed_mask]
    return scores


def _places(dist: FloatArray) -> _Double:
    """The place of each column in its row, from 1, as a stable sort of (B, G) float32 gives it.

    Distance and column are packed into one 64-bit number, which sorts several times faster than a
    stable sort of floats.
    """
    bits = (dist + np.float32(0)).view(np.uint32)  # adding makes -0.0 equal to 0.0
    sign = np.uint32(1 << 31)
    ascending = np.where(bits & sign, ~bits, bits | sign).astype(np.uint64)
    keys = ascending << np.uint64(32) | np.arange(dist.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    order = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    places = np.empty(dist.shape)
    np.put_along_axis(places, order, np.arange(1.0, dist.shape[1] + 1)[None], axis=1)
    return places


def _scaled(dist: FloatArray, listed_mask: npt.NDArray[np.bool_], rule: Rule) -> _Double:
    """Distances (B, K) scaled over each row's listed ones; anything elsewhere."""
    values = np.where(listed_mask, dist, 0).astype(np.float64)
    lowest = values.min(axis=1, keepdims=True, where=listed_mask, initial=np.inf)
    highest = values.max(axis=1, keepdims=True, where=listed_mask, initial=-np.inf)
    differ = highest > lowest  # False for an empty list
    if rule == "minmax":
        shares: _Double = np.where(differ, values - lowest, 0)
        shares /= np.where(differ, highest - lowest, 1)
        return shares
    num = np.maximum(listed_mask.sum(axis=1, keepdims=True), 1)
    values -= values.sum(axis=1, keepdims=True) / num
    spread = np.sqrt((values**2).sum(axis=1, keepdims=True, where=listed_mask) / num)
    scores: _Double = np.where(differ, values, 0)
    scores /= np.where(differ, spread, 1)
    return scores
