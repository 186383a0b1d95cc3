"""Glare, smear and rain on light, and lamps parted from bodies."""

import numpy as np
import pytest

from synthetic_aug.city.geometry import box
from synthetic_aug.city.lights import switched_on
from synthetic_aug.city.optics import glare, moving, rainfall
from synthetic_aug.city.paint import HEADLAMP, TAILLAMP, TRIM
from synthetic_aug.city.sky import DAYLIGHTS
from synthetic_aug.city.weather import CLEAR, NIGHT, Weather, light_under, white_under


def _grey(value: float = 0.3) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.full((40, 60, 3), value, dtype=np.float32)


def test_glare_spreads_bright_lamps_only() -> None:
    assert np.array_equal(glare(_grey(), 1.0), _grey())
    lamp = _grey()
    lamp[20, 30] = 9
    spread = glare(lamp, 1.0)
    assert spread[20, 34, 0] > 0.3 and (spread >= lamp - 1e-6).all()


def test_smear_follows_the_vehicle_and_spares_what_stands() -> None:
    picture, mask = _grey(), np.zeros((40, 60), dtype=np.uint8)
    picture[::2] = 0.5  # a pattern of the ground that a smear across rows would spoil
    mask[10:30, 20:40] = 255
    picture[mask > 0] = 0.9
    out = moving(picture, mask, np.array([8.0, 0.0]))
    assert np.allclose(out[:, :14], picture[:, :14], atol=1e-5)
    assert np.allclose(out[15:25, 27:33], 0.9, atol=1e-3)
    assert 0.5 < out[20, 18, 0] < 0.9  # the vehicle's colour beyond its edge
    assert out[20, 21, 0] < 0.9  # and ground within


def test_without_way_nothing_is_smeared() -> None:
    picture = _grey()
    assert moving(picture, np.zeros((40, 60), np.uint8), np.array([0.2, 0.1])) is picture


def test_rain_draws_upright_streaks_and_is_its_generator_s() -> None:
    one, same, other = (
        rainfall(_grey(), 1.0, rain=1.0, slant=0.0, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    along, across = np.diff(one[..., 0], axis=0).std(), np.diff(one[..., 0], axis=1).std()
    assert across > 2 * along
    assert np.abs(one - _grey()).max() < 0.5


@pytest.mark.parametrize("light", DAYLIGHTS, ids=lambda light: light.name)
def test_rain_hides_the_sun_and_darkens(light: object) -> None:
    light = next(one for one in DAYLIGHTS if one is light)
    wet = light_under(light, Weather(rain=0.8))
    assert wet.sun == (0.0, 0.0, 0.0)
    assert wet.exposure_light() < light.exposure_light()
    assert white_under(wet, Weather(rain=0.8)) > wet.exposure_light()


def test_night_replaces_the_day_and_clear_keeps_it() -> None:
    assert light_under(DAYLIGHTS[0], Weather(night=True)) == NIGHT
    assert light_under(DAYLIGHTS[0], CLEAR) is DAYLIGHTS[0]
    assert white_under(DAYLIGHTS[0], CLEAR) == DAYLIGHTS[0].exposure_light()
    assert Weather(rain=0.1).lamps and Weather(night=True).lamps and not CLEAR.lamps


def test_lamps_shine_away_from_the_vehicle() -> None:
    parts = [
        (HEADLAMP, box((2, 0, 1), (0.2, 0.2, 0.2))),
        (TAILLAMP, box((-2, 0, 1), (0.2, 0.2, 0.2))),
        (TRIM, box((0, 0, 1), (1, 1, 1))),
    ]
    dark, lenses = switched_on(parts)
    assert [material for material, _ in dark] == [HEADLAMP, TAILLAMP, TRIM]
    (head, white), (tail, red) = lenses
    assert head.vertices[:, 0].max() == pytest.approx(2.1)
    assert tail.vertices[:, 0].min() == pytest.approx(-2.1)
    back = next(mesh for material, mesh in dark if material == HEADLAMP)
    assert back.vertices[:, 0].min() == pytest.approx(1.9)
    assert min(white) > 5 and red[0] > 10 * red[1]
