"""Re-ranking by a graph neural network without learned weights.

Zhang and others, "Understanding Image Retrieval Re-Ranking: A Graph Neural Network Perspective",
arXiv:2012.07620. Each image starts as the indicator of its k1 nearest images, itself counted.
Twice, the matrix A of these rows is made symmetric, A + Aᵀ, each row becomes the sum of the rows of
its k2 nearest images weighted by the squares of their cosines, and is scaled to length 1. The
result is 1 - the cosine of two rows.

The published program does this with dense matrices of all pairs on a GPU; here they are sparse, the
rows of the gallery exist in their last form for one block at a time, and equally near images are
ordered by their index.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from vreid.features import FloatArray
from vreid.neighbours.found import Index
from vreid.rerank.given import Array
from vreid.rerank.variant_input import check_counts, cosine_source, neighbours

_BLOCK_VALUES = 1 << 22  # 16 MB of float32 a block of the gallery
_BLOCK_ROWS = 2048


def gnn(query_feats: Array, gallery_feats: Array, *, k1: int = 26, k2: int = 7) -> FloatArray:
    """Distances of the rows that the graph gives queries and gallery.

    Corner cases:

    - More neighbours than images: all images are neighbours. k2 above k1 counts as k1.
    - k2 = 1: nothing is passed on, and the result is 1 - the number of shared neighbours.
    - Features are scaled to length 1; those of length 1 are used as they are.

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        k1: Neighbours in the graph, the image itself counted, >= 1.
        k2: Neighbours that pass their rows on, the image itself counted, >= 1.

    Returns:
        (Q, G) float32, for k2 > 1 in [0, 1] up to rounding.

    Raises:
        ConfigError: For numbers of neighbours out of range.
        DataError: For features that do not fit each other, hold NaN or are all 0 in a row.
    """
    check_counts(k1, k2)
    source = cosine_source(query_feats, gallery_feats)
    num_query, num_all = source.num_query, source.num_all
    found = neighbours(source, k1)
    rows = _sparse(found.idx, np.ones(found.idx.shape, dtype=np.float32))  # (N, N)
    passing = None
    if k2 > 1:
        cosines = 1 - found.dist[:, :k2] / 2
        passing = _sparse(found.idx[:, :k2], np.square(cosines).astype(np.float32))
        rows = _passed(passing, rows + rows.T)
        rows = rows + rows.T
    users = _last(passing, rows, slice(0, num_query)).T.tocsr()  # (N, Q)
    final = np.empty((num_query, num_all - num_query), dtype=np.float32)
    step = max(1, min(_BLOCK_ROWS, _BLOCK_VALUES // num_query))
    for start in range(num_query, num_all, step):
        stop = min(start + step, num_all)
        sims = _last(passing, rows, slice(start, stop)) @ users  # (B, Q)
        final[:, start - num_query : stop - num_query] = 1 - sims.toarray().T
    return final


def _sparse(cols: Index, values: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    """(N, N) with the values at the (N, k) given columns of each row."""
    num_rows, num_cols = cols.shape
    indptr = np.arange(0, num_rows * num_cols + 1, num_cols)
    return sparse.csr_matrix((values.ravel(), cols.ravel(), indptr), shape=(num_rows, num_rows))


def _passed(passing: sparse.csr_matrix, rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Weighted sums of rows, scaled to length 1; none is 0, as the nearest image has cosine 1."""
    made = (passing @ rows).tocsr()
    squares = np.add.reduceat(np.square(made.data), made.indptr[:-1], dtype=np.float64)
    made.data /= np.repeat(np.sqrt(squares).astype(np.float32), np.diff(made.indptr))
    return made


def _last(
    passing: sparse.csr_matrix | None, rows: sparse.csr_matrix, span: slice
) -> sparse.csr_matrix:
    """Some of the rows that are compared, (B, N)."""
    return rows[span] if passing is None else _passed(passing[span], rows)
