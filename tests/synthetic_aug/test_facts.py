"""Facts of a rendered city: they name its test pictures, and say what its plan and poses say."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from synthetic_aug.city.cameras import Pose, studio_camera
from synthetic_aug.city.conditions import city_cameras
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import draw_tracklets
from synthetic_aug.city.records import Tracklet, Vehicle
from synthetic_aug.city.worker import Painter
from synthetic_aug.facts import main, orientation, orientations
from vreid.errors import DataError
from vreid.files import write_json

OPTIONS = CityOptions(train_vehicles=4, test_vehicles=8, cameras=4, night=0.5, lookalikes=0.5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    record = {"format": 1, "digest": OPTIONS.digest(), "options": OPTIONS.table()}
    write_json(tmp_path / "city.json", record)
    return tmp_path


def test_facts_are_those_of_the_plan(root: Path) -> None:
    with main(root).open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    tracklets = [one for one in draw_tracklets(OPTIONS) if one.folder != "image_train"]
    pictures = [(f"{one.folder}/{name}", one) for one in tracklets for name in one.names]
    assert set(rows) == {name for name, _ in pictures}
    cameras = city_cameras(OPTIONS)
    alike = _alike(tracklets)
    for name, one in pictures:
        assert rows[name]["scene"] == str(cameras[one.camera].place)
        assert rows[name]["night"] == str(int(cameras[one.camera].weather.night))
        assert rows[name]["lookalike"] == str(int(one.vehicle in alike))
        assert 0 <= float(rows[name]["orientation"]) < 360
    assert {row["night"] for row in rows.values()} == {"0", "1"}
    assert sum(row["lookalike"] == "1" for row in rows.values()) > 0


def _alike(tracklets: list[Tracklet]) -> set[Vehicle]:
    """Vehicles whose plan and paint another one has."""
    specs = {one.vehicle: spec_of(OPTIONS, one.vehicle) for one in tracklets}
    return {
        one
        for one in specs
        if any(
            other != one
            and specs[other].plan == specs[one].plan
            and specs[other].color == specs[one].color
            for other in specs
        )
    }


def test_orientations_are_those_of_the_poses_that_are_rendered(root: Path) -> None:
    painter = Painter(root, OPTIONS)
    for one in draw_tracklets(OPTIONS)[-6:]:
        points = np.array([[2.3, 0.8, 0.0], [-2.3, -0.8, 1.5]])
        shot = painter._shot(one, points)
        expected = [round(orientation(shot.camera, pose), 1) % 360 for pose in shot.passage.poses]
        assert orientations(OPTIONS, shot.camera, one) == expected


def test_degrees_are_those_of_the_labels() -> None:
    for degrees in (0.0, 90.0, 200.0, 359.0):
        camera, pose = studio_camera(degrees, np.random.default_rng(1))
        off = (orientation(camera, pose) - degrees + 180) % 360 - 180
        assert abs(off) < 1
    camera, _ = studio_camera(0.0, np.random.default_rng(1))
    x, y, _ = camera.position
    assert orientation(camera, Pose(0.0, 0.0, math.atan2(y, x))) == pytest.approx(0, abs=1e-6)


def test_a_folder_that_is_no_city(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; render the city"):
        main(tmp_path)
    records: list[object] = [[], {"options": {"sead": 1}}, {"options": {}, "digest": "0"}]
    for record in records:
        write_json(tmp_path / "city.json", record)
        with pytest.raises(DataError, match="not the record of a city of this version"):
            main(tmp_path)
