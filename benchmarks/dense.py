"""Re-ranking as it is published: dense N x N matrices and a loop over the images.

Written from the published definitions to measure against, and as an oracle:

- `original`: Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal
  Encoding", CVPR 2017, arXiv:1701.08398, in the NumPy form that most programs of the field carry;
  its half-precision variant keeps encodings and Jaccard distances in float16.
- `jaccard`: the Jaccard distance alone, after a nearest-neighbour search, as unsupervised training
  uses it: Ge and others, "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020,
  arXiv:2006.02713. Three things differ from the original: the k1 neighbours count the image itself,
  the weights are a softmax of -(2 - 2 cos), and no given distance is mixed in.
- `gnn`: Zhang and others, "Understanding Image Retrieval Re-Ranking: A Graph Neural Network
  Perspective", arXiv:2012.07620, on the CPU.

The memory layouts are the published ones (the normalised distance is a transposed view, and what
is made like it inherits that). Nothing is held longer than it is needed, which the published
functions do: they peak at 24, 22, 8.5 and 12 bytes an entry of the N x N matrix.
"""

import importlib.util
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from vreid.features import FloatArray, IntArray

_Ints = npt.NDArray[np.integer[Any]]
_Floats = npt.NDArray[np.floating[Any]]

_BLOCK = 1024  # rows sorted or searched at once

# Bytes an entry of the N x N matrix at the worst moment, for the estimate before a way is started.
BYTES = {"original": 20, "half": 18, "chunked": 12, "jaccard": 8, "gnn": 8}


def needs(way: str, num_all: int, dim: int) -> int:
    """Bytes that a way of `BYTES` needs for N images, with their features twice (once stacked)."""
    return BYTES[way] * num_all**2 + 2 * 4 * num_all * dim


def original(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    chunked: bool = False,
    half: bool = False,
    stable: bool = True,
) -> FloatArray:
    """k-reciprocal re-ranking.

    Args:
        query_feats: (Q, D).
        gallery_feats: (G, D).
        k1: Neighbours of which the reciprocal ones are kept, the image not counted.
        k2: Neighbours whose encodings are averaged, the image counted.
        lambda_: Weight of the given distance.
        chunked: Sort some rows at a time and keep only the columns that are used. The published
            form sorts all at once and keeps all, 12 more bytes an entry.
        half: Keep encodings and Jaccard distances in float16.
        stable: Order equal distances by index. The published sort is not stable, and faster.

    Returns:
        (Q, G) float32.
    """
    dist = _distances(np.concatenate([query_feats, gallery_feats]))  # (N, N)
    dist /= np.max(dist, axis=0)
    dist = dist.T
    num_query = len(query_feats)
    encodings: _Floats = np.zeros_like(dist, dtype=np.float16 if half else np.float32)
    order = _order(dist, max(k1 + 1, k2) if chunked else len(dist), stable=stable)
    for idx in range(len(dist)):
        members = _expanded(order, idx, k1 + 1, round(k1 / 2) + 1)
        weights = np.exp(-dist[idx, members])
        encodings[idx, members] = weights / np.sum(weights)
    dist = dist[:num_query]
    if k2 > 1:
        encodings = _averaged(encodings, order[:, :k2])
    del order
    final = (1 - lambda_) * _jaccard(encodings, num_query) + lambda_ * dist
    return np.ascontiguousarray(final[:, num_query:], dtype=np.float32)


def jaccard(
    query_feats: FloatArray, gallery_feats: FloatArray, *, k1: int = 20, k2: int = 6
) -> FloatArray:
    """The Jaccard distance of all pairs as unsupervised training has it; features of length 1.

    Args:
        query_feats: (Q, D).
        gallery_feats: (G, D).
        k1: Neighbours, the image itself counted.
        k2: Neighbours whose encodings are averaged, the image counted.

    Returns:
        (Q, G) float32, a view of the (N, N) ones.
    """
    feats = np.concatenate([query_feats, gallery_feats])  # (N, D)
    order = search(feats, max(k1, k2))
    encodings: _Floats = np.zeros((len(feats), len(feats)), dtype=np.float32)
    for idx in range(len(feats)):
        # Lists are cut at k1 columns; the half ones count one more than their number, as published.
        members = _expanded(order[:, :k1], idx, k1, round(k1 / 2) + 1)
        weights = np.exp(2 * (feats[members] @ feats[idx]) - 2)
        encodings[idx, members] = weights / np.sum(weights)
    if k2 > 1:
        encodings = _averaged(encodings, order[:, :k2])
    dist = _jaccard(encodings, len(feats))
    np.maximum(dist, 0, out=dist)
    return np.asarray(dist[: len(query_feats), len(query_feats) :], dtype=np.float32)


def gnn(
    query_feats: FloatArray, gallery_feats: FloatArray, *, k1: int = 20, k2: int = 6
) -> FloatArray:
    """Re-ranking by a graph without learned weights; features of length 1.

    Each image starts as the indicator of its k1 nearest, itself counted. Twice, the matrix of these
    rows is made symmetric, each row becomes the sum of its k2 nearest images' rows, weighted by the
    squares of their cosines, and is scaled to length 1.

    Args:
        query_feats: (Q, D).
        gallery_feats: (G, D).
        k1: Neighbours in the graph, the image itself counted.
        k2: Neighbours that pass their rows on, the image counted; 1 for none, and then the result
            counts shared neighbours.

    Returns:
        (Q, G) float32, 1 - the products of the rows.
    """
    feats = torch.from_numpy(np.concatenate([query_feats, gallery_feats]))  # (N, D)
    top = torch.topk(feats @ feats.T, k1, dim=1)
    order, weights = top.indices.numpy(), np.square(top.values.numpy())  # (N, k1)
    rows = np.zeros((len(feats), len(feats)), dtype=np.float32)
    rows[np.arange(len(feats))[:, None], order] = 1
    for _ in range(2 if k2 > 1 else 0):
        both = rows + rows.T
        for idx in range(len(feats)):
            rows[idx] = weights[idx, :k2] @ both[order[idx, :k2]]
        del both
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    num_query = len(query_feats)
    return np.asarray(1 - rows[:num_query] @ rows[num_query:].T, dtype=np.float32)


def search(feats: FloatArray, k: int) -> IntArray:
    """The k nearest of each image by Euclidean distance, itself first; features of length 1.

    By faiss's exact index where it is installed, else by blocks of a matrix product.

    Args:
        feats: (N, D).
        k: How many, at most N.

    Returns:
        (N, k) int64.
    """
    if importlib.util.find_spec("faiss") is None:
        tensor = torch.from_numpy(feats)
        parts = [
            torch.topk(part @ tensor.T, k, dim=1).indices for part in torch.split(tensor, _BLOCK)
        ]
        return torch.cat(parts).numpy()
    faiss = importlib.import_module("faiss")
    index = faiss.IndexFlatL2(feats.shape[1])
    index.add(feats)
    return np.asarray(index.search(feats, k)[1], dtype=np.int64)


def _distances(feats: FloatArray) -> FloatArray:
    """(N, N) squared Euclidean distances, 0 from an image to itself."""
    norms = np.einsum("nd,nd->n", feats, feats)
    dist = feats @ feats.T
    dist *= -2
    dist += norms[:, None]
    dist += norms
    np.maximum(dist, 0, out=dist)
    np.fill_diagonal(dist, 0)  # rounding would put an image behind its own duplicates
    return np.asarray(dist, dtype=np.float32)


def _order(dist: FloatArray, num_cols: int, *, stable: bool) -> npt.NDArray[np.int32]:
    """(N, num_cols) nearest first; all rows at once when all columns are wanted."""
    kind: Literal["stable", "quicksort"] = "stable" if stable else "quicksort"
    if num_cols >= len(dist):
        return np.argsort(dist, axis=1, kind=kind).astype(np.int32)
    order = np.empty((len(dist), num_cols), dtype=np.int32)
    for start in range(0, len(dist), _BLOCK):
        block = dist[start : start + _BLOCK]
        order[start : start + _BLOCK] = np.argsort(block, axis=1, kind=kind)[:, :num_cols]
    return order


def _reciprocal(order: _Ints, idx: int, k: int) -> _Ints:
    """Those of an image's first k that have it among their first k."""
    near = order[idx, :k]
    return near[np.any(order[near, :k] == idx, axis=1)]


def _expanded(order: _Ints, idx: int, num_full: int, num_half: int) -> _Ints:
    """The reciprocal neighbours, and those of each that lie among them by more than two thirds."""
    members = _reciprocal(order, idx, num_full)
    parts = [members]
    for candidate in members:
        theirs = _reciprocal(order, candidate, num_half)
        if len(np.intersect1d(theirs, members)) > 2 / 3 * len(theirs):
            parts.append(theirs)
    together: _Ints = np.unique(np.concatenate(parts))
    return together


def _averaged(encodings: _Floats, order: _Ints) -> _Floats:
    """Local query expansion: (N, N) means over each image's (N, k2) nearest."""
    mean = np.zeros_like(encodings)
    for idx in range(len(encodings)):
        mean[idx] = np.mean(encodings[order[idx]], axis=0)
    return mean


def _jaccard(encodings: _Floats, num_rows: int) -> _Floats:
    """(num_rows, N) Jaccard distances; rows sum to 1, so that the maxima add to 2 - the minima."""
    num_all = len(encodings)
    users = [np.flatnonzero(encodings[:, col]) for col in range(num_all)]
    dist = np.zeros((num_rows, num_all), dtype=encodings.dtype)
    for idx in range(num_rows):
        common = np.zeros(num_all, dtype=encodings.dtype)
        for col in np.flatnonzero(encodings[idx]):
            rows = users[col]
            common[rows] += np.minimum(encodings[idx, col], encodings[rows, col])
        dist[idx] = 1 - common / (2 - common)
    return dist
