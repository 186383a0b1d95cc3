"""The encodings and Jaccard distances without compiled loops: sparse matrices and NumPy.

The same results as `encode` and `jaccard`, up to the order in which weights are added.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.ranking import nearest
from vreid.rerank.alike import Alike, Pairs
from vreid.rerank.best import Best
from vreid.rerank.encode import Encodings

_BLOCK_VALUES = 1 << 23  # 32 MB of float32 a block of queries

# (first query, (B, G) float32 to be overwritten with its distances)
Fill = Callable[[FloatArray, int], None]


def encode(
    idx: Index,
    dist: Wide,
    largest: Wide,
    pairs: Pairs,
    *,
    k1: int,
    k2: int,
    symmetric: bool = True,
) -> Encodings:
    """See `encode.encode`."""
    half = round(k1 / 2)  # to even at .5, as NumPy's
    alike = find_alike(idx, dist, pairs, num_full=k1 + 1, num_half=half + 1, symmetric=symmetric)
    own = weigh(alike, largest)
    return own if k2 == 1 else average(idx[:, :k2], own)


def find_alike(
    idx: Index,
    dist: Wide,
    pairs: Pairs,
    *,
    num_full: int,
    num_half: int,
    symmetric: bool = True,
) -> Alike:
    """See `alike.find_alike`; columns are ascending in each set."""
    expanded = _expand(idx[:, :num_full], num_half)
    indptr, cols = expanded.indptr.astype(np.int64), expanded.indices.astype(np.int32)
    row_of = np.repeat(np.arange(len(idx)), np.diff(indptr))
    gaps = _known(idx, dist, row_of, cols, symmetric)
    missing = np.flatnonzero(np.isnan(gaps))
    if len(missing):
        rows, counts = np.unique(row_of[missing], return_counts=True)
        gaps[missing] = pairs(rows, np.concatenate([[0], np.cumsum(counts)]), cols[missing])
    return Alike(indptr, cols, gaps)


def weigh(alike: Alike, largest: Wide) -> Encodings:
    """See `encode.weigh`."""
    row_of = np.repeat(np.arange(len(largest)), np.diff(alike.indptr))
    smallest = np.full(len(largest), np.inf)
    np.minimum.at(smallest, row_of, alike.gaps)
    weights = np.exp((smallest[row_of] - alike.gaps) / largest[row_of])
    weights /= np.bincount(row_of, weights=weights, minlength=len(largest))[row_of]
    return Encodings(alike.indptr, alike.cols, weights.astype(np.float32))


def average(nearest: Index, own: Encodings) -> Encodings:
    """See `encode.average`."""
    shape = (len(nearest), len(nearest))
    wide = sparse.csr_matrix((own.weights.astype(np.float64), own.cols, own.indptr), shape=shape)
    made = (_indicator(nearest, np.float64) @ wide / nearest.shape[1]).tocsr()
    return Encodings(
        made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data.astype(np.float32)
    )


def _known(idx: Index, dist: Wide, row_of: IntArray, cols: Index, symmetric: bool) -> Wide:
    """Distances of pairs of which one is in the other's list; NaN for the rest."""
    num_all, k = idx.shape
    keys = (np.arange(num_all)[:, None] * num_all + idx).ravel()
    order = np.argsort(keys)
    found = np.full(len(cols), np.nan)
    turned = [cols.astype(np.int64) * num_all + row_of] if symmetric else []
    for wanted in (row_of * num_all + cols, *turned):
        place = np.minimum(np.searchsorted(keys, wanted, sorter=order), num_all * k - 1)
        hit = (keys[order[place]] == wanted) & np.isnan(found)
        found[hit] = dist.ravel()[order[place[hit]]]
    return found


def _indicator(cols: Index, dtype: type[np.generic]) -> sparse.csr_matrix:
    """(N, N) sparse matrix with ones at the (N, k) given columns of each row."""
    num_rows, num_cols = cols.shape
    indptr = np.arange(0, num_rows * num_cols + 1, num_cols)
    values = np.ones(cols.size, dtype=dtype)
    return sparse.csr_matrix((values, cols.ravel(), indptr), shape=(num_rows, num_rows))


def _reciprocal(lists: Index) -> sparse.csr_matrix:
    """(N, N) ones where two images are in each other's list."""
    forward = _indicator(lists, np.int32)
    return forward.multiply(forward.T).tocsr()


def _expand(lists: Index, num_half: int) -> sparse.csr_matrix:
    """The set of each image as a sparse row, columns ascending.

    To the reciprocal neighbours R of an image join the R' of each of them, found among the first
    `num_half` places, that lie in R by more than two thirds.
    """
    reciprocal = _reciprocal(lists)
    half = _reciprocal(lists[:, :num_half])
    # |R(i) ∩ R'(c)| for the candidates c in R(i)
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


def mix(
    final: FloatArray,
    encodings: Encodings,
    largest: Wide,
    lambda_: float,
    *,
    start: int,
    num_query: int,
) -> None:
    """Turn the (B, G) distances of queries start, … into re-ranked ones; see `jaccard.mix`."""
    num_all = len(encodings.indptr) - 1
    matrix = sparse.csr_matrix(
        (encodings.weights, encodings.cols, encodings.indptr), shape=(num_all, num_all)
    )
    users = matrix[num_query:].T.tocsr()  # (N, G): row j holds the gallery images that use column j
    for at, row in enumerate(final):
        query = start + at
        span = slice(encodings.indptr[query], encodings.indptr[query + 1])
        cols, weights = encodings.cols[span], encodings.weights[span]
        shared = users[cols]
        smaller = np.minimum(shared.data, np.repeat(weights, np.diff(shared.indptr)))
        common = np.bincount(shared.indices, weights=smaller, minlength=len(row))
        jaccard: npt.NDArray[np.float64] = 1 - common / (2 - common)
        row[:] = (1 - lambda_) * jaccard + lambda_ / largest[query] * row


def find_best(
    encodings: Encodings, fill: Fill, largest: Wide, *, num_query: int, k: int, lambda_: float
) -> Best:
    """The k best of each query, from one block of rows after the other; see `best.find_best`."""
    num_gallery = len(encodings.indptr) - 1 - num_query
    idx = np.empty((num_query, k), dtype=np.int64)
    dist = np.empty((num_query, k), dtype=np.float32)
    step = max(1, _BLOCK_VALUES // num_gallery)
    for start in range(0, num_query, step):
        span = slice(start, min(start + step, num_query))
        block = np.empty((span.stop - start, num_gallery), dtype=np.float32)
        fill(block, start)
        mix(block, encodings, largest, lambda_, start=start, num_query=num_query)
        idx[span] = nearest(block, k)
        dist[span] = np.take_along_axis(block, idx[span], axis=1)
    return Best(idx, dist)
