"""Which images are near by Jaccard and cosine distance together, as a sparse graph for clustering.

Unsupervised training clusters images by d = share * Jaccard + (1 - share) * (1 - cos); a share of
0.9 is that of Luo, Chen et al., "An Empirical Study of Vehicle Re-Identification on the AI City
Challenge", CVPR Workshops 2021, arXiv:2105.09701. The Jaccard distance is that of
`nearest_jaccard`. Programs of the field make the dense matrix of all pairs, 4 GB for the images of
that challenge. Here only pairs nearer than a bound below ``share`` exist: as the cosine part is
never negative, such a pair has a Jaccard distance below 1, and those are found through an inverted
index. No pair is missed, and no other is ever measured.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from vreid.compiled import available, compiled, over_rows
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.neighbours.sets import Wide
from vreid.rerank.encode import Encodings
from vreid.rerank.nearest_jaccard import encode_nearest
from vreid.rerank.variant_input import check_counts, cosine_source

_Weights = npt.NDArray[np.float32]
# (first row, row behind the last) -> pairs of each row, their later images, their Jaccard distances
_Find = Callable[[int, int], tuple[IntArray, Index, Wide]]


def near_pairs(
    feats: FloatArray, *, most: float, k1: int = 30, k2: int = 6, share: float = 0.9
) -> sparse.csr_matrix:
    """The graph of all pairs with d <= most.

    Corner cases:

    - More neighbours than images: all images are neighbours.
    - An image without an encoding (see `nearest_jaccard`) is near to itself only.

    Args:
        feats: (N, D) float32, N >= 2; they are scaled to length 1.
        most: The largest distance kept, in [0, share).
        k1: Neighbours of which the reciprocal ones are kept, the image itself counted, >= 1.
        k2: Neighbours whose encodings are averaged, the image itself counted, >= 1; 1 for none.
        share: Weight of the Jaccard distance, in (0, 1].

    Returns:
        (N, N) float64, symmetric to the last bit. What is stored is a distance, 0 too: the diagonal
        is there, and pairs that are not stored are farther than ``most``. The entries of a row come
        by distance, then by column.

    Raises:
        ConfigError: For numbers out of range.
        DataError: For fewer than two images, NaN, and features that are all 0 in a row.
    """
    check_counts(k1, k2)
    if not 0 < share <= 1:
        raise ConfigError(f"the share of the Jaccard distance is {share}; expected (0, 1]")
    if not 0 <= most < share:
        raise ConfigError(
            f"the largest distance is {most} for a share of {share} of the Jaccard distance;"
            f" expected at least 0 and less than {share}: from there on all pairs can be near"
        )
    if len(feats) < 2:
        raise DataError(f"there are {len(feats)} images; at least two are needed to find pairs")
    source = cosine_source(feats[:1], feats[1:])
    encodings = encode_nearest(source, k1=k1, k2=k2)
    indptr, cols, jaccard = _find_pairs(encodings, most / share)
    rows = np.flatnonzero(np.diff(indptr))
    span = np.concatenate([indptr[rows], indptr[-1:]])
    cosine = source.pairs(rows.astype(np.int64), span, cols) / 2  # |a - b|² = 2 - 2 cos
    dist = share * jaccard + (1 - share) * cosine
    row_of = np.repeat(np.arange(len(feats)), np.diff(indptr))
    near = dist <= most
    return _graph(row_of[near], cols[near], dist[near], len(feats))


def _find_pairs(encodings: Encodings, most: float) -> tuple[IntArray, Index, Wide]:
    """Pairs of an image and a later one with a Jaccard distance <= most < 1, as sparse rows."""
    num_all = len(encodings.indptr) - 1
    matrix = sparse.csr_matrix(
        (encodings.weights, encodings.cols, encodings.indptr), shape=(num_all, num_all)
    )
    users = matrix.T.tocsr()  # row c holds the images that use column c, ascending
    most += 1e-9  # a pair at the bound is judged by its whole distance later
    arrays = (encodings.indptr.astype(np.int64), encodings.cols, encodings.weights)
    index = (users.indptr.astype(np.int64), users.indices.astype(np.int32), users.data)

    def fast(start: int, stop: int) -> tuple[IntArray, Index, Wide]:
        return _near_rows(*arrays, *index, most, start, stop)

    def slow(start: int, stop: int) -> tuple[IntArray, Index, Wide]:
        return _near_plainly(*arrays, users, most, start, stop)

    return _over_rows(fast if available() else slow, num_all)


def _over_rows(find: _Find, num_rows: int) -> tuple[IntArray, Index, Wide]:
    found: dict[int, tuple[IntArray, Index, Wide]] = {}

    def work(start: int, stop: int) -> None:
        found[start] = find(start, stop)

    over_rows(work, num_rows)
    parts = [found[start] for start in sorted(found)]
    counts, cols, jaccard = (np.concatenate(column) for column in zip(*parts, strict=True))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), cols, jaccard


@compiled
def _near_rows(
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    user_indptr: IntArray,
    user_images: Index,
    user_weights: _Weights,
    most: float,
    start: int,
    stop: int,
) -> tuple[IntArray, Index, Wide]:
    num_all = indptr.shape[0] - 1
    sums = np.zeros(num_all, dtype=np.float64)
    touched = np.empty(num_all, dtype=np.int32)
    counts = np.zeros(stop - start, dtype=np.int64)
    near: Index = np.empty(1024, dtype=np.int32)
    jaccard: Wide = np.empty(1024, dtype=np.float64)
    size = 0
    for row in range(start, stop):
        met = 0
        for at in range(indptr[row], indptr[row + 1]):
            for user in range(user_indptr[cols[at]], user_indptr[cols[at] + 1]):
                image = user_images[user]
                if image <= row:
                    continue
                if sums[image] == 0.0:
                    touched[met] = image
                    met += 1
                sums[image] += min(weights[at], user_weights[user])
        while size + met > near.shape[0]:
            near = np.concatenate((near, np.empty_like(near)))
            jaccard = np.concatenate((jaccard, np.empty_like(jaccard)))
        for at in range(met):
            image = touched[at]
            one = 1 - sums[image] / (2 - sums[image])
            sums[image] = 0.0
            if one <= most:
                near[size] = image
                jaccard[size] = max(one, 0.0)
                counts[row - start] += 1
                size += 1
    return counts, near[:size].copy(), jaccard[:size].copy()


def _near_plainly(
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    users: sparse.csr_matrix,
    most: float,
    start: int,
    stop: int,
) -> tuple[IntArray, Index, Wide]:
    counts: list[int] = []
    near: list[Index] = [np.zeros(0, np.int32)]
    jaccard: list[Wide] = [np.zeros(0)]
    for row, (first, end) in enumerate(pairwise(indptr[start : stop + 1].tolist()), start=start):
        shared = users[cols[first:end]]
        smaller = np.minimum(
            shared.data, np.repeat(weights[first:end], np.diff(shared.indptr))
        ).astype(np.float64)
        common = np.bincount(shared.indices, weights=smaller, minlength=users.shape[1])
        dist = 1 - common / (2 - common)
        images = row + 1 + np.flatnonzero(dist[row + 1 :] <= most)
        counts.append(len(images))
        near.append(images.astype(np.int32))
        jaccard.append(np.maximum(dist[images], 0))
    return np.array(counts, dtype=np.int64), np.concatenate(near), np.concatenate(jaccard)


def _graph(rows: IntArray, cols: Index, dist: Wide, num_all: int) -> sparse.csr_matrix:
    """Both directions of each pair and the diagonal."""
    diagonal = np.arange(num_all)
    row_of = np.concatenate([diagonal, rows, cols])
    col_of = np.concatenate([diagonal, cols, rows])
    values = np.concatenate([np.zeros(num_all), dist, dist])
    order = np.lexsort((col_of, values, row_of))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row_of, minlength=num_all))])
    return sparse.csr_matrix((values[order], col_of[order], indptr), shape=(num_all, num_all))
