from pathlib import Path

import pytest

from tests.data.layouts import write_images, write_lines, write_veri
from vreid.data import veri776
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError


def test_names_tracks_colours_and_types_are_read(tmp_path: Path) -> None:
    split = veri776.load(write_veri(tmp_path / "VeRi").parent)
    assert [(s.pid, s.camid, s.color, s.type) for s in split.train] == [
        (1, 1, 2, 4),
        (1, 14, UNKNOWN, UNKNOWN),  # not in the label file
    ]
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.gallery] == [
        ("image_test/0002_c002_00030600_0.jpg", 2, 2, 0),
        ("image_test/0002_c002_00030605_1.jpg", 2, 2, 0),
        ("image_test/0005_c020_00070000_0.jpg", 5, 20, 1),
    ]
    assert [(s.name, s.pid, s.trackid) for s in split.query] == [
        ("image_query/0002_c002_00030600_0.jpg", 2, UNKNOWN)
    ]


def test_lists_labels_and_tracks_may_be_missing(tmp_path: Path) -> None:
    write_veri(tmp_path)
    for path in [*tmp_path.glob("*.txt"), *tmp_path.glob("*.xml")]:
        path.unlink()
    split = veri776.load(tmp_path)
    assert [s.pid for s in split.gallery] == [2, 2, 5]
    assert {s.trackid for s in split.gallery} == {UNKNOWN}


def test_the_lists_order_counts(tmp_path: Path) -> None:
    write_veri(tmp_path)
    names = (tmp_path / "name_test.txt").read_text().split()
    write_lines(tmp_path / "name_test.txt", names[::-1])
    assert [s.name[11:] for s in veri776.load(tmp_path).gallery] == names[::-1]


def test_an_odd_name_is_refused(tmp_path: Path) -> None:
    write_veri(tmp_path)
    write_images(tmp_path / "image_query", ["car.jpg"])
    (tmp_path / "name_query.txt").unlink()
    with pytest.raises(DataError, match=r"car.jpg: the name does not say.*0002_c002_00030600_0"):
        veri776.load(tmp_path)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    write_veri(tmp_path)
    (tmp_path / "image_query").rename(tmp_path / "aside")
    with pytest.raises(DataError, match="image_query: no such folder"):
        veri776.load(tmp_path)
    with pytest.raises(DataError, match="VeRidataset"):
        veri776.load(tmp_path / "absent")
