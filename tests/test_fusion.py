import math

import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.fusion import Term, add_block, mean, weighted_sum

ROWS = ("q/1.jpg", "q/2.jpg", "q/3.jpg")
COLS = tuple(f"g/{idx}.jpg" for idx in range(5))
LABELS = ["a.npy", "b.npy", "c.npy"]


def random_mat(seed: int, *, cols: tuple[str, ...] = COLS) -> DistMat:
    dist = np.random.default_rng(seed).normal(size=(3, len(cols))).astype(np.float32)
    return DistMat(dist, ROWS, cols, sources={"seed": seed})


def large_mats(num: int) -> list[DistMat]:
    """Matrices of several blocks and spans."""
    rng = np.random.default_rng(0)
    rows = tuple(f"q{row}" for row in range(67))
    cols = tuple(f"g{col}" for col in range(9001))
    return [DistMat(rng.normal(size=(67, 9001)).astype(np.float32), rows, cols) for _ in range(num)]


def test_sums_by_weight_in_float32_and_in_order() -> None:
    mats = [random_mat(seed) for seed in range(3)]
    fused = weighted_sum(mats, [1, -0.1, -0.25], labels=LABELS)
    for row in range(3):
        for col in range(5):
            v, o, c = (mat.dist[row, col] for mat in mats)
            assert fused.dist[row, col] == (v + np.float32(-0.1) * o) + np.float32(-0.25) * c
    assert (fused.rows, fused.cols, fused.kind) == (ROWS, COLS, "fused")


def test_sums_are_those_of_the_plain_expression_bit_for_bit() -> None:
    a, b, c = large_mats(3)
    total = a.dist.copy()
    total += b.dist
    total += c.dist
    assert weighted_sum([a, b, c], [1, 1, 1], labels=LABELS).dist.tobytes() == total.tobytes()
    assert mean([a, b, c], LABELS).dist.tobytes() == (total / np.float32(3)).tobytes()
    weighted = np.float32(0.3) * a.dist + np.float32(-0.1) * b.dist + c.dist
    fused = weighted_sum([a, b, c], [0.3, -0.1, 1], labels=LABELS)
    assert fused.dist.tobytes() == weighted.tobytes()


def test_blocks_and_threads_do_not_change_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    mats = large_mats(2)
    whole = weighted_sum(mats, [1, 2], labels=LABELS[:2])
    monkeypatch.setattr("vreid.fusion._BLOCK_VALUES", 1)
    monkeypatch.setattr("vreid.fusion._THREADS", 1)
    np.testing.assert_array_equal(weighted_sum(mats, [1, 2], labels=LABELS[:2]).dist, whole.dist)


def test_the_inputs_stay_as_they_are() -> None:
    mats = [random_mat(0), random_mat(1)]
    weighted_sum(mats, [0.5, 2], labels=LABELS[:2])
    for seed, mat in enumerate(mats):
        np.testing.assert_array_equal(mat.dist, random_mat(seed).dist)


def test_weight_zero_is_the_identity_wherever_it_stands() -> None:
    mats = [random_mat(0), random_mat(1)]
    for weights, left in (([1, 0], 0), ([0, 1], 1)):
        fused = weighted_sum(mats, weights, labels=LABELS[:2])
        np.testing.assert_array_equal(fused.dist, mats[left].dist)


def test_weights_of_zero_alone_give_zeros() -> None:
    assert not weighted_sum([random_mat(0)], [0], labels=["a"]).dist.any()


def test_the_mean_of_equals_is_the_same_but_for_rounding() -> None:
    mat = random_mat(0)
    np.testing.assert_array_max_ulp(mean([mat] * 3, LABELS).dist, mat.dist, maxulp=1)
    np.testing.assert_array_equal(mean([mat] * 2, LABELS[:2]).dist, mat.dist)
    assert mean([mat] * 3, LABELS).kind == "mean"


def test_square_stays_square_and_parts_of_a_matrix_can_be_fused() -> None:
    names = tuple("abcd")
    square = DistMat(np.arange(16, dtype=np.float32).reshape(4, 4), names, names, num_query=1)
    assert mean([square, square], ["a", "b"]).num_query == 1
    part = square.query_gallery()
    np.testing.assert_array_equal(mean([part, part], ["a", "b"]).dist, [[1, 2, 3]])


def test_sources_are_recorded() -> None:
    fused = weighted_sum([random_mat(0), random_mat(1)], [1, -0.1], labels=["v.npy", "o.npy"])
    assert fused.sources["fused"][1] == {
        "label": "o.npy",
        "weight": -0.1,
        "kind": "sqeuclidean",
        "sources": {"seed": 1},
    }
    assert mean([random_mat(0)] * 2, LABELS[:2]).sources["fused"][0]["weight"] == 0.5


def test_other_names_are_refused_even_at_weight_zero() -> None:
    swapped = random_mat(1, cols=(*COLS[:3], COLS[4], COLS[3]))
    message = r"cannot fuse a.npy with b.npy: gallery differs at column 3: g/3.jpg and g/4.jpg"
    for weight in (0.0, 1.0):
        with pytest.raises(DataError, match=message):
            weighted_sum([random_mat(0), swapped], [1, weight], labels=["a.npy", "b.npy"])


def test_refuses_what_cannot_be_fused() -> None:
    with pytest.raises(ConfigError, match="nothing to fuse"):
        mean([], [])
    for weight in (math.nan, -math.inf, 1e39):
        with pytest.raises(ConfigError, match=r"the weight of b is .*; expected a finite number"):
            weighted_sum([random_mat(0)] * 2, [1, weight], labels=["a", "b"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_named(value: float) -> None:
    good = np.ones((3, 5), dtype=np.float32)
    bad = good.copy()
    bad[1, 2] = value

    def rows_of(dist: FloatArray, label: str, weight: float = 1) -> Term:
        return Term(label, weight, lambda start, stop, _: dist[start:stop])

    total, buffer = np.empty((2, 3, 5), dtype=np.float32)
    terms = [rows_of(good, "a.npy"), rows_of(bad, "b.npy", -0.1), rows_of(good, "c.npy")]
    with pytest.raises(DataError, match=r"b\.npy: distances of q/2\.jpg \(row 1\) hold NaN"):
        add_block(terms, 0, 3, total=total, buffer=buffer, names=ROWS)


def test_a_sum_beyond_float32_is_named() -> None:
    huge = DistMat(np.full((3, 5), 3e38, dtype=np.float32), ROWS, COLS)
    with pytest.raises(DataError, match=r"the sum for q/1\.jpg \(row 0\) is beyond the range"):
        weighted_sum([huge, huge], [1, 1], labels=LABELS[:2])
