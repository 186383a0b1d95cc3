"""The camera's electronics: shape, range, determinism, and the sense of each setting."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from synthetic_aug.city.sensor import draw_sensor, expose, jpeg, png
from synthetic_aug.city.sky import DAYLIGHTS, panorama

STILL = np.zeros(2)
SENSOR = replace(draw_sensor(np.random.default_rng(0)), zoom=1.0, noise=0.0, gains=(1.0, 1.0, 1.0))


def _light() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).uniform(0, 1, (20, 30, 3)).astype(np.float32)


def test_picture_keeps_its_size_unless_enlarged() -> None:
    rng = np.random.default_rng(0)
    assert expose(_light(), SENSOR, 1.0, motion=STILL, rng=rng).shape == (20, 30, 3)
    large = expose(_light(), replace(SENSOR, zoom=1.5), 1.0, motion=STILL, rng=rng)
    assert large.shape == (30, 45, 3) and large.dtype == np.uint8


def test_same_generator_same_picture() -> None:
    noisy = replace(SENSOR, noise=0.02)
    first, second, other = (
        expose(_light(), noisy, 1.0, motion=STILL, rng=np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_only_the_ratio_of_light_to_white_counts() -> None:
    rng = np.random.default_rng(0)
    one = expose(_light(), SENSOR, 1.0, motion=STILL, rng=rng)
    two = expose(2 * _light(), SENSOR, 2.0, motion=STILL, rng=rng)
    assert np.abs(one.astype(int) - two).max() <= 1


@pytest.mark.parametrize(("setting", "value"), [("exposure", 2.0), ("lift", 0.2), ("gamma", 0.6)])
def test_settings_that_brighten(setting: str, value: float) -> None:
    rng = np.random.default_rng(0)
    plain = expose(0.3 * _light(), SENSOR, 1.0, motion=STILL, rng=rng)
    changed = replace(SENSOR, **{setting: value})  # type: ignore[arg-type]
    assert expose(0.3 * _light(), changed, 1.0, motion=STILL, rng=rng).mean() > plain.mean() + 5


def test_motion_smears_along_its_direction() -> None:
    light = np.zeros((21, 21, 3), dtype=np.float32)
    light[10, 10] = 5
    rng = np.random.default_rng(0)
    moved = expose(light, replace(SENSOR, lift=0.0), 1.0, motion=np.array([6.0, 0.0]), rng=rng)
    bright = moved[..., 1] > 10
    assert bright.any(axis=0).sum() > bright.any(axis=1).sum() + 2


def test_encoders_keep_colours_and_masks() -> None:
    picture = np.zeros((16, 16, 3), dtype=np.uint8)
    picture[..., 0] = 200  # red
    decoded = cv2.imdecode(np.frombuffer(jpeg(picture, 95), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded[..., 2].mean() > 150 > decoded[..., 0].mean()
    mask = np.eye(16, dtype=np.uint8) * 255
    back = cv2.imdecode(np.frombuffer(png(mask), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(np.asarray(back), mask)


@pytest.mark.parametrize("index", range(len(DAYLIGHTS)))
def test_panorama_lights_the_ground_as_its_daylight_says(index: int) -> None:
    light = DAYLIGHTS[index]
    picture = panorama(light, 40.0, (0.1, 0.1, 0.1), rng=np.random.default_rng(0))
    rows, columns = picture.shape[:2]
    polar = (np.arange(rows) + 0.5) / rows * np.pi
    weight = np.clip(np.cos(polar), 0, None) * np.sin(polar) * (np.pi / rows) * 2 * np.pi / columns
    measured = (picture.mean(axis=2) * weight[:, None]).sum() / np.pi
    assert measured == pytest.approx(light.ground_light(), rel=0.3)
