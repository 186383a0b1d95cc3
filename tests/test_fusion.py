import math

import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.fusion import mean, weighted_sum

ROWS = ("q/1.jpg", "q/2.jpg", "q/3.jpg")
COLS = tuple(f"g/{idx}.jpg" for idx in range(5))


def random_mat(seed: int, *, cols: tuple[str, ...] = COLS) -> DistMat:
    dist = np.random.default_rng(seed).normal(size=(3, len(cols))).astype(np.float32)
    return DistMat(dist, ROWS, cols, sources={"seed": seed})


def test_sums_by_weight() -> None:
    mats = [random_mat(seed) for seed in range(3)]
    fused = weighted_sum(mats, [1, -0.1, -0.25], labels=["v", "o", "c"])
    for row in range(3):
        for col in range(5):
            v, o, c = (float(mat.dist[row, col]) for mat in mats)
            assert fused.dist[row, col] == np.float32(v - 0.1 * o - 0.25 * c)
    assert (fused.rows, fused.cols, fused.kind) == (ROWS, COLS, "fused")


def test_blocks_of_rows_do_not_change_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    mats = [random_mat(seed) for seed in range(2)]
    whole = weighted_sum(mats, [1, 2], labels=["a", "b"])
    monkeypatch.setattr("vreid.fusion._BLOCK_VALUES", 2 * 5)
    np.testing.assert_array_equal(weighted_sum(mats, [1, 2], labels=["a", "b"]).dist, whole.dist)


def test_weight_zero_is_the_identity() -> None:
    mats = [random_mat(0), random_mat(1)]
    fused = weighted_sum(mats, [1, 0], labels=["a", "b"])
    np.testing.assert_array_equal(fused.dist, mats[0].dist)


def test_weights_of_zero_alone_give_zeros() -> None:
    assert not weighted_sum([random_mat(0)], [0], labels=["a"]).dist.any()


def test_the_mean_of_equals_is_the_same() -> None:
    mat = random_mat(0)
    np.testing.assert_array_equal(mean([mat] * 3, ["a", "b", "c"]).dist, mat.dist)
    np.testing.assert_allclose(
        mean([mat, random_mat(1)], ["a", "b"]).dist, (mat.dist + random_mat(1).dist) / 2, atol=1e-7
    )


def test_square_stays_square() -> None:
    names = tuple("abcd")
    square = DistMat(np.ones((4, 4), dtype=np.float32), names, names, num_query=1)
    assert mean([square, square], ["a", "b"]).num_query == 1


def test_sources_are_recorded() -> None:
    fused = weighted_sum([random_mat(0), random_mat(1)], [1, -0.1], labels=["v.npy", "o.npy"])
    assert fused.sources["fused"][1] == {
        "label": "o.npy",
        "weight": -0.1,
        "kind": "sqeuclidean",
        "sources": {"seed": 1},
    }


def test_other_names_are_refused_even_at_weight_zero() -> None:
    swapped = random_mat(1, cols=(*COLS[:3], COLS[4], COLS[3]))
    message = r"cannot fuse a.npy with b.npy: gallery differs at column 3: g/3.jpg and g/4.jpg"
    for weight in (0.0, 1.0):
        with pytest.raises(DataError, match=message):
            weighted_sum([random_mat(0), swapped], [1, weight], labels=["a.npy", "b.npy"])


def test_refuses_what_cannot_be_fused() -> None:
    with pytest.raises(ConfigError, match="nothing to fuse"):
        mean([], [])
    with pytest.raises(ConfigError, match="the weight of b is nan"):
        weighted_sum([random_mat(0)] * 2, [1, math.nan], labels=["a", "b"])
