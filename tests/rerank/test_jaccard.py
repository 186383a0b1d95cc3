"""Sums of minima over an inverted index against sums over dense rows."""

import numpy as np
import pytest
from scipy import sparse

from tests.neighbours.made import threads
from tests.rerank.oracle import Wide, smaller
from vreid.features import FloatArray
from vreid.rerank import encode_plain, jaccard
from vreid.rerank.encode import Encodings
from vreid.rerank.users import find_users

NUM, NUM_QUERY = 90, 20


def made(seed: int = 0) -> tuple[Encodings, Wide]:
    """Random sparse rows of sum 1, some of them empty, and the same as a dense matrix."""
    rng = np.random.default_rng(seed)
    dense = rng.random((NUM, NUM)) * (rng.random((NUM, NUM)) < 0.1)
    dense[[4, 50]] = 0
    sums = dense.sum(axis=1, keepdims=True)
    dense = (dense / np.where(sums > 0, sums, 1)).astype(np.float32)
    rows = sparse.csr_matrix(dense)
    cols = rows.indices.astype(np.int32)
    for row in range(NUM):  # entries come in any order
        span = slice(rows.indptr[row], rows.indptr[row + 1])
        order = rng.permutation(span.stop - span.start)
        cols[span], rows.data[span] = cols[span][order], rows.data[span][order]
    return Encodings(rows.indptr.astype(np.int64), cols, rows.data), dense.astype(np.float64)


def distances(largest: Wide) -> FloatArray:
    rng = np.random.default_rng(1)
    return (largest[:NUM_QUERY, None] * rng.random((NUM_QUERY, NUM - NUM_QUERY))).astype(np.float32)


@pytest.mark.parametrize("way", ["compiled", "plain"])
@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_distances_are_mixed(way: str, lambda_: float, num_threads: int) -> None:
    encodings, dense = made()
    largest = np.random.default_rng(2).random(NUM) + 0.5
    given = distances(largest)
    common = smaller(dense[:NUM_QUERY], dense[NUM_QUERY:])
    wanted = (1 - lambda_) * (1 - common / (2 - common))
    wanted += lambda_ * given / largest[:NUM_QUERY, None]
    final = given.copy()
    with threads(num_threads):
        if way == "compiled":
            users = find_users(encodings, NUM_QUERY)
            jaccard.mix(final, encodings, users, largest, lambda_)
        else:
            options = {"start": 7, "num_query": NUM_QUERY}
            encode_plain.mix(final[7:], encodings, largest, lambda_, **options)
            encode_plain.mix(final[:7], encodings, largest, lambda_, start=0, num_query=NUM_QUERY)
    np.testing.assert_allclose(final, wanted, atol=3e-7)
    assert (final[4] >= 1 - lambda_ - 1e-6).all()  # a query without an encoding
    assert (final[:, 30] >= 1 - lambda_ - 1e-6).all()  # a gallery image without one
