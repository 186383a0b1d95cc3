"""The best of each query by the inverted index, against a sort of all."""

import numpy as np
import pytest

from tests.neighbours.made import exact, of_kind, threads
from tests.rerank.oracle import Wide, squared
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index
from vreid.rerank import best, encode, encode_plain
from vreid.rerank.best import Best, find_best
from vreid.rerank.encode import Encodings
from vreid.rerank.users import find_users

NUM, NUM_QUERY = 300, 60


class Case:
    """Encodings and distances of some features, and the totals of all pairs."""

    def __init__(self, feats_kind: str, lambda_: float) -> None:
        self.square = squared(of_kind(feats_kind, NUM))
        near = exact(self.square, 13)
        self.lambda_, self.largest = lambda_, near.largest
        self.encodings = encode.encode(near.idx, near.dist, near.largest, self.pairs, k1=12, k2=4)
        final = self.square[:NUM_QUERY, NUM_QUERY:].astype(np.float32)
        options = {"start": 0, "num_query": NUM_QUERY}
        encode_plain.mix(final, self.encodings, self.largest, lambda_, **options)
        self.totals: Wide = final.astype(np.float64)

    def pairs(self, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        return np.asarray(self.square[np.repeat(rows, np.diff(indptr)), cols])

    def best(self, k: int, *, encodings: Encodings | None = None) -> Best:
        near = exact(self.square[:NUM_QUERY, NUM_QUERY:], k)
        encodings = encodings or self.encodings
        return find_best(
            encodings,
            find_users(encodings, NUM_QUERY),
            near.idx,
            near.dist,
            self.largest[:NUM_QUERY],
            self.pairs,
            num_query=NUM_QUERY,
            k=k,
            lambda_=self.lambda_,
        )


@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("k", [1, 5, 40, NUM - NUM_QUERY])
@pytest.mark.parametrize("kind", ["clustered", "copies"])
def test_they_are_the_head_of_a_sort(kind: str, k: int, lambda_: float) -> None:
    case = Case(kind, lambda_)
    found = case.best(k)
    np.testing.assert_allclose(found.dist, np.sort(case.totals, axis=1)[:, :k], atol=1e-6)
    theirs = np.take_along_axis(case.totals, found.idx, axis=1)
    np.testing.assert_allclose(found.dist, theirs, atol=1e-6)
    assert all(len(set(row)) == k for row in found.idx.tolist())


@pytest.mark.parametrize("k", [3, 100])
def test_without_distances_the_first_of_those_not_met_are_listed(k: int) -> None:
    case = Case("clustered", 0.0)
    nothing = Encodings(
        np.zeros(NUM + 1, dtype=np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
    )
    found = case.best(k, encodings=nothing)
    np.testing.assert_array_equal(found.idx, np.tile(np.arange(k), (NUM_QUERY, 1)))
    assert (found.dist == 1).all()


def test_blocks_and_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("copies", 0.3)
    whole = case.best(30)
    monkeypatch.setattr(best, "_QUERIES", 7)
    with threads(3):
        parts = case.best(30)
    np.testing.assert_array_equal(parts.idx, whole.idx)
    np.testing.assert_array_equal(parts.dist, whole.dist)


def test_few_images_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("clustered", 0.3)
    counts: list[int] = []
    pairs = case.pairs

    def counted(rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        counts.append(len(cols))
        return pairs(rows, indptr, cols)

    monkeypatch.setattr(case, "pairs", counted)
    case.best(10)
    assert sum(counts) < NUM_QUERY * (NUM - NUM_QUERY) / 3


def test_blocks_without_loops_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("clustered", 0.3)

    def fill(out: FloatArray, start: int) -> None:
        out[:] = case.square[start : start + len(out), NUM_QUERY:]

    def best_20() -> Best:
        return encode_plain.find_best(
            case.encodings, fill, case.largest, num_query=NUM_QUERY, k=20, lambda_=0.3
        )

    whole = best_20()
    monkeypatch.setattr(encode_plain, "_BLOCK_VALUES", 7 * NUM)
    parts = best_20()
    np.testing.assert_array_equal(parts.idx, whole.idx)
    np.testing.assert_array_equal(parts.dist, whole.dist)
    np.testing.assert_array_equal(whole.idx, np.argsort(case.totals, axis=1, kind="stable")[:, :20])
