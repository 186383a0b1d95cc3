"""k-reciprocal re-ranking in half precision, as strong baselines of the field carry it.

The method is that of `reciprocal` (Zhong, Zheng, Cao, Li, CVPR 2017, arXiv:1701.08398). To save
half of the memory of their dense matrices, several programs keep the encodings, their averages, the
sums of minima and the Jaccard distances in float16; results have been published with it, often at
k1 50, k2 15, lambda 0.5. The rounding is part of the result: each minimum is added to a float16
sum, in the order of the columns, and many Jaccard distances become equal, because float16 has steps
of 0.0005 below 1.

What differs here is the way, not the result: neighbours are exact with equal distances in the order
of their index, encodings are sparse rows, and no matrix of all pairs exists. Distances are rounded
once, from float64 to float32, where the dense programs carry the error of a float32 product; a
weight that lies that near to the border of two float16 numbers may come out as the other one.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from vreid.compiled import available, compiled, over_rows
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.rerank import alike, encode, encode_plain
from vreid.rerank.alike import Alike
from vreid.rerank.encode import Encodings
from vreid.rerank.given import Array, check_parameters
from vreid.rerank.users import find_users
from vreid.rerank.variant_input import euclidean_source, neighbours

_Weights = npt.NDArray[np.float32]


def half_precision(
    query_feats: Array,
    gallery_feats: Array,
    *,
    k1: int = 50,
    k2: int = 15,
    lambda_: float = 0.5,
) -> FloatArray:
    """Re-ranked distances whose Jaccard part is computed in float16.

    Corner cases are those of `k_reciprocal`; Jaccard distances may be a little below 0.

    Args:
        query_feats: (Q, D) float32; squared Euclidean distances are re-ranked.
        gallery_feats: (G, D) float32.
        k1: Neighbours of which the reciprocal ones are kept, the image itself not counted, >= 1.
        k2: Neighbours whose encodings are averaged, the image itself counted, >= 1; 1 for none.
        lambda_: Weight of the given distance against the Jaccard distance, in [0, 1].

    Returns:
        (Q, G) float32, (1 - lambda) * Jaccard + lambda * d: the first is a float16 number, and d is
        divided by its largest value in the row.

    Raises:
        ConfigError: For parameters out of range.
        DataError: For features that do not fit each other or hold NaN.
    """
    check_parameters(k1, k2, lambda_, None)
    source = euclidean_source(query_feats, gallery_feats)
    found = neighbours(source, max(k1 + 1, k2))
    largest = np.where(found.largest > 0, found.largest, 1.0).astype(np.float32)
    plain = not available()
    find = encode_plain.find_alike if plain else alike.find_alike
    half = round(k1 / 2)  # to even at .5, as NumPy's
    sets = find(found.idx, found.dist, source.pairs, num_full=k1 + 1, num_half=half + 1)
    encodings = _weigh(sets, largest)
    if k2 > 1:
        average = encode_plain.average if plain else encode.average
        encodings = _ordered(average(np.ascontiguousarray(found.idx[:, :k2]), encodings))
    final = np.empty((source.num_query, source.num_all - source.num_query), dtype=np.float32)
    source.fill(final, 0)
    final /= largest[: len(final), None]
    (_mix_plain if plain else _mix)(final, encodings, lambda_)
    return final


def _rounded(values: npt.NDArray[np.floating]) -> _Weights:
    """float16 numbers, held as float32: compiled loops know no others."""
    return values.astype(np.float16).astype(np.float32)


def _weigh(sets: Alike, largest: _Weights) -> Encodings:
    """float16 weights; all steps before are float32, in the order in which the columns ascend."""
    num_all = len(largest)
    ordered = sparse.csr_matrix((sets.gaps, sets.cols, sets.indptr), shape=(num_all, num_all))
    ordered.sort_indices()
    row_of = np.repeat(np.arange(num_all), np.diff(sets.indptr))
    weights = np.exp(-(ordered.data.astype(np.float32) / largest[row_of]))
    # Row by row: NumPy adds eight partial sums, and another order would round differently.
    spans = zip(sets.indptr[:-1], sets.indptr[1:], strict=True)
    totals = np.array([weights[start:stop].sum() for start, stop in spans], dtype=np.float32)
    weights /= totals[row_of]
    return Encodings(sets.indptr, ordered.indices.astype(np.int32, copy=False), _rounded(weights))


def _ordered(encodings: Encodings) -> Encodings:
    """With ascending columns and float16 weights.

    The means come rounded to float32 from sums in float64, which are exact: float16 numbers are
    multiples of 2⁻²⁴.
    """
    num_all = len(encodings.indptr) - 1
    matrix = sparse.csr_matrix(
        (encodings.weights, encodings.cols, encodings.indptr), shape=(num_all, num_all)
    )
    matrix.sort_indices()
    return Encodings(
        encodings.indptr, matrix.indices.astype(np.int32, copy=False), _rounded(matrix.data)
    )


def _mix(final: FloatArray, encodings: Encodings, lambda_: float) -> None:
    """Turn the normalised (Q, G) distances in `final` into re-ranked ones."""
    users = find_users(encodings, len(final))
    arrays = (encodings.indptr, encodings.cols, encodings.weights)
    index = (users.indptr, users.images, users.weights)
    weights = (np.float32(np.float16(1 - lambda_)), np.float32(lambda_))
    over_rows(
        lambda start, stop: _mix_rows(final, *arrays, *index, *weights, start, stop), len(final)
    )


def _mix_plain(final: FloatArray, encodings: Encodings, lambda_: float) -> None:
    """As `_mix`, by NumPy's own float16."""
    num_query, num_all = len(final), len(encodings.indptr) - 1
    matrix = sparse.csr_matrix(
        (encodings.weights, encodings.cols, encodings.indptr), shape=(num_all, num_all)
    )
    users = matrix[num_query:].T.tocsr()  # (N, G): row j holds the gallery images that use column j
    two, one = np.float16(2), np.float16(1)
    for query, row in enumerate(final):
        span = slice(encodings.indptr[query], encodings.indptr[query + 1])
        cols, weights = encodings.cols[span], encodings.weights[span]
        shared = users[cols]
        smaller = np.minimum(shared.data, np.repeat(weights, np.diff(shared.indptr)))
        common = np.zeros(len(row), dtype=np.float16)
        np.add.at(common, shared.indices, smaller.astype(np.float16))  # one after the other
        distances = one - common / (two - common)
        row[:] = np.float16(1 - lambda_) * distances + np.float32(lambda_) * row


@compiled
def _to_half(value: np.float32) -> np.float32:
    """The nearest float16 number, to even where two are as near; for |value| < 65504."""
    if abs(value) < np.float32(6.103515625e-05):  # 2⁻¹⁴: below, the steps are 2⁻²⁴ throughout
        return np.float32(np.float32(value + np.float32(0.75)) - np.float32(0.75))
    pattern = np.int32(np.float32(value).view(np.int32))
    pattern = np.int32((pattern + 0x0FFF + ((pattern >> 13) & 1)) & ~0x1FFF)
    return pattern.view(np.float32)


@compiled
def _mix_rows(
    final: FloatArray,
    indptr: IntArray,
    cols: Index,
    weights: _Weights,
    user_indptr: IntArray,
    user_images: Index,
    user_weights: _Weights,
    jaccard_weight: np.float32,
    dist_weight: np.float32,
    start: int,
    stop: int,
) -> None:
    num_gallery = final.shape[1]
    sums = np.empty(num_gallery, dtype=np.float32)
    one, two = np.float32(1), np.float32(2)
    for query in range(start, stop):
        sums[:] = 0
        for at in range(indptr[query], indptr[query + 1]):
            weight = weights[at]
            for user in range(user_indptr[cols[at]], user_indptr[cols[at] + 1]):
                image = user_images[user]
                sums[image] = _to_half(sums[image] + min(weight, user_weights[user]))
        far = jaccard_weight  # of an image that shares nothing: Jaccard distance 1
        for image in range(num_gallery):
            part = far
            if sums[image] != 0:
                ratio = _to_half(sums[image] / _to_half(two - sums[image]))
                part = _to_half(jaccard_weight * _to_half(one - ratio))
            final[query, image] = part + dist_weight * final[query, image]
