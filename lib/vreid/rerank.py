"""k-reciprocal re-ranking: two images are near when their mutual nearest neighbours are the same.

Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017,
arXiv:1701.08398. The distances follow the authors' definition; what differs is the way there: the
encodings V are sparse rows, the Jaccard distance sums over an inverted index, all-pairs distances
exist one block of rows at a time, and equal distances are ordered by index, so that the result is
defined. The definition needs distances >= 0. A fused one (vehicle - camera - orientation) can fall
below; then its minimum is subtracted everywhere, which keeps every order, and the diagonal is set
to 0, so that no image is nearer to an image than itself.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.ranking import nearest

_BLOCK_VALUES = 1 << 23  # 64 MB of float64 a block of rows
_Block = npt.NDArray[np.floating[Any]]  # float64 from features, float32 from a distance
# Rows start..stop of the (N, N) distances, each divided by its largest value.
_Rows = Callable[[int, int], _Block]


def k_reciprocal(
    query_feats: FloatArray | None = None,
    gallery_feats: FloatArray | None = None,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    dist: DistMat | None = None,
) -> FloatArray:
    """Re-ranked distances, from features or from a square distance matrix.

    Args:
        query_feats: (Q, D) float32; their squared Euclidean distances are re-ranked.
        gallery_feats: (G, D) float32.
        k1: Neighbours of which the reciprocal ones are kept, the image itself not counted, >= 1.
        k2: Neighbours whose encodings are averaged, the image itself counted, >= 1; 1 for none.
        lambda_: Weight of the given distance against the Jaccard distance, in [0, 1].
        dist: A square distance of N = Q + G images, instead of features; may be memory-mapped.

    Returns:
        (Q, G) float32, (1 - lambda) * Jaccard + lambda * d, where d is divided by its largest value
        in the row. Between 0 and 1.

    Raises:
        ConfigError: For parameters out of range.
        DataError: For features that do not fit or hold NaN, and for a distance that is not square.
    """
    if k1 < 1 or k2 < 1 or not 0 <= lambda_ <= 1:
        raise ConfigError(
            f"k1 is {k1}, k2 is {k2}, lambda is {lambda_};"
            " expected k1 >= 1, k2 >= 1 and lambda in [0, 1]"
        )
    if dist is not None:
        if query_feats is not None or gallery_feats is not None:
            raise TypeError("give either features or dist=")
        if dist.num_query is None:
            raise DataError(
                "re-ranking looks for neighbours among queries and gallery together and needs a"
                " square distance; this one is query x gallery"
            )
        return _rerank(_rows_of_dist(dist), len(dist.rows), dist.num_query, k1, k2, lambda_)
    if query_feats is None or gallery_feats is None:
        raise TypeError("give the features of both sides, or dist=")
    feats = _stack(query_feats, gallery_feats)
    return _rerank(_rows_of_feats(feats), len(feats), len(query_feats), k1, k2, lambda_)


def _stack(query_feats: FloatArray, gallery_feats: FloatArray) -> FloatArray:
    if query_feats.ndim != 2 or query_feats.shape[1:] != gallery_feats.shape[1:]:
        raise DataError(
            f"query features have shape {query_feats.shape}, gallery features"
            f" {gallery_feats.shape}; expected the same number of columns"
        )
    for part, feats in (("query", query_feats), ("gallery", gallery_feats)):
        if not len(feats):
            raise DataError(f"there are no {part} features to re-rank")
        finite_mask = np.isfinite(feats).all(axis=1)
        if not finite_mask.all():
            raise DataError(f"{part} features hold NaN or infinity in row {finite_mask.argmin()}")
    return np.concatenate([query_feats, gallery_feats])


def _rows_of_feats(feats: FloatArray) -> _Rows:
    # In float64: the noise of float32 products swaps neighbours at the borders of k1 and k2, which
    # moved single results by 0.07.
    wide = feats.astype(np.float64)
    norms = np.einsum("nd,nd->n", wide, wide)

    def rows(start: int, stop: int) -> _Block:
        block = wide[start:stop] @ wide.T
        block *= -2
        block += norms[start:stop, None]
        block += norms
        np.maximum(block, 0, out=block)
        block[np.arange(stop - start), np.arange(start, stop)] = 0
        return _divide_by_largest(block)

    return rows


def _rows_of_dist(mat: DistMat) -> _Rows:
    lowest = min(float(mat.dist.min()), 0.0)

    def rows(start: int, stop: int) -> _Block:
        # The definition divides columns and then transposes; rounding makes that matter.
        block = np.array(mat.dist[:, start:stop].T, order="C")
        if lowest < 0:
            block -= np.float32(lowest)
            block[np.arange(stop - start), np.arange(start, stop)] = 0
        return _divide_by_largest(block)

    return rows


def _divide_by_largest(block: _Block) -> _Block:
    largest = block.max(axis=1, keepdims=True)
    block /= np.where(largest > 0, largest, 1)  # all images identical: all distances stay 0
    return block


def _blocks(num_rows: int, num_cols: int) -> Iterator[tuple[int, int]]:
    step = max(1, _BLOCK_VALUES // num_cols)
    for start in range(0, num_rows, step):
        yield start, min(start + step, num_rows)


def _rerank(
    rows: _Rows, num_all: int, num_query: int, k1: int, k2: int, lambda_: float
) -> FloatArray:
    neighbours = np.concatenate(  # (N, max(k1 + 1, k2)), or (N, N) when there are fewer images
        [nearest(rows(*span), max(k1 + 1, k2)) for span in _blocks(num_all, num_all)]
    )
    encodings = _weigh(_expand(neighbours, k1), rows)  # (N, N) sparse
    if k2 > 1:
        encodings = _indicator(neighbours[:, :k2], np.float64) @ encodings
        encodings /= min(k2, num_all)
    jaccard_rows = _jaccard_rows(encodings.tocsr(), num_query)
    final = np.empty((num_query, num_all - num_query), dtype=np.float32)
    for start, stop in _blocks(num_query, num_all):
        given = rows(start, stop)[:, num_query:]
        for query_idx in range(start, stop):
            jaccard = (1 - lambda_) * next(jaccard_rows)
            final[query_idx] = jaccard + lambda_ * given[query_idx - start]
    return final


def _indicator(cols: IntArray, dtype: type[np.generic]) -> sparse.csr_matrix:
    """(N, N) sparse matrix with ones at the (N, k) given columns of each row."""
    num_rows, num_cols = cols.shape
    indptr = np.arange(0, num_rows * num_cols + 1, num_cols)
    values = np.ones(cols.size, dtype=dtype)
    return sparse.csr_matrix((values, cols.ravel(), indptr), shape=(num_rows, num_rows))


def _reciprocal(neighbours: IntArray, k: int) -> sparse.csr_matrix:
    """(N, N) ones where two images are among each other's k nearest, themselves not counted."""
    forward = _indicator(neighbours[:, : k + 1], np.int32)
    return forward.multiply(forward.T).tocsr()


def _expand(neighbours: IntArray, k1: int) -> sparse.csr_matrix:
    """The set R* of each image as a sparse row, columns ascending.

    To the reciprocal neighbours R(k1) of an image join the R(k1 / 2) of each of them that lie in it
    by more than two thirds.
    """
    reciprocal = _reciprocal(neighbours, k1)
    half = _reciprocal(neighbours, round(k1 / 2))  # to even at .5, as NumPy's
    # |R(i, k1) ∩ R(c, k1/2)| for the candidates c in R(i, k1)
    num_common = (reciprocal @ half.T).multiply(reciprocal).tocoo()
    half_sizes = np.diff(half.indptr)[num_common.col]
    accepted = 3 * num_common.data > 2 * half_sizes  # in integers: 2/3 has no exact float
    candidates = sparse.csr_matrix(
        (num_common.data[accepted], (num_common.row[accepted], num_common.col[accepted])),
        shape=reciprocal.shape,
    )
    expanded = (reciprocal + candidates @ half).tocsr()
    expanded.sort_indices()
    return expanded


def _weigh(expanded: sparse.csr_matrix, rows: _Rows) -> sparse.csr_matrix:
    """The encodings V: weights exp(-d) on the set of each image, scaled to sum 1."""
    num_all = expanded.shape[0]
    weights = np.empty(expanded.nnz, dtype=np.float64)
    sizes = np.diff(expanded.indptr)
    row_idx = np.repeat(np.arange(num_all), sizes)
    for start, stop in _blocks(num_all, num_all):
        span = slice(expanded.indptr[start], expanded.indptr[stop])
        block = rows(start, stop)
        weights[span] = np.exp(-block[row_idx[span] - start, expanded.indices[span]])
    sums = np.bincount(row_idx, weights=weights, minlength=num_all)
    weights /= sums[row_idx]
    return sparse.csr_matrix((weights, expanded.indices, expanded.indptr), shape=expanded.shape)


def _jaccard_rows(
    encodings: sparse.csr_matrix, num_query: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Jaccard distances (G,) of one query after the other.

    Encodings sum to 1, so that Σ max = 2 - Σ min, and Σ min needs only the columns where both
    differ from 0: those of the query, each with the gallery images that use it. An image that comes
    after more than k1 exact duplicates is not among its own neighbours and has an empty encoding;
    the authors' form 2 - Σ min is kept for it.
    """
    gallery = encodings[num_query:]
    users = gallery.T.tocsr()  # (N, G): row j holds the gallery images with weight in column j
    for query_idx in range(num_query):
        span = slice(encodings.indptr[query_idx], encodings.indptr[query_idx + 1])
        cols, weights = encodings.indices[span], encodings.data[span]
        shared = users[cols]
        smaller = np.minimum(shared.data, np.repeat(weights, np.diff(shared.indptr)))
        common = np.bincount(shared.indices, weights=smaller, minlength=gallery.shape[0])
        yield 1 - common / (2 - common)
