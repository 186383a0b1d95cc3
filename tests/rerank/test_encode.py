"""Encodings as sparse rows, compiled and without loops, against the dense definition."""

from types import ModuleType

import numpy as np
import pytest

from tests.neighbours.made import exact, of_kind, threads
from tests.rerank import oracle
from tests.rerank.oracle import Wide, squared
from vreid.features import IntArray
from vreid.neighbours.found import Index
from vreid.rerank import encode, encode_plain
from vreid.rerank.encode import Encodings

WAYS = [encode, encode_plain]
NUM = 250


class Pairs:
    """Distances out of a matrix, counted."""

    def __init__(self, square: Wide) -> None:
        self.square, self.num = square, 0

    def __call__(self, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        self.num += len(cols)
        assert indptr[0] == 0
        assert indptr[-1] == len(cols)
        return np.asarray(self.square[np.repeat(rows, np.diff(indptr)), cols])


def dense(encodings: Encodings) -> Wide:
    num = len(encodings.indptr) - 1
    found = np.zeros((num, num))
    for row in range(num):
        span = slice(encodings.indptr[row], encodings.indptr[row + 1])
        assert len(set(encodings.cols[span].tolist())) == span.stop - span.start
        found[row, encodings.cols[span]] = encodings.weights[span]
    return found


def wanted(square: Wide, k1: int, k2: int) -> Wide:
    """Of distances as rows, each row divided by its largest."""
    given = square / square.max(axis=1, keepdims=True)
    ranks = np.argsort(given, axis=1, kind="stable")
    made = oracle.encode(given, ranks, k1)
    if k2 == 1:
        return made
    return np.stack([made[row[:k2]].mean(axis=0) for row in ranks])


def encoded(
    way: ModuleType, square: Wide, k1: int, k2: int, *, symmetric: bool = True
) -> tuple[Encodings, Pairs]:
    near = exact(square, min(len(square), max(k1 + 1, k2)))
    pairs = Pairs(square)
    options = {"k1": k1, "k2": k2, "symmetric": symmetric}
    return way.encode(near.idx, near.dist, near.largest, pairs, **options), pairs


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (50, 15), (7, 1), (1, 1), (3, 20), (400, 400)])
@pytest.mark.parametrize("kind", ["clustered", "copies"])
def test_encodings_are_those_of_the_definition(
    way: ModuleType, kind: str, k1: int, k2: int
) -> None:
    square = squared(of_kind(kind, NUM))
    found, _ = encoded(way, square, k1, k2)
    assert found.indptr.dtype == np.int64
    assert found.cols.dtype == np.int32
    assert found.weights.dtype == np.float32
    np.testing.assert_allclose(dense(found), wanted(square, k1, k2), rtol=3e-7, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_rows_sum_to_one_or_are_empty(way: ModuleType) -> None:
    feats = of_kind("clustered", NUM)
    feats[10:60] = feats[10]
    found, _ = encoded(way, squared(feats), 12, 1)
    sums = dense(found).sum(axis=1)
    assert set(np.round(sums, 6)) == {0.0, 1.0}
    assert (sums[23:60] == 0).all()  # behind more than 12 copies of themselves
    np.testing.assert_allclose(sums[sums > 0], 1, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_distances_of_one_direction_stay_there(way: ModuleType) -> None:
    square = np.random.default_rng(0).random((80, 80))
    np.fill_diagonal(square, 0)
    found, _ = encoded(way, square, 15, 4, symmetric=False)
    np.testing.assert_allclose(dense(found), wanted(square, 15, 4), rtol=3e-7)


@pytest.mark.parametrize("way", WAYS)
def test_only_distances_that_no_list_holds_are_asked_for(way: ModuleType) -> None:
    square = squared(of_kind("clustered", NUM))
    k1 = 20
    found, pairs = encoded(way, square, k1, 1)
    first = np.argsort(square, axis=1, kind="stable")[:, : k1 + 1]
    listed_mask = np.zeros(square.shape, dtype=bool)
    np.put_along_axis(listed_mask, first, True, axis=1)
    rows = np.repeat(np.arange(NUM), np.diff(found.indptr))
    unlisted = ~(listed_mask | listed_mask.T)[rows, found.cols]
    assert 0 < unlisted.sum() == pairs.num < len(found.cols) / 2


@pytest.mark.parametrize("num_threads", [1, 3])
def test_threads_change_no_bit(num_threads: int) -> None:
    square = squared(of_kind("copies", NUM))
    one, _ = encoded(encode, square, 20, 6)
    with threads(num_threads):
        other, _ = encoded(encode, square, 20, 6)
    for name in ("indptr", "cols", "weights"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


def test_half_of_an_odd_number_is_rounded_to_even() -> None:
    # round(5 / 2) = 2 and round(7 / 2) = 4: the definition's np.around, not half up.
    square = squared(of_kind("clustered", 120))
    for k1 in (1, 3, 5, 7, 9, 11, 13):
        found, _ = encoded(encode, square, k1, 1)
        np.testing.assert_allclose(dense(found), wanted(square, k1, 1), rtol=3e-7)
