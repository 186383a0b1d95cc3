"""Jaccard distances between the encodings of queries and gallery, through an inverted index.

Encodings sum to 1, so Σ max = 2 - Σ min and the distance is 1 - Σ min / (2 - Σ min). Only columns
where both images have weight add to Σ min: for a query those are its own columns, each with the
gallery images that use it. An image without an encoding keeps distance 1 to all.
"""

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled, over_rows
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.rerank.encode import Encodings
from vreid.rerank.users import Users

_Weights = npt.NDArray[np.float32]


def mix(
    final: FloatArray, encodings: Encodings, users: Users, largest: Wide, lambda_: float
) -> None:
    """Turn the (Q, G) distances in `final` into (1 - lambda) * Jaccard + lambda * d / largest."""
    arrays = (encodings.indptr, encodings.cols, encodings.weights)
    index = (users.indptr, users.images, users.weights)
    over_rows(
        lambda start, stop: _mix_rows(final, *arrays, *index, largest, lambda_, start, stop),
        len(final),
    )


@compiled
def _add_minima(
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    user_indptr: IntArray,
    user_images: Index,
    user_weights: _Weights,
    query: int,
    sums: Wide,
    touched: Index,
) -> int:
    """Σ min of a query with every gallery image into `sums`, zero before; lists whom it met.

    Returns:
        How many entries of `touched` hold gallery images with a sum.
    """
    met = 0
    for at in range(indptr[query], indptr[query + 1]):
        weight = weights[at]
        for user in range(user_indptr[cols[at]], user_indptr[cols[at] + 1]):
            image = user_images[user]
            if sums[image] == 0.0:
                touched[met] = image
                met += 1
            sums[image] += min(weight, user_weights[user])
    return met


@compiled
def _mix_rows(
    final: FloatArray,
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    user_indptr: IntArray,
    user_images: Index,
    user_weights: _Weights,
    largest: Wide,
    lambda_: float,
    start: int,
    stop: int,
) -> None:
    num_gallery = final.shape[1]
    sums = np.zeros(num_gallery, dtype=np.float64)
    touched = np.empty(num_gallery, dtype=np.int32)
    for query in range(start, stop):
        met = _add_minima(
            indptr,
            cols,
            weights,
            user_indptr,
            user_images,
            user_weights,
            query,
            sums,
            touched,
        )
        scale = lambda_ / largest[query]
        for image in range(num_gallery):
            common = sums[image]
            jaccard = 1 - common / (2 - common)
            final[query, image] = (1 - lambda_) * jaccard + scale * final[query, image]
        for at in range(met):
            sums[touched[at]] = 0.0


@compiled
def choose(
    indptr: IntArray,
    cols: Index,
    weights: npt.NDArray[np.float32],
    user_indptr: IntArray,
    user_images: Index,
    user_weights: npt.NDArray[np.float32],
    first: int,
    near: Index,
    near_dist: Wide,
    scale: Wide,
    lambda_: float,
    num_gallery: int,
    counts: IntArray,
    start: int,
    stop: int,
) -> tuple[Index, Wide]:
    """Images of queries start..stop that may be among the best, with their Jaccard distances."""
    k = near.shape[1]
    sums = np.zeros(num_gallery, dtype=np.float64)
    listed = np.full(num_gallery, -1, dtype=np.int64)
    touched = np.empty(num_gallery, dtype=np.int32)
    chosen: Index = np.empty(1024, dtype=np.int32)
    jaccard: Wide = np.empty(1024, dtype=np.float64)
    totals = np.empty(k, dtype=np.float64)
    size = 0
    for query in range(start, stop):
        met = _add_minima(
            indptr,
            cols,
            weights,
            user_indptr,
            user_images,
            user_weights,
            first + query,
            sums,
            touched,
        )
        while size + met + 2 * k > chosen.shape[0]:
            chosen = np.concatenate((chosen, np.empty_like(chosen)))
            jaccard = np.concatenate((jaccard, np.empty_like(jaccard)))
        begin = size
        for place in range(k):
            image = near[query, place]
            listed[image] = query
            chosen[size] = image
            jaccard[size] = 1 - sums[image] / (2 - sums[image])
            totals[place] = (1 - lambda_) * jaccard[size] + scale[query] * near_dist[query, place]
            size += 1
        # k images reach this total, and images outside the list are at least as far as its last.
        worst = totals.max() + 1e-9
        least = scale[query] * near_dist[query, k - 1]
        for at in range(met):
            image = touched[at]
            one = 1 - sums[image] / (2 - sums[image])
            if listed[image] != query and (1 - lambda_) * one + least <= worst:
                listed[image] = query
                chosen[size] = image
                jaccard[size] = one
                size += 1
        if lambda_ == 0.0:
            # All images the query did not meet are equal: the first ones count.
            image, added = 0, 0
            while added < k and image < num_gallery:
                if sums[image] == 0.0:
                    added += 1
                    if listed[image] != query:
                        chosen[size] = image
                        jaccard[size] = 1.0
                        size += 1
                image += 1
        for at in range(met):
            sums[touched[at]] = 0.0
        counts[query] = size - begin
    return chosen[:size].copy(), jaccard[:size].copy()
