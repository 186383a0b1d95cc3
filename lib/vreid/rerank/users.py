"""The inverted index of the gallery: which images have weight in a column, and how much."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.compiled import compiled
from vreid.features import IntArray
from vreid.neighbours.found import Index
from vreid.rerank.encode import Encodings

_Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Users:
    """For each column the gallery images that have weight there: ``indptr[c]:indptr[c + 1]``.

    Attributes:
        indptr: (N + 1,) int64.
        images: (P,) int32 gallery numbers, ascending in each column.
        weights: (P,) float32.
    """

    indptr: IntArray
    images: Index
    weights: _Weights


def find_users(encodings: Encodings, num_query: int) -> Users:
    """The inverted index of the gallery, for the columns that queries use."""
    num_all = len(encodings.indptr) - 1
    arrays = (encodings.indptr, encodings.cols)
    used_mask = np.zeros(num_all, dtype=np.bool_)
    used_mask[encodings.cols[: encodings.indptr[num_query]]] = True
    counts = np.zeros(num_all + 1, dtype=np.int64)
    _count_users(*arrays, used_mask, counts[1:], num_query)
    indptr = np.cumsum(counts)
    images = np.empty(indptr[-1], dtype=np.int32)
    weights = np.empty(indptr[-1], dtype=np.float32)
    _fill_users(
        *arrays, encodings.weights, used_mask, indptr[:-1].copy(), images, weights, num_query
    )
    return Users(indptr, images, weights)


@compiled
def _count_users(
    indptr: IntArray,
    cols: Index,
    used_mask: npt.NDArray[np.bool_],
    counts: IntArray,
    num_query: int,
) -> None:
    for at in range(indptr[num_query], indptr[-1]):
        if used_mask[cols[at]]:
            counts[cols[at]] += 1


@compiled
def _fill_users(
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    used_mask: npt.NDArray[np.bool_],
    places: IntArray,
    images: Index,
    user_weights: _Weights,
    num_query: int,
) -> None:
    for row in range(num_query, indptr.shape[0] - 1):
        for at in range(indptr[row], indptr[row + 1]):
            col = cols[at]
            if used_mask[col]:
                images[places[col]] = row - num_query
                user_weights[places[col]] = weights[at]
                places[col] += 1
