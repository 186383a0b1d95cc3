"""Label files to the byte: headers, names, tracks, and the truth only where it belongs."""

import re
from pathlib import Path

import pytest

from synthetic_aug.city.layout import remove_leftovers, rows_of, write_layout
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import draw_tracklets, draw_vehiclex
from synthetic_aug.city.records import Tracklet

OPTIONS = CityOptions(train_vehicles=4, test_vehicles=3, cameras=4, vehiclex_images=8)
HEADER = b'<?xml version="1.0" encoding="gb2312"?>\n'


@pytest.fixture
def tracklets() -> list[Tracklet]:
    return [*draw_tracklets(OPTIONS), *draw_vehiclex(OPTIONS)]


@pytest.fixture
def root(tmp_path: Path, tracklets: list[Tracklet]) -> Path:
    write_layout(tmp_path, OPTIONS, tracklets)
    return tmp_path / "AIC21_Track2_ReID"


def test_train_label_names_vehicle_and_camera(root: Path, tracklets: list[Tracklet]) -> None:
    data = (root / "train_label.xml").read_bytes()
    assert data.startswith(HEADER)
    items = re.findall(
        rb'<Item imageName="(\d{6}\.jpg)" vehicleID="(\d{4})" cameraID="(c\d{3})"', data
    )
    expected = [
        (name.encode(), b"%04d" % t.vehicle.number, b"c%03d" % (t.camera + 1))
        for name, t in rows_of(tracklets, "image_train")
    ]
    assert items == expected


@pytest.mark.parametrize("short", ["query", "test"])
def test_test_labels_hold_the_camera_only(root: Path, short: str) -> None:
    data = (root / f"{short}_label.xml").read_bytes()
    assert data.startswith(HEADER) and b"vehicleID" not in data
    names = (root / f"name_{short}.txt").read_text().split()
    assert [
        m.decode() for m in re.findall(rb'imageName="([^"]+)" cameraID="c\d{3}"', data)
    ] == names


def test_tracks_hold_every_picture_once(root: Path) -> None:
    for short in ("train", "test"):
        lines = (root / f"{short}_track.txt").read_text().splitlines()
        members = [name for line in lines for name in line.split(" ")]
        assert sorted(members) == (root / f"name_{short}.txt").read_text().split()
    assert not (root / "query_track.txt").exists()


def test_truth_has_the_order_of_the_name_lists(root: Path, tracklets: list[Tracklet]) -> None:
    for short, folder, listed in (
        ("query", "image_query", "query"),
        ("gallery", "image_test", "test"),
    ):
        lines = (root.parent / "truth" / f"{short}.csv").read_text().splitlines()
        assert lines[0] == "name,vehicle_id,camera_id"
        names = (root / f"name_{listed}.txt").read_text().split()
        assert [line.split(",")[0] for line in lines[1:]] == [f"{folder}/{name}" for name in names]
        owners = dict(rows_of(tracklets, folder))
        for line in lines[1:]:
            name, vehicle, camera = line.split(",")
            owner = owners[Path(name).name]
            assert (int(vehicle), int(camera)) == (owner.vehicle.number, owner.camera + 1)


def test_vehiclex_labels_carry_the_attributes(root: Path) -> None:
    data = (root.parent / "AIC21_Track2_ReID_Simulation" / "train_label.xml").read_bytes()
    assert data.startswith(HEADER)
    pattern = (
        rb'<Item imageName="(\d{5})_c(\d{3})_\d+\.jpg" vehicleID="(\d{4})" cameraID="c(\d{3})" '
        rb'orientation="(\d+\.\d{3})" colorID="(\d+)" typeID="(\d+)" />'
    )
    items = re.findall(pattern, data)
    assert len(items) == 8
    for file_vehicle, file_camera, vehicle, camera, angle, color, kind in items:
        assert int(file_vehicle) == int(vehicle) and file_camera == camera
        assert 0 <= float(angle) < 360 and 0 <= int(color) < 11 and 0 <= int(kind) < 7


def test_no_vehiclex_file_without_vehiclex_pictures(tmp_path: Path) -> None:
    options = CityOptions(train_vehicles=2, test_vehicles=2, vehiclex_images=0)
    write_layout(tmp_path, options, draw_tracklets(options))
    assert not (tmp_path / "AIC21_Track2_ReID_Simulation").exists()


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path, tracklets: list[Tracklet]) -> None:
    folder = tmp_path / "AIC21_Track2_ReID" / "image_train"
    folder.mkdir(parents=True)
    (folder / ".000001.abc.jpg").write_bytes(b"half")
    (folder / "000001.jpg").write_bytes(b"whole")
    remove_leftovers(tmp_path, tracklets)
    assert [path.name for path in folder.iterdir()] == ["000001.jpg"]
