"""A square matrix as the source, read a block of columns at a time."""

from pathlib import Path

import numpy as np
import pytest

from tests.neighbours.made import check, exact
from vreid.errors import DataError
from vreid.features import FloatArray
from vreid.rerank import dense
from vreid.rerank.dense import DenseSource

NUM, NUM_QUERY = 130, 40


@pytest.fixture(params=[None, 3 * NUM, 1], ids=["one block", "three columns", "one column"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DenseSource:
    if request.param is not None:
        monkeypatch.setattr(dense, "_BLOCK_VALUES", request.param)
    return DenseSource(matrix(), NUM_QUERY)


def matrix() -> FloatArray:
    """Not symmetric, with many equal distances and some below 0."""
    rng = np.random.default_rng(0)
    return rng.integers(-2, 40, (NUM, NUM)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 9, NUM])
def test_neighbours_are_those_of_the_columns(source: DenseSource, k: int) -> None:
    query, gallery = source.neighbours(k, min(2 * k, NUM))
    turned = matrix().T.astype(np.float64)
    check(query, exact(turned, min(2 * k, NUM)), slice(0, NUM_QUERY))
    check(gallery, exact(turned, k), slice(NUM_QUERY, NUM))


def test_neighbours_in_the_gallery(source: DenseSource) -> None:
    queries = np.array([3, 39, 0])
    idx, dist = source.gallery_neighbours(queries, 12)
    wanted = exact(matrix().T[queries, NUM_QUERY:].astype(np.float64), 12)
    np.testing.assert_array_equal(idx, wanted.idx)
    np.testing.assert_array_equal(dist, wanted.dist)


def test_pairs_are_read_from_the_columns(source: DenseSource) -> None:
    rows = np.array([100, 3, 129, 40, 3])
    counts = np.array([4, 0, 50, 1, 3])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    cols = np.random.default_rng(1).integers(0, NUM, indptr[-1]).astype(np.int32)
    wanted = matrix()[cols, np.repeat(rows, counts)]
    np.testing.assert_array_equal(source.pairs(rows, indptr, cols), wanted)


def test_distances_are_filled_from_the_columns(source: DenseSource) -> None:
    out = np.empty((15, NUM - NUM_QUERY), dtype=np.float32)
    source.fill(out, 20)
    np.testing.assert_array_equal(out, matrix()[NUM_QUERY:, 20:35].T)


def test_a_mapped_file_is_read_a_block_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "_BLOCK_VALUES", 5 * NUM)
    np.save(tmp_path / "d.npy", matrix())
    source = DenseSource(np.load(tmp_path / "d.npy", mmap_mode="r"), NUM_QUERY)
    sizes = [block.shape for _, block in source._blocks(0, NUM)]
    assert sizes == [(5, NUM)] * 26
    check(source.neighbours(4, 4)[0], exact(matrix().T.astype(np.float64), 4), slice(0, NUM_QUERY))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_values_are_named(source: DenseSource, value: float) -> None:
    broken = matrix()
    broken[70, 55] = value
    with pytest.raises(DataError, match="distances of row 70 hold NaN or infinity in column 55"):
        DenseSource(broken, NUM_QUERY).neighbours(3, 3)
    names = tuple(f"{row}.jpg" for row in range(NUM))
    with pytest.raises(DataError, match=r"distances of 70.jpg \(row 70\) hold NaN or infinity"):
        DenseSource(broken, NUM_QUERY, names).neighbours(3, 3)


def test_large_numbers_whose_sum_is_infinite_are_no_infinity() -> None:
    large = np.full((5, 5), 3e38, dtype=np.float32)
    assert DenseSource(large, 2).neighbours(2, 2)[1].largest[0] == np.float32(3e38)


def test_progress_reaches_one(source: DenseSource) -> None:
    shares: list[float] = []
    DenseSource(matrix(), NUM_QUERY, progress=shares.append).neighbours(3, 3)
    assert shares[-1] == 1
    assert shares == sorted(shares)
