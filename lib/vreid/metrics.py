"""Scores of a ranking given as distances, blocks of them, features or ranked lists.

A list is ordered by distance, equal distances by smaller gallery index. What the scores are is said
in `vreid.scores`, how the matches are ranked without sorting in `vreid.counting`. Whatever the
source, only a block of rows is held beside it, never a second matrix of its size.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vreid.compiled import over_rows
from vreid.counting import DistArray, match_ranks
from vreid.distance import Metric, pairwise
from vreid.errors import DataError
from vreid.features import FloatArray, IntArray
from vreid.protocol import Protocol
from vreid.relevance import Relevance
from vreid.scores import MAX_RANK, SHOWN_RANKS, Scores, score_hits, summarize

__all__ = [
    "MAX_RANK",
    "SHOWN_RANKS",
    "Scores",
    "distance_blocks",
    "evaluate",
    "evaluate_blocks",
    "evaluate_features",
    "evaluate_ranked",
]

COUNTED_BYTES = 8 << 20  # rows a thread counts at a time; copied where they are not contiguous
FEATURE_BYTES = 48 << 20  # distances held at a time by `evaluate_features`


def evaluate(
    dist: DistArray,
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
) -> Scores:
    """Score a distance matrix.

    Args:
        dist: (Q, G), smaller is nearer; may be a memory map, of which only the rows at hand are
            read. Compared in float32, or in float64 when it is neither float32 nor float16.
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: The rules. Cameras matter only to those that remove junk.

    Raises:
        DataError: For shapes that do not fit, NaN (naming the row), an unknown identity, an unknown
            camera where cameras matter, and when no query has a match.
    """
    relevance = Relevance(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    if dist.shape != (len(query_pids), len(gallery_pids)):
        sizes = f"{len(query_pids)} queries and {len(gallery_pids)} gallery images"
        raise DataError(f"distances have shape {dist.shape} for {sizes}")
    return _score_blocks([dist], relevance)


def evaluate_blocks(
    blocks: Iterable[DistArray],
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
) -> Scores:
    """Score distances that arrive as consecutive blocks of rows, such as those of a stream.

    Args:
        blocks: (B, G) arrays whose rows are those of `evaluate`'s matrix in order; B may change
            from block to block. A block is not needed any more once the next is asked for.
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: The rules.

    Raises:
        DataError: As `evaluate`, and when the rows of the blocks do not add up to Q.
    """
    relevance = Relevance(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    return _score_blocks(blocks, relevance)


def evaluate_features(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    *,
    query_pids: IntArray,
    gallery_pids: IntArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    protocol: Protocol,
    metric: Metric = "sqeuclidean",
) -> Scores:
    """Score features by their distances, of which 64 MiB exist at a time.

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: The rules.
        metric: See `vreid.distance.pairwise`.

    Raises:
        DataError: As `evaluate`, and for features that do not fit each other or the identities.
    """
    relevance = Relevance(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    for part, feats, pids in (
        ("query", query_feats, query_pids),
        ("gallery", gallery_feats, gallery_pids),
    ):
        if feats.ndim != 2 or len(feats) != len(pids):
            raise DataError(f"{part} features have shape {feats.shape} for {len(pids)} identities")
    if query_feats.shape[1] != gallery_feats.shape[1]:
        raise DataError(
            f"query features have {query_feats.shape[1]} columns, gallery features"
            f" {gallery_feats.shape[1]}; extract both with one run"
        )
    return _score_blocks(distance_blocks(query_feats, gallery_feats, metric), relevance)


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
    relevance = Relevance(query_pids, gallery_pids, query_camids, gallery_camids, protocol)
    if len(lists) != len(query_pids):
        raise DataError(f"there are {len(lists)} ranked lists for {len(query_pids)} queries")
    num_gallery = len(gallery_pids)
    hits: list[IntArray] = [np.empty(0, dtype=np.int64)]
    num_relevant: list[int] = []
    places = np.empty(num_gallery, dtype=np.int64)  # of a list's entries in it
    for query_idx, ranked in enumerate(lists):
        if len(ranked) and not 0 <= ranked.min() <= ranked.max() < num_gallery:
            raise DataError(
                f"the list of query {query_idx} holds {ranked.min()} to {ranked.max()};"
                f" gallery indices are 0 to {num_gallery - 1}"
            )
        order = np.arange(len(ranked))
        places[ranked] = order
        if not np.array_equal(places[ranked], order):
            raise DataError(f"the list of query {query_idx} holds a gallery image twice")
        hits.append(relevance.hits(query_idx, ranked))
        num_relevant.append(relevance.num_relevant(query_idx))
    num_hits = np.array([len(ranks) for ranks in hits[1:]], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), num_hits)
    relevant = np.array(num_relevant, dtype=np.int64)
    columns = score_hits(np.concatenate(hits), rows, relevant, protocol)
    lengths = [len(ranked) for ranked in lists]
    cut_off = min(lengths, default=0) < num_gallery
    return summarize(
        columns,
        protocol,
        num_gallery=num_gallery,
        list_length=max(lengths, default=0) if cut_off else None,
    )


def distance_blocks(
    query_feats: FloatArray, gallery_feats: FloatArray, metric: Metric
) -> Iterator[FloatArray]:
    """Distances of a few queries at a time, in one array that is filled again and again.

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        metric: See `vreid.distance.pairwise`.

    Yields:
        (B, G) float32, together at most 48 MiB; each is overwritten by the next.
    """
    num_gallery = len(gallery_feats)
    num_rows = max(1, FEATURE_BYTES // (4 * max(1, num_gallery)))
    buffer = np.empty((min(num_rows, len(query_feats)), num_gallery), dtype=np.float32)
    for start in range(0, len(query_feats), num_rows):
        feats = query_feats[start : start + num_rows]
        yield pairwise(feats, gallery_feats, metric=metric, out=buffer[: len(feats)])


def _score_blocks(blocks: Iterable[DistArray], relevance: Relevance) -> Scores:
    num_query, num_gallery = len(relevance.query_pids), len(relevance.gallery_pids)
    columns = np.full((num_query, 4), np.nan)
    start = 0
    for block in blocks:
        stop = start + len(block)
        if block.ndim != 2 or block.shape[1] != num_gallery or stop > num_query:
            raise DataError(
                f"the block from row {start} on has shape {block.shape} for {num_query} queries and"
                f" {num_gallery} gallery images"
            )
        _score_block(block, start, relevance, columns[start:stop])
        start = stop
    if start != num_query:
        raise DataError(f"the blocks hold {start} rows for {num_query} queries")
    return summarize(columns, relevance.protocol, num_gallery=num_gallery)


def _score_block(
    block: DistArray, first: int, relevance: Relevance, columns: npt.NDArray[np.float64]
) -> None:
    """Fill ``columns`` (B, 4) of the queries from ``first`` on, on all threads."""
    wide = block.dtype not in (np.float16, np.float32)
    step = max(1, COUNTED_BYTES // max(1, (8 if wide else 4) * block.shape[1]))
    nan_mask = np.zeros(len(block), dtype=np.bool_)

    def work(start: int, stop: int) -> None:
        for low in range(start, stop, step):
            part = slice(low, min(low + step, stop))
            dist: DistArray = np.ascontiguousarray(block[part], np.float64 if wide else np.float32)
            cols, rows, junk_mask = relevance.same_vehicle(slice(first + low, first + part.stop))
            num_own = np.bincount(rows, minlength=len(dist))
            ranks, nan_mask[part] = match_ranks(dist, np.cumsum(num_own), cols, junk_mask)
            num_relevant = np.bincount(rows[~junk_mask], minlength=len(dist))
            hit = ranks >= 0
            columns[part] = score_hits(ranks[hit], rows[hit], num_relevant, relevance.protocol)

    over_rows(work, len(block), least=max(1, step // 8))
    if nan_mask.any():
        raise DataError(f"distances of query {first + int(np.argmax(nan_mask))} hold NaN")
