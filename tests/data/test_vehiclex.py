import shutil
from pathlib import Path

import pytest

from tests.data.layouts import write_vehiclex
from vreid.data import vehiclex
from vreid.errors import DataError


@pytest.mark.parametrize("below", [".", "AIC21_Track2_ReID_Simulation"])
def test_labels_are_read_and_angles_brought_into_range(tmp_path: Path, below: str) -> None:
    write_vehiclex(tmp_path / below)
    split = vehiclex.load(tmp_path)
    assert [(s.name, s.pid, s.camid, s.angle) for s in split.train] == [
        ("sys_image_train/0001_c001_1.jpg", 1, 1, 355.25),
        ("sys_image_train/0001_c002_2.jpg", 1, 2, 349.5),
        ("sys_image_train/0007_c011_3.jpg", 7, 11, 0.0),
    ]
    assert {(s.color, s.type, s.synthetic) for s in split.train} == {(9, 4, True)}
    assert (split.query, split.gallery) == ((), ())


def test_translated_images_take_the_labels_of_the_rendered_ones(tmp_path: Path) -> None:
    write_vehiclex(tmp_path)
    shutil.copytree(tmp_path / "sys_image_train", tmp_path / "translated")
    split = vehiclex.load(tmp_path, images="translated")
    assert split.train[0].name == "translated/0001_c001_1.jpg"
    assert split.train[0].angle == 355.25


def test_a_missing_folder_is_answered_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder sys_image_train here.*aicitychallenge"):
        vehiclex.load(tmp_path)


def test_a_bad_angle_is_refused(tmp_path: Path) -> None:
    write_vehiclex(tmp_path)
    labels = tmp_path / "train_label.xml"
    labels.write_bytes(labels.read_bytes().replace(b"355.25", b"north"))
    with pytest.raises(DataError, match=r"orientation of 0001_c001_1.jpg is 'north'"):
        vehiclex.load(tmp_path)
