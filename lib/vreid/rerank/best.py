"""The best few of each query, all that a submission needs, without the (Q, G) matrix.

A gallery image that shares no encoding with the query has Jaccard distance 1, so among those only
the nearest can be listed. The others are known from the inverted index; of these only the ones
whose Jaccard distance leaves them a chance are measured.
"""

from dataclasses import dataclass

import numpy as np

from vreid.compiled import over_rows
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.rerank.encode import Encodings, Pairs
from vreid.rerank.jaccard import choose
from vreid.rerank.users import Users

_QUERIES = 512  # queries handled together


@dataclass(frozen=True)
class Best:
    """The k best gallery images of each query.

    Attributes:
        idx: (Q, k) int64 gallery numbers, nearest first, equal distances by smaller number.
        dist: (Q, k) float32 their re-ranked distances.
    """

    idx: IntArray
    dist: FloatArray


def find_best(
    encodings: Encodings,
    users: Users,
    nearest: Index,
    nearest_dist: Wide,
    largest: Wide,
    pairs: Pairs,
    *,
    num_query: int,
    k: int,
    lambda_: float,
) -> Best:
    """Re-rank and keep the k best.

    Args:
        encodings: Of all N images, queries first.
        users: The gallery's inverted index.
        nearest: (Q, k) the k nearest gallery images of each query, numbered 0..G-1.
        nearest_dist: (Q, k) their distances.
        largest: (Q,) what the distances of each query are divided by.
        pairs: Gives the distances of pairs of images 0..N-1.
        num_query: Q.
        k: How many, <= G.
        lambda_: See `k_reciprocal`.
    """
    num_gallery = len(encodings.indptr) - 1 - num_query
    idx = np.empty((num_query, k), dtype=np.int64)
    dist = np.empty((num_query, k), dtype=np.float32)
    for first in range(0, num_query, _QUERIES):
        queries = np.arange(first, min(first + _QUERIES, num_query))
        scale = lambda_ / largest[queries]
        near = (nearest[queries], nearest_dist[queries], scale)
        counts, cols, jaccard = _candidates(encodings, users, near, first, lambda_, num_gallery)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        exact = pairs(queries, indptr, cols + np.int32(num_query))
        total = (1 - lambda_) * jaccard + np.repeat(scale, counts) * exact
        order = np.lexsort((cols, total, np.repeat(queries, counts)))
        places = indptr[:-1, None] + np.arange(k)
        idx[queries], dist[queries] = cols[order][places], total[order][places]
    return Best(idx, dist)


def _candidates(
    encodings: Encodings,
    users: Users,
    near: tuple[Index, Wide, Wide],
    first: int,
    lambda_: float,
    num_gallery: int,
) -> tuple[IntArray, Index, Wide]:
    """How many images each query may list, and all of these with their Jaccard distances."""
    counts = np.zeros(len(near[0]), dtype=np.int64)
    found: list[tuple[int, Index, Wide]] = []

    def work(start: int, stop: int) -> None:
        cols, jaccard = choose(
            encodings.indptr,
            encodings.cols,
            encodings.weights,
            users.indptr,
            users.images,
            users.weights,
            first,
            *near,
            lambda_,
            num_gallery,
            counts,
            start,
            stop,
        )
        found.append((start, cols, jaccard))

    over_rows(work, len(counts))
    found.sort(key=lambda part: part[0])
    cols = np.concatenate([part[1] for part in found])
    return counts, cols, np.concatenate([part[2] for part in found])
