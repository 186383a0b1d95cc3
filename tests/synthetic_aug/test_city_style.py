"""Conditions and styles: shares of cameras and passages, and what a shift changes."""

from collections import Counter

import numpy as np
import pytest

from synthetic_aug.city.cameras import Camera, Pose, project
from synthetic_aug.city.conditions import OCCLUDERS, city_cameras, draw_circumstance
from synthetic_aug.city.foreground import railing, sign, twig
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.places import PLACES, furniture
from synthetic_aug.city.plan import draw_tracklets
from synthetic_aug.city.records import Vehicle, generator
from synthetic_aug.city.style import places_of, style_of
from synthetic_aug.city.variants import MORE_TYPES
from vreid.errors import ConfigError


def _types(options: CityOptions, count: int = 150) -> Counter[str]:
    vehicles = [Vehicle("train", index, index + 1, index) for index in range(count)]
    return Counter(spec_of(options, vehicle).plan.body_type for vehicle in vehicles)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.01, 1), (0.25, 2), (1.0, 8)])
def test_night_and_rain_reach_the_asked_share_of_cameras(share: float, count: int) -> None:
    cameras = city_cameras(CityOptions(night=share, rain=share))
    assert sum(camera.weather.night for camera in cameras) == count
    assert sum(camera.weather.rain > 0 for camera in cameras) == count


def test_conditions_leave_the_cameras_where_they_hang() -> None:
    plain, wet = city_cameras(CityOptions()), city_cameras(CityOptions(rain=1.0))
    assert [c.position for c in plain] == [c.position for c in wet]
    assert [c.sensor for c in plain] == [c.sensor for c in wet]


@pytest.mark.parametrize("shift", [1, 2, 3, 4, 5])
def test_a_shift_hangs_other_cameras_in_other_light(shift: int) -> None:
    plain, other = city_cameras(CityOptions()), city_cameras(CityOptions(shift=shift))
    low, high = (np.mean([c.position[2] for c in cameras]) for cameras in (plain, other))
    assert not 0.8 < high / low < 1.2
    assert all(2.8 <= camera.position[2] <= 14 for camera in other)
    assert all(camera.sky is not None for camera in other)
    assert any(camera.weather.rain for camera in other)
    assert any(camera.weather.night for camera in other)
    for camera in other:
        assert abs(camera.position[1]) < PLACES[camera.place].half_road + 18.01
    red, blue = (np.mean([c.sensor.gains[k] for c in other]) for k in (0, 2))
    assert abs(red - blue) > 0.05


def test_a_style_is_its_number_s_and_not_the_seed_s() -> None:
    assert style_of(CityOptions(shift=3)) == style_of(CityOptions(shift=3, seed=9))
    assert style_of(CityOptions(shift=3)) != style_of(CityOptions(shift=4))
    assert not style_of(CityOptions()).shifted
    assert style_of(CityOptions(shift=2, rain=0.9)).rain == 0.9


def test_a_shifted_city_has_other_vehicles_and_places() -> None:
    plain, other = CityOptions(), CityOptions(shift=1)
    vehicle = Vehicle("train", 0, 1, 0)
    assert spec_of(plain, vehicle).plate != spec_of(other, vehicle).plate
    assert places_of(style_of(plain)) == PLACES
    assert all(a.road != b.road for a, b in zip(PLACES, places_of(style_of(other)), strict=True))
    assert draw_tracklets(plain) != draw_tracklets(other)
    assert set(_types(other)) & set(MORE_TYPES)


def test_variety_is_a_share_of_vehicles() -> None:
    assert not set(_types(CityOptions())) & set(MORE_TYPES)
    found = _types(CityOptions(variety=0.5))
    assert 0.35 < sum(found[name] for name in MORE_TYPES) / 150 < 0.65
    assert set(_types(CityOptions(variety=1.0))) <= set(MORE_TYPES)


def _camera() -> Camera:
    return city_cameras(CityOptions())[0]


def test_circumstances_come_at_their_shares() -> None:
    camera, pose = _camera(), Pose(0.0, -1.9, 0.0)
    options = CityOptions(motion=0.5, occluders=0.25)
    found = [
        draw_circumstance(options, camera, pose, 2.3, np.random.default_rng(k)) for k in range(200)
    ]
    assert 70 < sum(one.smear > 0 for one in found) < 130
    assert 30 < sum(bool(one.occluders) for one in found) < 70
    still = draw_circumstance(CityOptions(), camera, pose, 2.3, np.random.default_rng(0))
    assert still.smear == 0 and still.occluders == ()


def test_occluders_stand_before_the_vehicle_and_not_in_it() -> None:
    camera, options = _camera(), CityOptions(occluders=1.0)
    eye = np.array(camera.position[:2])
    kinds = set()
    for seed in range(60):
        yaw = float(np.random.default_rng(seed).uniform(0, 6))
        pose = Pose(camera.target[0], camera.target[1], yaw)
        rng = np.random.default_rng(seed)
        (thing,) = draw_circumstance(options, camera, pose, 2.3, rng).occluders
        kinds.add(thing.kind)
        way = eye - [pose.x, pose.y]
        at = np.array([thing.pose.x - pose.x, thing.pose.y - pose.y])
        assert 0 < at @ way < way @ way
        local = np.array([np.cos(yaw) * at[0] + np.sin(yaw) * at[1],
                          np.cos(yaw) * at[1] - np.sin(yaw) * at[0]])  # fmt: skip
        assert abs(local[0]) > 2.3 or abs(local[1]) > 0.95
        if thing.kind == "leaves":
            seen = project(camera, np.array([[thing.pose.x, thing.pose.y, thing.pose.z]]))
            assert np.abs(seen).max() < 0.5
    assert kinds == set(OCCLUDERS)


@pytest.mark.parametrize("make", [twig, sign, railing])
def test_things_in_front_are_finite_and_their_generator_s(make: object) -> None:
    maker = {"twig": twig, "sign": sign, "railing": railing}[getattr(make, "__name__", "")]
    first, second = (maker(np.random.default_rng(1)) for _ in range(2))
    for (_, a), (_, b) in zip(first, second, strict=True):
        assert np.isfinite(a.vertices).all() and np.array_equal(a.vertices, b.vertices)


def test_no_tree_grows_into_a_line_of_sight() -> None:
    options = CityOptions()
    avenue = PLACES[0]
    free = [((-30.0, 10.0), (30.0, 10.0)), ((-30.0, -10.0), (30.0, -10.0))]
    plain, cleared = (
        furniture(avenue, generator(options, "places", 0), free=lines) for lines in ((), free)
    )
    assert sum(len(m.faces) for _, m in cleared) < sum(len(m.faces) for _, m in plain)


@pytest.mark.parametrize(("field", "value"), [("rain", 1.5), ("variety", -0.1), ("shift", -1)])
def test_values_out_of_range_name_the_flag(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--{field} is {value}; give"):
        CityOptions(**{field: value})  # type: ignore[arg-type]
