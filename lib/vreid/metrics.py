"""Scores of a ranking: CMC, AP and mAP, mAP@K and mINP, always together with their protocol.

AP is the mean of the precisions at the hits (a step curve, no trapezoids); mINP is from Ye et al.,
"Deep Learning for Person Re-identification: A Survey and Outlook", TPAMI 2022, arXiv:2001.04193.
A list is ordered by distance, equal distances by smaller gallery index.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import FloatArray, IntArray
from vreid.protocol import Protocol

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

    @property
    def headline(self) -> float:
        """The number the protocol compares systems by: mAP@K when it has a K, else mAP."""
        return self.map if self.map_at_k is None else self.map_at_k

    def rank(self, k: int) -> float:
        """Rank-k: the share of queries with a match among the first k entries, k >= 1."""
        return float(self.cmc[min(k, len(self.cmc)) - 1])

    def fractions(self) -> dict[str, float]:
        """The scores by the names they are printed under."""
        values = {f"mAP@{self.protocol.top_k}": self.map_at_k, "mAP": self.map, "mINP": self.minp}
        values |= {f"rank-{k}": self.rank(k) for k in SHOWN_RANKS}
        return {name: value for name, value in values.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Scores, counts and the protocol as one flat dictionary for JSON."""
        return {
            **self.fractions(),
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
            f"{name:<9}{100 * value:7.2f} %" + (cut if name == "mAP" else "")
            for name, value in self.fractions().items()
        ]
        counts = f"{self.num_query:7d}, {self.num_skipped} without a match skipped"
        counts = f"{'queries':<9}{counts}; gallery {self.num_gallery}"
        return "\n".join([*lines, counts, str(self.protocol)])


def evaluate(
    dist: FloatArray,
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
) -> Scores:
    """Score a distance matrix.

    Args:
        dist: (Q, G), smaller is nearer.
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: The rules. Cameras matter only to those that remove junk.

    Raises:
        DataError: For shapes that do not fit, NaN, an unknown identity, an unknown camera where
            cameras matter, and when no query has a match.
    """
    truth = _Truth(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    if dist.shape != (len(query_pids), len(gallery_pids)):
        sizes = f"{len(query_pids)} queries and {len(gallery_pids)} gallery images"
        raise DataError(f"distances have shape {dist.shape} for {sizes}")
    return _score(_full_lists(dist), truth)


def evaluate_ranked(
    lists: Sequence[IntArray],
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
) -> Scores:
    """Score ranked lists, which may be cut off: a match that is not listed counts as not found.

    Args:
        lists: Q arrays of gallery indices, 0-based, best first, each index at most once.
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: The rules.

    Raises:
        DataError: As `evaluate`, and for an index that is out of range or repeated.
    """
    truth = _Truth(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    if len(lists) != len(query_pids):
        raise DataError(f"there are {len(lists)} ranked lists for {len(query_pids)} queries")
    for query_idx, ranked in enumerate(lists):
        if len(ranked) and not 0 <= ranked.min() <= ranked.max() < len(gallery_pids):
            raise DataError(
                f"the list of query {query_idx} holds {ranked.min()} to {ranked.max()};"
                f" gallery indices are 0 to {len(gallery_pids) - 1}"
            )
        if len(np.unique(ranked)) != len(ranked):
            raise DataError(f"the list of query {query_idx} holds a gallery image twice")
    return _score(lists, truth)


@dataclass(frozen=True)
class _Truth:
    """Identities and cameras of both sides and the rules, checked."""

    query_pids: IntArray
    gallery_pids: IntArray
    query_camids: IntArray
    gallery_camids: IntArray
    protocol: Protocol

    def __post_init__(self) -> None:
        for part in ("query", "gallery"):
            pids, camids = getattr(self, f"{part}_pids"), getattr(self, f"{part}_camids")
            if pids.shape != camids.shape:
                raise DataError(f"{part} has {pids.shape} identities and {camids.shape} cameras")
            self._refuse_unknown(pids, f"{part} image", "identity", "scores need labels")
            if self.protocol.junk != "none":
                hint = f"the protocol {self.protocol.name} leaves images out by camera"
                self._refuse_unknown(camids, f"{part} image", "camera", hint)

    def _refuse_unknown(self, column: IntArray, where: str, what: str, hint: str) -> None:
        unknown_idx = np.flatnonzero(column == UNKNOWN)
        if len(unknown_idx):
            raise DataError(
                f"{where} {unknown_idx[0]} and {len(unknown_idx) - 1} more have no known {what}"
                f" ({UNKNOWN}); {hint}"
            )

    def masks(self, query_idx: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Masks (G,) of the matches of a query and of the images that count for it."""
        same_mask = self.gallery_pids == self.query_pids[query_idx]
        if self.protocol.junk == "none":
            return same_mask, np.ones_like(same_mask)
        kept_mask = ~(same_mask & (self.gallery_camids == self.query_camids[query_idx]))
        return same_mask & kept_mask, kept_mask


def _full_lists(dist: FloatArray) -> Iterator[IntArray]:
    for query_idx, row in enumerate(dist):
        if np.isnan(row).any():
            raise DataError(f"distances of query {query_idx} hold NaN")
        yield np.argsort(row, kind="stable")


def _score(lists: Iterable[IntArray], truth: _Truth) -> Scores:
    protocol, num_gallery = truth.protocol, len(truth.gallery_pids)
    num_query = len(truth.query_pids)
    columns = np.full((num_query, 4), np.nan)  # AP, AP@K, INP, rank of the first hit from 0
    longest, complete = 0, True
    for query_idx, ranked in enumerate(lists):
        match_mask, kept_mask = truth.masks(query_idx)
        longest, complete = max(longest, len(ranked)), complete and len(ranked) == num_gallery
        num_relevant = int(match_mask.sum())
        if num_relevant:
            counted = ranked[kept_mask[ranked]]
            hits = np.flatnonzero(match_mask[counted])
            columns[query_idx] = _score_query(hits, num_relevant, protocol)
    scored = columns[~np.isnan(columns[:, 0])]
    if not len(scored):
        raise DataError(
            f"none of the {num_query} queries has a match among the {num_gallery} gallery images;"
            " do both sides name their vehicles alike?"
        )
    length = max(1, min(MAX_RANK, longest))
    found = scored[:, 3][scored[:, 3] < length].astype(np.int64)
    at_k = protocol.top_k is not None
    return Scores(
        protocol=protocol,
        map=float(scored[:, 0].mean()),
        map_at_k=float(scored[:, 1].mean()) if at_k else None,
        minp=float(scored[:, 2].mean()) if complete else None,
        cmc=np.cumsum(np.bincount(found, minlength=length)) / len(scored),
        ap=columns[:, 1 if at_k else 0],
        num_query=num_query,
        num_skipped=num_query - len(scored),
        num_gallery=num_gallery,
        list_length=None if complete else longest,
    )


def _score_query(
    hits: IntArray, num_relevant: int, protocol: Protocol
) -> tuple[float, float, float, float]:
    """AP, AP@K, INP and the first hit from the ranks of the hits, counted from 0, ascending."""
    if not len(hits):
        return 0.0, 0.0, 0.0, np.inf
    precisions = np.arange(1, len(hits) + 1) / (hits + 1)
    ap = precisions.sum() / num_relevant
    inp = num_relevant / (hits[-1] + 1)
    if protocol.top_k is None:
        return float(ap), float(ap), float(inp), float(hits[0])
    most = num_relevant if protocol.denominator == "all" else min(protocol.top_k, num_relevant)
    ap_at_k = precisions[hits < protocol.top_k].sum() / most
    return float(ap), float(ap_at_k), float(inp), float(hits[0])
