"""A city of the first options stays as it was: its plan, looks, shapes, passages and pictures.

The numbers were taken from the first version, before any later option existed. Bytes of pictures
depend on the machine's arithmetic in the last bit, so means stand for them here.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug.city.cameras import draw_cameras
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.passage import draw_passage
from synthetic_aug.city.plan import draw_tracklets, draw_vehiclex, vehiclex_orientation
from synthetic_aug.city.records import Tracklet, generator
from synthetic_aug.city.vehicle import VehicleSpec, build
from synthetic_aug.render import main
from vreid.files import hash_text, read_json

OPTIONS = CityOptions()


@pytest.fixture(scope="module")
def tracklets() -> list[Tracklet]:
    return [*draw_tracklets(OPTIONS), *draw_vehiclex(OPTIONS)]


@pytest.fixture(scope="module")
def specs(tracklets: list[Tracklet]) -> list[VehicleSpec]:
    vehicles = {(t.vehicle.group, t.vehicle.index): t.vehicle for t in tracklets}
    return [spec_of(OPTIONS, vehicle) for vehicle in vehicles.values()]


def test_options_keep_their_digest_and_their_names() -> None:
    assert OPTIONS.digest().startswith("621366c7fa96e6ef")
    assert len(OPTIONS.table()) == 10
    assert set(CityOptions(rain=0.5).table()) - set(OPTIONS.table()) == {"rain"}


def test_plan_stays(tracklets: list[Tracklet]) -> None:
    lines = [f"{t.folder} {t.vehicle.number} {t.camera} {' '.join(t.names)}" for t in tracklets]
    assert len(lines) == 1130
    assert hash_text("\n".join(lines)).startswith("e4a44676a9d95ae3")
    angles = [vehiclex_orientation(OPTIONS, t) for t in tracklets if t.folder.startswith("sys")]
    assert sum(angles) == pytest.approx(85971.907)


def test_looks_and_shapes_stay(specs: list[VehicleSpec]) -> None:
    lines = [
        f"{s.plan.body_type} {s.color} {s.plate} {s.flat} {s.panelled} {s.bare} "
        f"{s.rack and s.rack[0]} {[one.panel for one in s.stickers]} {s.rim.spokes}"
        for s in specs
    ]
    assert hash_text("\n".join(lines)).startswith("1bb0572226d2ea9e")
    assert sum(s.plan.length for s in specs) == pytest.approx(1273.502387704)
    assert sum(sum(s.coat.color) for s in specs) == pytest.approx(206.969112859)
    meshes = [mesh for spec in specs[:40] for mesh in build(spec).values()]
    assert sum(len(mesh.vertices) for mesh in meshes) == 190217
    total = sum(float(np.abs(mesh.vertices).sum()) for mesh in meshes)
    assert total == pytest.approx(662106.036062, rel=1e-9)


def test_cameras_and_passages_stay() -> None:
    cameras = draw_cameras(8, generator(OPTIONS, "cameras"))
    assert sum(sum(c.position) for c in cameras) == pytest.approx(35.567147360)
    assert sum(c.fov for c in cameras) == pytest.approx(358.218660413)
    assert sum(c.sensor.exposure for c in cameras) == pytest.approx(9.413115929)
    passages = [
        draw_passage(camera, 4, occluded=0.5, reach=2.3, rng=np.random.default_rng(index))
        for index, camera in enumerate(cameras)
    ]
    places = [pose.x + 2 * pose.y + 3 * pose.yaw for one in passages for pose in one.poses]
    assert sum(places) == pytest.approx(277.330021475)
    assert sum(thing.choice for one in passages for thing in one.bystanders) == 7201


def test_pictures_stay(tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    small = CityOptions(
        train_vehicles=2, test_vehicles=2, cameras=3, frames=2, image_size=32, samples=1,
        lookalikes=1.0, vehiclex_images=3,
    )  # fmt: skip
    root = main(tmp_path / "toy", small, jobs=1)
    assert len(read_json(root / "city.json")["options"]) == 10
    means = {
        "000001": (117.6, 100.4, 99.0), "000002": (121.6, 118.1, 117.9),
        "000003": (116.4, 110.3, 111.9), "000004": (115.1, 122.9, 121.6),
        "000005": (108.8, 95.5, 95.8), "000006": (119.6, 103.6, 101.9),
        "000007": (116.9, 111.4, 114.8), "000008": (121.5, 117.4, 116.8),
        "000009": (97.3, 106.1, 104.7),
    }  # fmt: skip
    for name, expected in means.items():
        picture = cv2.imread(str(root / "AIC21_Track2_ReID" / "image_train" / f"{name}.jpg"))
        assert np.asarray(picture).mean(axis=(0, 1)) == pytest.approx(expected, abs=0.5)
