"""Whole matrices of distances, block by block, against direct differences in double precision."""

import numpy as np
import pytest
import torch

from tests.neighbours.made import of_kind, threads
from tests.rerank.oracle import Wide
from vreid import blocks, product
from vreid.features import FloatArray


def differences(left: FloatArray, right: FloatArray) -> Wide:
    gaps = left.astype(np.float64)[:, None] - right.astype(np.float64)[None]
    return np.asarray((gaps**2).sum(axis=2))


def filled(left: FloatArray, right: FloatArray, **options: float) -> FloatArray:
    out = np.full((len(left), len(right)), 7, dtype=np.float32)
    blocks.fill_squared(left, right, out, **options)  # type: ignore[arg-type]
    return out


@pytest.fixture(params=[(8192, 2048), (7, 5), (1, 64)], ids=["whole", "small blocks", "columns"])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_COLS", request.param[0])
    monkeypatch.setattr(blocks, "_ROWS", request.param[1])


@pytest.mark.usefixtures("sizes")
@pytest.mark.parametrize("kind", ["clustered", "offset", "copies"])
def test_squared_distances(kind: str) -> None:
    feats = of_kind(kind, 60)
    found = filled(feats[:23], feats[23:])
    np.testing.assert_allclose(found, differences(feats[:23], feats[23:]), rtol=1e-5, atol=2e-4)
    assert found.min() >= 0


def test_a_common_offset_does_not_get_in() -> None:
    feats = of_kind("clustered", 60)
    far = (feats + np.float32(1000)).astype(np.float32)  # 1e6 times the squares of the differences
    found = filled(far[:20], far[20:])
    np.testing.assert_allclose(found, differences(far[:20], far[20:]), rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("sizes")
@pytest.mark.parametrize("weight", [2.0, -0.3])
def test_weighted_distances_are_added(weight: float) -> None:
    feats, others = of_kind("clustered", 40), of_kind("random", 40, dim=5)
    out = filled(feats[:9], feats[9:])
    blocks.fill_squared(others[:9], others[9:], out, weight=weight, add=True)
    wanted = differences(feats[:9], feats[9:]) + weight * differences(others[:9], others[9:])
    np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("sizes")
def test_cosine_distances() -> None:
    feats = of_kind("offset", 40)
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    feats[3] = 0
    out = np.empty((9, 31), dtype=np.float32)
    blocks.fill_cosine(feats[:9], feats[9:], out)
    np.testing.assert_allclose(out, 1 - feats[:9].astype(np.float64) @ feats[9:].T, atol=1e-6)


def test_results_may_be_written_anywhere() -> None:
    feats = of_kind("clustered", 40)
    wanted = filled(feats[:9], feats[9:])
    for room in (np.zeros((31, 9), np.float32).T, np.zeros((20, 70), np.float32)[2:11, 5:67:2]):
        blocks.fill_squared(feats[:9], feats[9:], room)
        np.testing.assert_array_equal(room, wanted)


@pytest.mark.parametrize("name", [*product._FLOAT32, *product._WHOLE_MACHINE])
def test_every_way_to_multiply(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = {**product._FLOAT32, **product._WHOLE_MACHINE}[name]
    if not product._works(way, *product._operands(torch.float32)):
        pytest.skip(f"this machine has no product {name}")
    monkeypatch.setattr(product, "float32_product", lambda: way)
    feats = of_kind("offset", 60)
    before = feats.copy()
    found = filled(feats[:23], feats[23:])
    np.testing.assert_allclose(found, differences(feats[:23], feats[23:]), rtol=1e-5, atol=2e-4)
    np.testing.assert_array_equal(feats, before)


def test_threads_change_little() -> None:
    feats = of_kind("offset", 300)
    one = filled(feats[:23], feats[23:])
    with threads(3):
        np.testing.assert_allclose(filled(feats[:23], feats[23:]), one, rtol=1e-5, atol=1e-4)


def test_centres_are_means_of_some_rows_on_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = of_kind("offset", 100)
    centre = blocks.centre_of(feats[:30], feats[30:])
    spread = float(np.std(feats - feats.mean(axis=0)))
    np.testing.assert_allclose(centre, feats.mean(axis=0), atol=spread)
    assert centre.dtype == np.float32
    monkeypatch.setattr(blocks, "_SAMPLE", 10)
    some = blocks.centre_of(feats[:30], feats[30:])
    wanted = np.concatenate([feats[:30:10], feats[30::10]]).mean(axis=0)
    np.testing.assert_allclose(some, wanted, atol=spread)


def test_whole_numbers_keep_exact_distances() -> None:
    feats = np.random.default_rng(0).integers(-9, 9, size=(60, 33)).astype(np.float32)
    true = ((feats[:20, None] - feats[None, 20:]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(filled(feats[:20], feats[20:]), true)


def test_large_numbers_have_a_centre() -> None:
    feats = np.full((10, 3), 3e38, dtype=np.float32)
    np.testing.assert_array_equal(blocks.centre_of(feats[:4], feats[4:]), feats[0])
    assert not filled(feats[:4], feats[4:]).any()
