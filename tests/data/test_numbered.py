"""VehicleID and VRU, which share their lists' form."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.layouts import write_images, write_lines
from tests.data.list_layouts import write_vehicleid, write_vru
from vreid.data import vehicleid, vru
from vreid.data.sample import UNKNOWN, Sample
from vreid.draws import draw_one
from vreid.errors import ConfigError, DataError


def test_the_gallery_has_one_image_a_vehicle_and_the_first_draw_made_it(tmp_path: Path) -> None:
    split = vehicleid.load(write_vehicleid(tmp_path / "VehicleID_V1.0").parent)
    assert split.name == "vehicleid small"
    assert [(s.name, s.pid, s.camid) for s in split.train] == [
        ("image/0000001.jpg", 4, UNKNOWN),
        ("image/0000002.jpg", 4, UNKNOWN),
        ("image/0000010.jpg", 5, UNKNOWN),
        ("image/0000011.jpg", 5, UNKNOWN),
    ]
    assert sorted(s.pid for s in split.gallery) == [6, 7, 8]
    assert sorted(s.pid for s in split.query) == [6, 6, 6, 6, 8, 8]
    assert_first_draw((*split.query, *split.gallery), split.gallery)
    assert all(s.path.is_file() for s in (*split.train, *split.query, *split.gallery))


def test_vru_searches_with_one_image_a_vehicle(tmp_path: Path) -> None:
    split = vru.load(write_vru(tmp_path / "VRU").parent, size="large")
    assert sorted(s.pid for s in split.query) == [3, 4]
    assert sorted(s.pid for s in split.gallery) == [3, 3, 4]
    assert split.train[0].name == "Pic/1.jpg"
    assert_first_draw((*split.query, *split.gallery), split.query)


def assert_first_draw(samples: tuple[Sample, ...], one: tuple[Sample, ...]) -> None:
    names = [sample.name for sample in samples]
    pids = np.array([sample.pid for sample in samples])
    mask = draw_one(names, pids, seed=0, number=0)
    assert {name for name, chosen in zip(names, mask, strict=True) if chosen} == {
        sample.name for sample in one
    }


@pytest.mark.parametrize("size", ["small", "medium", "large", "3200", "6000", "13164"])
def test_every_size_of_vehicleid(tmp_path: Path, size: str) -> None:
    split = vehicleid.load(write_vehicleid(tmp_path), size=size)
    assert len(split.query) + len(split.gallery) == 9


def test_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="vru has no test set '13164'; choose one of small, med"):
        vru.load(tmp_path, size="13164")


def test_numbers_may_lack_their_zeros(tmp_path: Path) -> None:
    write_vehicleid(tmp_path)
    write_lines(tmp_path / "train_test_split" / "train_list.txt", ["1 4", "0000010.jpg 5"])
    names = [s.name for s in vehicleid.load(tmp_path).train]
    assert names == ["image/0000001.jpg", "image/0000010.jpg"]


def test_counts_are_compared_with_the_published_ones(tmp_path: Path) -> None:
    notes = vehicleid.load(write_vehicleid(tmp_path)).notes
    assert notes[0].startswith(
        "vehicleid: train has 4 images of 2 vehicles; published are 113,346 images of 13,164"
    )
    assert "small has 9 images of 3 vehicles; published are 6,493 images of 800" in notes[1]
    assert len(notes) == 2
    write_vru(tmp_path / "VRU")
    notes = vru.load(tmp_path / "VRU", size="large").notes
    assert notes[0].startswith("vru: train has 2 vehicles; published are 7,085 vehicles.")
    assert "train and large has 9 images of 4 vehicles; published are 172,137" in notes[2]


def test_a_copy_without_training_images_is_fine(tmp_path: Path) -> None:
    write_vehicleid(tmp_path)
    for stem in ("0000001", "0000002", "0000010", "0000011"):
        (tmp_path / "image" / f"{stem}.jpg").unlink()
    split = vehicleid.load(tmp_path)
    assert split.train == ()
    assert "train_list.txt is here; train is left out" in split.notes[0]


def test_missing_images_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    write_vru(tmp_path)
    for stem in ("12", "15"):
        (tmp_path / "Pic" / f"{stem}.jpg").unlink()
    message = (
        r"test_list_1200.txt, line 2: Pic/12.jpg is not in .*, and 1 more of the 5 images of this"
        r" list are missing"
    )
    with pytest.raises(DataError, match=message):
        vru.load(tmp_path)
    for path in (tmp_path / "Pic").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"Pic: holds no image of train_list.txt nor of test_list"):
        vru.load(tmp_path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["11 3", "12"], "line 2: found '12'; expected an image's number and its vehicle's"),
        (["11 3", "", "12 x"], "line 3: the vehicle is 'x'; expected a whole number"),
        (["11 3", "cat 3"], "line 2: the image is 'cat'; expected a whole number"),
        (["11 3", "12 3", "11 4"], "line 3: Pic/11.jpg is on line 1 too; list each image once"),
        (["11 -3"], "line 1: the vehicle is '-3'"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, lines: list[str], message: str) -> None:
    write_vru(tmp_path)
    write_lines(tmp_path / "train_test_split" / "test_list_1200.txt", lines)
    with pytest.raises(DataError, match=f"test_list_1200.txt, {message}"):
        vru.load(tmp_path)


def test_a_list_of_another_name_is_a_contradiction(tmp_path: Path) -> None:
    write_vru(tmp_path)
    stems = [str(number) for number in range(100, 1301)]
    write_images(tmp_path / "Pic", [f"{stem}.jpg" for stem in stems])
    rows = [f"{stem} {stem}" for stem in stems]
    write_lines(tmp_path / "train_test_split" / "test_list_1200.txt", rows)
    with pytest.raises(DataError, match=r"_1200.txt: lists 1201 vehicles, and its name says 1200"):
        vru.load(tmp_path)


def test_vehicles_of_both_sets_are_told(tmp_path: Path) -> None:
    write_vru(tmp_path)
    write_lines(tmp_path / "train_test_split" / "train_list.txt", ["1 3", "2 3"])
    notes = vru.load(tmp_path).notes
    assert "1 vehicles are in training and test set (first: 3)" in notes[-1]


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder image here or in VehicleID_V1.0 .*pkuml.org"):
        vehicleid.load(tmp_path)
    write_vehicleid(tmp_path)
    (tmp_path / "train_test_split" / "test_list_800.txt").unlink()
    with pytest.raises(DataError, match=r"no file test_list_800.txt in .*train_test_split or"):
        vehicleid.load(tmp_path)
