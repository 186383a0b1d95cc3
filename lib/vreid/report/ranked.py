"""Which queries are shown, and what stands at the head of their rank lists."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.distance import DistMat
from vreid.features import IntArray
from vreid.metrics import evaluate
from vreid.protocol import Protocol
from vreid.ranking import nearest
from vreid.report.content import RankedLists

BANDS = ("best", "middle", "worst")


@dataclass(frozen=True)
class Hit:
    """A gallery image in a rank list; right means the query's vehicle."""

    name: str
    pid: int
    camid: int
    dist: float
    right: bool


@dataclass(frozen=True)
class RankList:
    """A query and the head of its rank list.

    Attributes:
        query: Name of the query.
        pid, camid: Its vehicle and camera, -1 unknown.
        band: Whether it is one of the best, middle or worst queries.
        ap: Average precision by the protocol, in [0, 1].
        num_matches: Gallery images of its vehicle, without junk.
        hits: The nearest gallery images, nearest first, without junk.
    """

    query: str
    pid: int
    camid: int
    band: str
    ap: float
    num_matches: int
    hits: tuple[Hit, ...]


def rank_lists(source: RankedLists) -> tuple[RankList, ...]:
    """Rank the gallery for each query and keep a few queries from the best to the worst.

    - Equal distances keep the gallery's order.
    - A query of unknown vehicle, or without a match in the gallery, is not shown.
    - A gallery image of unknown vehicle counts as another vehicle.

    Returns:
        At most ``source.num_queries`` lists, highest AP first; empty when no query can be shown.

    Raises:
        DataError: When the protocol needs cameras and one is unknown.
    """
    mat = source.dist.query_gallery()
    gallery = _identities(source, mat.cols)
    query = _identities(source, mat.rows)
    rows = _judged(query, gallery, source.protocol)
    if not len(rows):
        return ()
    gallery_pids = gallery[:, 0].copy()
    gallery_pids[gallery_pids == UNKNOWN] = query[:, 0].max() + 1  # no query's vehicle
    scores = evaluate(
        mat.dist[rows],
        query_pids=query[rows, 0],
        gallery_pids=gallery_pids,
        query_camids=query[rows, 1],
        gallery_camids=gallery[:, 1],
        protocol=source.protocol,
    )
    chosen = choose_queries(scores.ap.tolist(), query[rows, 0].tolist(), source.num_queries)
    return tuple(
        _rank_list(source, mat, int(rows[idx]), gallery, band, float(scores.ap[idx]))
        for idx, band in chosen
    )


def choose_queries(
    aps: Sequence[float], pids: Sequence[int], num_queries: int
) -> list[tuple[int, str]]:
    """Choose queries evenly: a third of the best, of the middle, of the worst.

    The order by AP is cut into three bands; each gives its own, from the top, from the median
    outwards and from the bottom, and vehicles not yet taken from the band come first. No chance is
    involved: equal APs keep their order.

    Args:
        aps: AP of each query.
        pids: Vehicle of each query.
        num_queries: How many to choose; all of them when there are fewer.

    Returns:
        (index, band) in order of falling AP.
    """
    order = sorted(range(len(aps)), key=lambda idx: (-aps[idx], idx))
    bands = [band.tolist() for band in np.array_split(np.array(order, dtype=int), len(BANDS))]
    places = {idx: place for place, idx in enumerate(order)}
    bands[1].sort(key=lambda idx: abs(places[idx] - (len(order) - 1) / 2))
    bands[2].reverse()
    chosen = {}
    for turn, (name, band) in enumerate(zip(BANDS, bands, strict=True)):
        count = (num_queries + len(BANDS) - 1 - turn) // len(BANDS)
        for idx in _fresh_first(band, pids)[:count]:
            chosen[idx] = name
    return [(idx, chosen[idx]) for idx in order if idx in chosen]


def _fresh_first(band: Sequence[int], pids: Sequence[int]) -> list[int]:
    """The first query of every vehicle, then the second of every vehicle, and so on."""
    seen: Counter[int] = Counter()
    turns = {}
    for idx in band:
        turns[idx] = seen[pids[idx]]
        seen[pids[idx]] += 1
    return sorted(band, key=lambda idx: turns[idx])


def _identities(source: RankedLists, names: Sequence[str]) -> IntArray:
    """(N, 2) pid and camid of some names, -1 unknown."""
    found = [source.identities.get(name, (UNKNOWN, UNKNOWN)) for name in names]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _junk_mask(identity: IntArray, gallery: IntArray, protocol: Protocol) -> npt.NDArray[np.bool_]:
    """(G,) which gallery images the protocol leaves out for a query."""
    same = (gallery == identity).all(axis=1)
    return np.asarray(same & (protocol.junk == "same-camera"), dtype=np.bool_)


def _judged(query: IntArray, gallery: IntArray, protocol: Protocol) -> npt.NDArray[np.intp]:
    """Rows of the queries with a known vehicle and a match that is not junk."""
    has_match = [
        pid != UNKNOWN
        and bool(((gallery[:, 0] == pid) & ~_junk_mask(identity, gallery, protocol)).any())
        for pid, identity in zip(query[:, 0], query, strict=True)
    ]
    return np.flatnonzero(has_match)


def _rank_list(
    source: RankedLists, mat: DistMat, row: int, gallery: IntArray, band: str, ap: float
) -> RankList:
    pid, camid = source.identities[mat.rows[row]]
    identity = np.array([pid, camid])
    kept = np.flatnonzero(~_junk_mask(identity, gallery, source.protocol))
    order = kept[nearest(mat.dist[row : row + 1, kept], source.depth)[0]]
    hits = tuple(
        Hit(
            name=mat.cols[col],
            pid=int(gallery[col, 0]),
            camid=int(gallery[col, 1]),
            dist=float(mat.dist[row, col]),
            right=bool(gallery[col, 0] == pid),
        )
        for col in order.tolist()
    )
    num_matches = int((gallery[kept, 0] == pid).sum())
    return RankList(mat.rows[row], pid, camid, band, ap, num_matches, hits)
