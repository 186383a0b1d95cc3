from pathlib import Path

import pytest

from tests.data.layouts import write_lines
from tests.data.list_layouts import write_vric
from vreid.data import vric
from vreid.errors import DataError


def test_all_parts_are_read_with_their_labels(tmp_path: Path) -> None:
    split = vric.load(write_vric(tmp_path / "VRIC").parent)
    assert [(s.name, s.pid, s.camid) for s in split.train] == [
        ("train_images/MVI_20011_016_img00105.jpg", 15, 1),
        ("train_images/MVI_20011_016_img00110.jpg", 15, 1),
        ("train_images/MVI_39761_002_img00007.jpg", 16, 2),
    ]
    first = split.query[0]
    assert (first.name, first.pid, first.camid) == (
        "probe_images/MVI_40131_003_img00100.jpg",
        7,
        4,
    )
    assert [s.pid for s in split.gallery] == [7, 9]
    assert all(s.path.is_file() for s in (*split.train, *split.query, *split.gallery))
    assert [note.split(";")[0] for note in split.notes] == [
        "vric: train has 3 images of 2 vehicles",
        "vric: query has 2 images of 2 vehicles",
        "vric: gallery has 2 images of 2 vehicles",
    ]


def test_a_part_without_images_is_left_out(tmp_path: Path) -> None:
    write_vric(tmp_path)
    (tmp_path / "train_images").rename(tmp_path / "aside")
    split = vric.load(tmp_path)
    assert split.train == ()
    assert split.notes[0] == "vric: no image of vric_train.txt is here; train is left out"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.jpg 1"], "line 1: found 'a.jpg 1'; expected an image's name, its vehicle and its cam"),
        (["MVI_40131_003_img00100.jpg 7 x"], "line 1: the camera is 'x'"),
        (["MVI_40131_003_img00100.jpg 7 4", "b.jpg 9 4"], "line 2: probe_images/b.jpg is not in"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, lines: list[str], message: str) -> None:
    write_vric(tmp_path)
    write_lines(tmp_path / "vric_probe.txt", lines)
    with pytest.raises(DataError, match=f"vric_probe.txt, {message}"):
        vric.load(tmp_path)


def test_a_query_without_its_vehicle_is_a_contradiction(tmp_path: Path) -> None:
    write_vric(tmp_path)
    write_lines(tmp_path / "vric_probe.txt", ["MVI_40131_003_img00100.jpg 8 4"])
    with pytest.raises(DataError, match=r"vehicle 8 of probe_images/MVI.* is not in the gallery"):
        vric.load(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file vric_train.txt here or in VRIC .*qmul-vric"):
        vric.load(tmp_path)
    write_vric(tmp_path)
    (tmp_path / "vric_gallery.txt").unlink()
    with pytest.raises(DataError, match=r"no file vric_gallery.txt in"):
        vric.load(tmp_path)
