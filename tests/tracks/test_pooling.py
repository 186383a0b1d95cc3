from typing import Any

import numpy as np
import pytest

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.tracks.groups import group_tracks
from vreid.tracks.pooling import blend, pool_mean, pool_near_queries, smooth

TRACKIDS = np.array([5, 3, 5, -1, 3, 5, -1, 8])
TRACK_IDX = group_tracks(TRACKIDS)
TRACKS = [[0, 2, 5], [1, 4], [3], [6], [7]]


def make(num: int, seed: int, dim: int = 4) -> FloatArray:
    feats = np.random.default_rng(seed).normal(size=(num, dim))
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    return feats.astype(np.float32)


def apart(a: Any, b: Any) -> float:
    return float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).sum())


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_the_mean_of_a_tracklet() -> None:
    feats = make(8, 0)
    pooled = pool_mean(feats, TRACK_IDX)
    for track, images in enumerate(TRACKS):
        np.testing.assert_allclose(pooled[track], feats[images].mean(axis=0), atol=1e-6)
    assert pooled.dtype == np.float32


def test_the_mean_by_quality() -> None:
    feats = make(8, 1)
    quality = np.array([1, 0, 3, 0, 0, 0.5, 2, 1])
    pooled = pool_mean(feats, TRACK_IDX, weights=quality)
    expected = (feats[0] + 3 * feats[2] + 0.5 * feats[5]) / 4.5
    np.testing.assert_allclose(pooled[0], expected, atol=1e-6)
    np.testing.assert_allclose(pooled[1], feats[[1, 4]].mean(axis=0), atol=1e-6)  # none is good
    np.testing.assert_allclose(pooled[2:], feats[[3, 6, 7]], atol=1e-6)
    gate = pool_mean(feats, TRACK_IDX, weights=quality >= 1)
    np.testing.assert_allclose(gate[0], feats[[0, 2]].mean(axis=0), atol=1e-6)


def test_the_blend_with_the_mean() -> None:
    feats = make(8, 2)
    mixed = blend(feats, TRACK_IDX, keep=0.3, renormalize=False)
    for images in TRACKS:
        for image in images:
            expected = 0.3 * feats[image] + 0.7 * feats[images].mean(axis=0)
            np.testing.assert_allclose(mixed[image], expected, atol=1e-6)
    np.testing.assert_allclose(blend(feats, TRACK_IDX, keep=0.3), unit(mixed), atol=1e-6)
    np.testing.assert_allclose(blend(feats, TRACK_IDX, keep=1), feats, atol=1e-6)


def test_near_members_count_most() -> None:
    feats = make(8, 3)
    result = smooth(feats, TRACK_IDX, renormalize=False)
    for images in TRACKS:
        for image in images:
            weights = [1 / (apart(feats[image], feats[other]) + 0.01) for other in images]
            parts = [w * feats[other] for w, other in zip(weights, images, strict=True)]
            np.testing.assert_allclose(result[image], sum(parts) / sum(weights), atol=1e-5)
    np.testing.assert_allclose(smooth(feats, TRACK_IDX), unit(result), atol=1e-6)


@pytest.mark.parametrize("near", [0.0, 0.6, 1.2, 9.0])
def test_images_near_queries_count_most(near: float) -> None:
    query, feats = make(5, 4), make(8, 5)
    pooled = pool_near_queries(query, feats, TRACK_IDX, near=near)
    for track, images in enumerate(TRACKS):
        nearest = [min(apart(q, feats[image]) for image in images) for q in query]
        chosen = [idx for idx, value in enumerate(nearest) if value < near]
        chosen = chosen or [nearest.index(min(nearest))]
        weights = []
        for image in images:
            away = [apart(query[idx], feats[image]) for idx in chosen]
            weights.append(1 / (sum(away) / len(away) + 0.01))
        parts = [w * feats[image] for w, image in zip(weights, images, strict=True)]
        np.testing.assert_allclose(pooled[track], sum(parts) / sum(weights), atol=1e-5)


def test_one_track_and_one_image() -> None:
    feats = make(6, 6)
    together = np.zeros(6, dtype=np.int64)
    np.testing.assert_allclose(pool_mean(feats, together)[0], feats.mean(axis=0), atol=1e-6)
    one, alone = feats[:1], np.zeros(1, dtype=np.int64)
    for result in (
        pool_mean(one, alone),
        blend(one, alone, keep=0),
        smooth(one, alone),
        pool_near_queries(feats, one, alone),
    ):
        np.testing.assert_allclose(result, one, atol=1e-6)


def test_equal_images_stay() -> None:
    feats = np.repeat(make(1, 7), 4, axis=0)
    together = np.zeros(4, dtype=np.int64)
    np.testing.assert_allclose(smooth(feats, together), feats, atol=1e-6)
    pooled = pool_near_queries(feats[:1], feats, together)
    np.testing.assert_allclose(pooled[0], feats[0], atol=1e-6)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    query, feats = make(5, 8), make(8, 9)
    whole = smooth(feats, TRACK_IDX), pool_near_queries(query, feats, TRACK_IDX)
    for block_values in (1, 12, 20):
        monkeypatch.setattr("vreid.tracks.pooling._BLOCK_VALUES", block_values)
        np.testing.assert_allclose(smooth(feats, TRACK_IDX), whole[0], atol=1e-6)
        pooled = pool_near_queries(query, feats, TRACK_IDX)
        np.testing.assert_allclose(pooled, whole[1], atol=1e-6)


def test_what_cannot_be_used_is_said() -> None:
    feats = make(8, 10)
    with pytest.raises(ConfigError, match=r"keep is 1.5; expected a share in \[0, 1\]"):
        blend(feats, TRACK_IDX, keep=1.5)
    for call in (
        lambda: smooth(feats, TRACK_IDX, eps=0),
        lambda: pool_near_queries(feats, feats, TRACK_IDX, eps=0),
    ):
        with pytest.raises(ConfigError, match="eps is 0; expected a number above 0"):
            call()
    with pytest.raises(DataError, match="there are no queries to weigh tracklets by"):
        pool_near_queries(feats[:0], feats, TRACK_IDX)
    for weights in (np.ones(7), np.array([1.0] * 7 + [-1]), np.array([1.0] * 7 + [np.nan])):
        with pytest.raises(DataError, match="expected a finite number, at least 0, for each"):
            pool_mean(feats, TRACK_IDX, weights=weights)
