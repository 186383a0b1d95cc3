from typing import Any

import numpy as np
import pytest

from vreid.debias import subtract_camera_means, whiten_cameras
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray


def make(num: int, dim: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Features of three cameras with a bias each, and the cameras."""
    rng = np.random.default_rng(seed)
    camids = rng.integers(0, 3, size=num) * 10 + 1
    bias = np.random.default_rng(99).normal(size=(22, dim))[camids]
    return (rng.normal(size=(num, dim)) + bias).astype(np.float32), camids.astype(np.int64)


def unit(row: Any) -> Any:
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_camera_means_are_subtracted(alpha: float) -> None:
    feats, camids = make(30, 5)
    result = subtract_camera_means(feats, camids, alpha=alpha, renormalize=False)
    for row, camid in enumerate(camids):
        members = [
            feat.astype(np.float64) for feat, c in zip(feats, camids, strict=True) if c == camid
        ]
        expected = feats[row] - alpha * sum(members) / len(members)
        np.testing.assert_allclose(result[row], expected, atol=1e-6)
    scaled = subtract_camera_means(feats, camids, alpha=alpha)
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("num", [12, 200])  # fewer and more images a camera than dimensions
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("la", [0.0005, 0.18])
def test_cameras_are_whitened(num: int, centred: bool, la: float) -> None:
    feats, camids = make(num, 8)
    result = whiten_cameras(feats, camids, la=la, centred=centred)
    plain = whiten_cameras(feats, camids, la=la, centred=centred, renormalize=False)
    for row, camid in enumerate(camids):
        x = feats[camids == camid].astype(np.float64)
        mean = x.mean(axis=0)
        if centred:
            x = x - mean
        p = np.linalg.inv(x.T @ x + len(x) * la * np.eye(8))
        expected = p @ (feats[row] - mean)
        np.testing.assert_allclose(plain[row], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result[row], unit(expected), atol=1e-5)
    assert result.dtype == np.float32


@pytest.mark.parametrize("num", [12, 40])  # fewer and more images a camera than dimensions
def test_statistics_may_come_from_other_images(num: int) -> None:
    feats, camids = make(num, 6)
    query, query_camids = make(7, 6, seed=1)
    stats = (feats, camids)
    moved = subtract_camera_means(query, query_camids, stats=stats, renormalize=False)
    white = whiten_cameras(query, query_camids, stats=stats)
    for row, camid in enumerate(query_camids):
        x = feats[camids == camid].astype(np.float64)
        away = query[row] - x.mean(axis=0)
        np.testing.assert_allclose(moved[row], away, atol=1e-6)
        x -= x.mean(axis=0)
        p = np.linalg.inv(x.T @ x + len(x) * 0.18 * np.eye(6))
        np.testing.assert_allclose(white[row], unit(p @ away), atol=1e-6)
    together = whiten_cameras(
        np.concatenate([feats, query[:1]]), np.append(camids, query_camids[0])
    )
    assert len(together) == num + 1


def test_the_bias_of_cameras_is_gone() -> None:
    feats, camids = make(300, 6)
    result = subtract_camera_means(feats, camids, renormalize=False)
    for camid in np.unique(camids):
        np.testing.assert_allclose(result[camids == camid].mean(axis=0), 0, atol=1e-5)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    feats, camids = make(60, 5)
    whole = whiten_cameras(feats, camids)
    monkeypatch.setattr("vreid.debias._BLOCK_VALUES", 15)
    np.testing.assert_allclose(whiten_cameras(feats, camids), whole, atol=1e-6)


def test_an_image_at_its_cameras_mean_stays_finite() -> None:
    feats = np.ones((3, 4), dtype=np.float32)
    camids = np.zeros(3, dtype=np.int64)
    assert not whiten_cameras(feats, camids).any()
    assert not subtract_camera_means(feats, camids).any()


def test_what_cannot_be_used_is_said() -> None:
    feats, camids = make(20, 4)
    unknown = camids.copy()
    unknown[3] = -1
    alone = camids.copy()
    alone[5] = 7
    for remove in (subtract_camera_means, whiten_cameras):
        with pytest.raises(DataError, match=r"the camera of row 3 is unknown \(-1\)"):
            remove(feats, unknown)
        with pytest.raises(DataError, match="camera 7 has 1 images to learn its bias from"):
            remove(feats, alone)
        with pytest.raises(DataError, match="camera 7 has 0 images"):
            remove(feats, alone, stats=(feats, camids))
        with pytest.raises(DataError, match="features have 4 columns, those of the statistics 3"):
            remove(feats, camids, stats=(feats[:, :3], camids))
    with pytest.raises(ConfigError, match="la is 0; expected a number above 0"):
        whiten_cameras(feats, camids, la=0)
    with pytest.raises(ConfigError, match="alpha is nan"):
        subtract_camera_means(feats, camids, alpha=float("nan"))
