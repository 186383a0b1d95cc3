"""k-reciprocal re-ranking: two images are near when their mutual nearest neighbours are the same.

Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017,
arXiv:1701.08398. The distances are the authors' definition, evaluated so that it is defined: equal
distances are ordered by index, and candidates are compared by distances summed in float64, so that
ranks depend neither on the blocks, nor on the threads, nor on the library that multiplies matrices.
What differs is the way there: no matrix of all pairs exists; exact neighbours come from a blocked
search, encodings are sparse rows, Jaccard distances sum over an inverted index, and the original
distance is computed where the answer needs it.
"""

from typing import overload

import numpy as np
import torch

from vreid.compiled import available
from vreid.features import FloatArray
from vreid.neighbours.found import Index, Neighbours
from vreid.neighbours.plain import find_device
from vreid.neighbours.sets import FeatureSet, FeatureSets, Wide
from vreid.neighbours.tiles import Progress
from vreid.rerank import encode, encode_plain, jaccard
from vreid.rerank.best import Best, find_best
from vreid.rerank.budget import fit
from vreid.rerank.given import (
    Array,
    Given,
    as_rows,
    check_parameters,
    dense_source,
    weighted_sets,
)
from vreid.rerank.sources import FeatureSource, Source
from vreid.rerank.users import find_users

_SPARE = 32  # neighbours of a query that may be queries before its gallery list is searched anew


@overload
def k_reciprocal(
    query_feats: Array | None = ...,
    gallery_feats: Array | None = ...,
    *,
    k1: int = ...,
    k2: int = ...,
    lambda_: float = ...,
    top_k: None = ...,
    memory_budget: int | None = ...,
    device: torch.device | str | None = ...,
    dist: Given | None = ...,
    num_query: int | None = ...,
    progress: Progress | None = ...,
) -> FloatArray: ...


@overload
def k_reciprocal(
    query_feats: Array | None = ...,
    gallery_feats: Array | None = ...,
    *,
    k1: int = ...,
    k2: int = ...,
    lambda_: float = ...,
    top_k: int,
    memory_budget: int | None = ...,
    device: torch.device | str | None = ...,
    dist: Given | None = ...,
    num_query: int | None = ...,
    progress: Progress | None = ...,
) -> Best: ...


def k_reciprocal(
    query_feats: Array | None = None,
    gallery_feats: Array | None = None,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    top_k: int | None = None,
    memory_budget: int | None = None,
    device: torch.device | str | None = None,
    dist: Given | None = None,
    num_query: int | None = None,
    progress: Progress | None = None,
) -> FloatArray | Best:
    """Re-ranked distances, from features or from distances among all images.

    Corner cases:

    - More neighbours than images: all images are neighbours.
    - Images that are all the same have distance 0 to each other.
    - An image that comes after more than k1 exact copies of itself is not among its own neighbours,
      has no encoding and Jaccard distance 1 to all, as in the authors' program.
    - Distances may be negative (fused ones). Where none of an image's is above 0, which leaves the
      definition without a divisor, they are divided by their largest magnitude.

    Args:
        query_feats: (Q, D) float32; squared Euclidean distances are re-ranked.
        gallery_feats: (G, D) float32.
        k1: Neighbours of which the reciprocal ones are kept, the image itself not counted, >= 1.
        k2: Neighbours whose encodings are averaged, the image itself counted, >= 1; 1 for none.
        lambda_: Weight of the given distance against the Jaccard distance, in [0, 1].
        top_k: Return only so many best gallery images of each query.
        memory_budget: Bytes that may be used beyond the inputs, the result included.
        device: Where the neighbours are searched; the CPU by default.
        dist: Instead of features: a square `DistMat`, an (N, N) float32 array, which may be mapped
            from a file, or weighted sets of features ``[(feats, weight), …]`` whose weighted
            squared distances are added up, each a pair (query, gallery) or one (N, D) array.
        num_query: Q, where `dist` does not say it.
        progress: Called with the finished share of the search for neighbours, in [0, 1].

    Returns:
        (Q, G) float32, (1 - lambda) * Jaccard + lambda * d, where d is divided by its largest value
        in the row; with `top_k` the `Best` of it.

    Raises:
        ConfigError: For parameters out of range, and a budget that cannot hold one block.
        DataError: For features that do not fit or hold NaN, and for a distance that is not square.
    """
    check_parameters(k1, k2, lambda_, top_k)
    where = find_device(device)
    if dist is None:
        if query_feats is None or gallery_feats is None:
            raise TypeError("give the features of both sides, or dist=")
        feats = FeatureSets((FeatureSet(as_rows(query_feats), as_rows(gallery_feats)),))
    elif query_feats is not None or gallery_feats is not None:
        raise TypeError("give either features or dist=")
    else:
        dense = dense_source(dist, num_query, progress)
        if dense is not None:
            return rerank(dense, k1=k1, k2=k2, lambda_=lambda_, top_k=top_k)
        feats = weighted_sets(dist, num_query)  # type: ignore[arg-type]
    plan = fit(feats, memory_budget, k1=k1, k2=k2, top_k=top_k)
    source = FeatureSource(feats, plan, where, progress)
    return rerank(source, k1=k1, k2=k2, lambda_=lambda_, top_k=top_k)


def rerank(
    source: Source, *, k1: int, k2: int, lambda_: float, top_k: int | None
) -> FloatArray | Best:
    """Re-rank the distances of a source; see `k_reciprocal`."""
    num_query, num_all = source.num_query, source.num_all
    num_gallery = num_all - num_query
    k = min(max(k1 + 1, k2), num_all)
    listed = 0 if top_k is None else min(top_k, num_gallery)
    query_k = k if top_k is None else min(num_all, max(k, listed + _SPARE))
    query, gallery = source.neighbours(k, query_k)
    idx = np.concatenate([query.idx[:, :k], gallery.idx])
    dist = np.concatenate([query.dist[:, :k], gallery.dist])
    largest = _divisors(np.concatenate([query.largest, gallery.largest]), dist[:, 0])
    plain = not available()
    make = encode_plain.encode if plain else encode.encode
    encodings = make(idx, dist, largest, source.pairs, k1=k1, k2=k2, symmetric=source.symmetric)
    del idx, dist
    if top_k is not None:
        return _best(source, encodings, query, largest, listed, lambda_, plain=plain)
    final = np.empty((num_query, num_gallery), dtype=np.float32)
    source.fill(final, 0)
    if plain:
        encode_plain.mix(final, encodings, largest, lambda_, start=0, num_query=num_query)
    else:
        users = find_users(encodings, num_query)
        jaccard.mix(final, encodings, users, largest, lambda_)
    return final


def _best(
    source: Source,
    encodings: encode.Encodings,
    query: Neighbours,
    largest: Wide,
    k: int,
    lambda_: float,
    *,
    plain: bool,
) -> Best:
    num_query = source.num_query
    if plain:
        return encode_plain.find_best(
            encodings, source.fill, largest, num_query=num_query, k=k, lambda_=lambda_
        )
    near, near_dist = _nearest_gallery(source, query, k)
    return find_best(
        encodings,
        find_users(encodings, num_query),
        near,
        near_dist,
        largest[:num_query],
        source.pairs,
        num_query=num_query,
        k=k,
        lambda_=lambda_,
    )


def _divisors(largest: Wide, smallest: Wide) -> Wide:
    """What the distances of each image are divided by: always above 0, so that no order turns."""
    negative_mask = (largest <= 0) & (smallest < 0)
    return np.where(negative_mask, -smallest, np.where(largest > 0, largest, 1.0))


def _nearest_gallery(source: Source, query: Neighbours, k: int) -> tuple[Index, Wide]:
    """The k nearest gallery images of each query, out of their neighbours among all images."""
    num_query = source.num_query
    in_gallery = query.idx >= num_query
    places = np.argsort(~in_gallery, axis=1, kind="stable")[:, :k]
    idx = np.take_along_axis(query.idx, places, axis=1) - np.int32(num_query)
    dist = np.take_along_axis(query.dist, places, axis=1)
    short = np.flatnonzero(in_gallery.sum(axis=1) < k)
    if len(short):
        idx[short], dist[short] = source.gallery_neighbours(short, k)
    return idx, dist
