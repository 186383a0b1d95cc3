"""k-reciprocal re-ranking as the paper and the authors' program define it, with sets, in float64.

Slow where that keeps it plain, and fast enough for thousands of images: only sorting, averaging and
the sums over shared columns are NumPy's. Equal distances are ordered by index (a stable sort).
"""

import numpy as np
import numpy.typing as npt

from vreid.features import FloatArray

Wide = npt.NDArray[np.float64]


def squared(feats: FloatArray) -> Wide:
    """(N, N) squared Euclidean distances by direct differences.

    Each pair is summed alone, in one order: exact copies are at equal distances to the last bit,
    which a matrix product does not promise.
    """
    wide = feats.astype(np.float64)
    rows = np.empty((len(wide), len(wide)))
    for row, one in zip(rows, wide, strict=True):
        gap = wide - one
        np.einsum("nd,nd->n", gap, gap, out=row)
    return rows


def re_ranked(square: Wide, num_query: int, *, k1: int, k2: int, lambda_: float) -> Wide:
    """(Q, G) re-ranked distances of an (N, N) matrix, queries first."""
    largest = square.max(axis=0)
    largest[largest == 0] = 1  # all images the same; 0 / 0 by the definition
    given = (square / largest).T  # row i: the distances of image i
    ranks = np.argsort(given, axis=1, kind="stable")[:, : max(k1 + 1, k2)]
    encodings = encode(given, ranks, k1)
    if k2 > 1:
        encodings = np.stack([encodings[row[:k2]].mean(axis=0) for row in ranks])
    common = smaller(encodings[:num_query], encodings[num_query:])
    jaccard = 1 - common / (2 - common)
    return np.asarray((1 - lambda_) * jaccard + lambda_ * given[:num_query, num_query:])


def encode(given: Wide, ranks: npt.NDArray[np.int64], k1: int) -> Wide:
    """(N, N): in row i exp(-d) of the images in its expanded set, divided by their sum."""
    near, near_half = reciprocal(ranks, k1), reciprocal(ranks, int(np.around(k1 / 2)))
    encodings = np.zeros(given.shape)
    for i, own in enumerate(near):
        expanded = set(own)
        for candidate in own:
            theirs = near_half[candidate]
            if len(theirs & own) > 2 / 3 * len(theirs):
                expanded |= theirs
        cols = sorted(expanded)
        weights = np.exp(-given[i, cols])
        encodings[i, cols] = weights / weights.sum()
    return encodings


def reciprocal(ranks: npt.NDArray[np.int64], k: int) -> list[set[int]]:
    """R(i, k): those among the first k + 1 of image i that have i among theirs."""
    firsts = [set(row) for row in ranks[:, : k + 1].tolist()]
    return [{j for j in own if i in firsts[j]} for i, own in enumerate(firsts)]


def smaller(query: Wide, gallery: Wide) -> Wide:
    """(Q, G) Σ min of the rows; columns where the query has nothing add nothing."""
    turned = np.ascontiguousarray(gallery.T)
    common = np.zeros((len(query), len(gallery)))
    for row, one in zip(common, query, strict=True):
        cols = np.flatnonzero(one)
        row += np.minimum(one[cols, None], turned[cols]).sum(axis=0)
    return common
