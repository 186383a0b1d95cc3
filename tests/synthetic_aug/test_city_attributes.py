"""Attribute distributions: their text, what they move, and that all else stays."""

import re
from pathlib import Path

import numpy as np
import pytest

from synthetic_aug.city.attributes import (
    Attributes,
    moved_camera,
    parse_attributes,
    read_attributes,
)
from synthetic_aug.city.cameras import Camera, Pose, orientation_of, studio_camera
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import draw_vehiclex, vehiclex_orientation
from synthetic_aug.render import _command
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json, write_json


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(),
        Attributes(orientation=(90, 0, 90)),
        Attributes((0.0, 180.0), 60.0, 1.25, 6.5, 18.0),
        Attributes(height=3),
    ],
)
def test_text_and_attributes_say_the_same(attributes: Attributes) -> None:
    assert parse_attributes(attributes.text()) == attributes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("angle=3", "attributes have 'angle=3'; give attribute=mean, each once, with"),
        ("height", "attributes have 'height'"),
        ("height=x", "attributes have 'height=x'"),
        ("height=6/7", "attributes have 'height=6/7'"),
        ("height=6,height=7", "attributes have 'height=7'"),
        ("height=100", "attributes: height is 100; give a mean from 1 to 30"),
        ("strength=nan", "attributes: strength is nan"),
        ("orientation=" + "/".join("1234567"), "attributes: 7 means of orientation; give 6"),
    ],
)
def test_a_bad_text_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        CityOptions(attributes=text)


def test_a_sweep_has_no_distributions() -> None:
    with pytest.raises(ConfigError, match="--sweep and --attributes both say"):
        CityOptions(sweep="light=2", attributes="height=6")


def _drawn(number: int) -> tuple[Camera, Pose]:
    return studio_camera(70.0, np.random.default_rng(number))


def test_nothing_named_moves_nothing() -> None:
    camera, pose = _drawn(0)
    moved = moved_camera(Attributes(), camera, pose, np.random.default_rng(1))
    assert moved.position == pytest.approx(camera.position)
    assert moved.sun_azimuth == pytest.approx(camera.sun_azimuth)
    assert (moved.sensor, moved.target, moved.daylight) == (
        camera.sensor, camera.target, camera.daylight,
    )  # fmt: skip


def test_cameras_follow_the_means_and_keep_the_orientation() -> None:
    wanted = Attributes(direction=180, strength=1.5, height=7, distance=20)
    heights, distances, turns = [], [], []
    for number in range(200):
        camera, pose = _drawn(number)
        moved = moved_camera(wanted, camera, pose, np.random.default_rng(1000 + number))
        away = np.subtract(moved.position[:2], (pose.x, pose.y))
        heights.append(moved.position[2])
        distances.append(float(np.hypot(*away)))
        turn = moved.sun_azimuth - np.degrees(np.arctan2(away[1], away[0])) - 180
        turns.append(float((turn + 180) % 360 - 180))
        assert orientation_of(moved, pose) == pytest.approx(70.0)
        assert moved.sensor.exposure == pytest.approx(1.5 * camera.sensor.exposure)
    for found, mean, spread in ((heights, 7, 1.0), (distances, 20, 1.5), (turns, 0, 25)):
        assert np.mean(found) == pytest.approx(mean, abs=4 * spread / np.sqrt(200))
        assert np.std(found) == pytest.approx(spread, rel=0.25)


def test_the_draws_of_one_attribute_do_not_move_another() -> None:
    camera, pose = _drawn(3)
    one = moved_camera(Attributes(height=7), camera, pose, np.random.default_rng(5))
    both = moved_camera(Attributes(height=7, distance=20), camera, pose, np.random.default_rng(5))
    assert one.position[2] == both.position[2] and one.position[:2] != both.position[:2]


def test_a_vehicle_shows_each_mean_once() -> None:
    options = CityOptions(vehiclex_images=300, attributes="orientation=0/60/120/180/240/300")
    found = np.array([vehiclex_orientation(options, t) for t in draw_vehiclex(options)])
    assert ((found >= 0) & (found < 360)).all()
    gaps = (found.reshape(-1, 6) - np.arange(6) * 60 + 180) % 360 - 180  # (50, 6)
    assert np.abs(gaps.mean(axis=0)).max() < 4 * 25 / np.sqrt(50)
    assert gaps.std() == pytest.approx(25, rel=0.15)
    narrow = CityOptions(vehiclex_images=300, attributes="orientation=90")
    angles = np.array([vehiclex_orientation(narrow, t) for t in draw_vehiclex(narrow)])
    assert angles.mean() == pytest.approx(90, abs=6)


def test_vehicles_and_names_stay() -> None:
    plain, moved = CityOptions(), CityOptions(attributes="orientation=90,height=6")
    assert draw_vehiclex(plain) == draw_vehiclex(moved)
    assert plain.digest() != moved.digest()
    for tracklet in draw_vehiclex(plain)[:12:6]:
        assert spec_of(plain, tracklet.vehicle) == spec_of(moved, tracklet.vehicle)


def test_render_reads_the_file(tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    file = write_json(tmp_path / "a.json", {"format": 1, "attributes": "orientation=90,height=6"})
    small = "--train-vehicles 2 --test-vehicles 2 --cameras 3 --frames 1 --image-size 32"
    arguments = [*small.split(), "--samples", "1", "--vehiclex-images", "6", "--jobs", "1"]
    _command(["--root", str(tmp_path / "toy"), "--attributes", str(file), *arguments])
    found = read_json(tmp_path / "toy" / "city.json")["options"]["attributes"]
    assert found == "orientation=90,height=6"
    _command(["--root", str(tmp_path / "plain"), *arguments])
    synthetic = "AIC21_Track2_ReID_Simulation/sys_image_train/00001_c*_1.jpg"
    one, other = (next((tmp_path / root).glob(synthetic)) for root in ("toy", "plain"))
    assert one.name == other.name and one.read_bytes() != other.read_bytes()


def test_another_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_json(tmp_path / "a.json", {"format": 2, "attributes": "height=6"})
    with pytest.raises(DataError, match=r"a\.json: holds no attributes of format 1; give"):
        read_attributes(file)
    missing = ["--root", str(tmp_path / "toy"), "--attributes", str(tmp_path / "none.json")]
    assert run_command(lambda: _command(missing)) == 2
    assert "none.json: no such file" in capsys.readouterr().err
