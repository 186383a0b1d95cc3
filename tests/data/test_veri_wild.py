from pathlib import Path

import pytest

from tests.data.layouts import write_lines
from tests.data.list_layouts import VERI_WILD_HEADER, write_veri_wild
from vreid.data import veri_wild
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import ConfigError, DataError

TRAIN = [
    ("images/00001/000001.jpg", 1, 23),
    ("images/00001/000002.jpg", 1, 41),
    ("images/00007/000010.jpg", 7, 5),
]


def facts(samples: tuple[Sample, ...]) -> list[tuple[str, int, int]]:
    return [(sample.name, sample.pid, sample.camid) for sample in samples]


@pytest.mark.parametrize("header", [True, False], ids=["header", "no header"])
@pytest.mark.parametrize("later", [False, True], ids=["first edition", "later edition"])
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_both_editions_and_all_sizes_are_read(
    tmp_path: Path, size: str, later: bool, header: bool
) -> None:
    root = write_veri_wild(tmp_path / "VERI-Wild", later=later, header=header)
    info = (root / "train_test_split" / "vehicle_info.txt").read_bytes()
    assert info.startswith(VERI_WILD_HEADER.encode()) == header
    split = veri_wild.load(tmp_path, size=size)
    assert facts(split.train) == TRAIN  # the vehicle is the folder, never the label
    assert facts(split.query) == [
        ("images/00040/000102.jpg", 40, 3),
        ("images/00041/000111.jpg", 41, 4),
    ]
    assert facts(split.gallery)[0] == ("images/00040/000100.jpg", 40, 1)
    assert len(split.gallery) == 3


def test_cameras_come_from_the_list_where_there_is_no_other_file(tmp_path: Path) -> None:
    write_veri_wild(tmp_path, later=True)
    (tmp_path / "train_test_split" / "vehicle_info.txt").unlink()
    assert facts(veri_wild.load(tmp_path).train) == TRAIN


def test_cameras_are_found_without_a_vehicles_zeros(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    info = tmp_path / "train_test_split" / "vehicle_info.txt"
    info.write_bytes(info.read_bytes().replace(b"\n000", b"\n"))
    assert b"\n01/000001;23;" in info.read_bytes()
    assert facts(veri_wild.load(tmp_path).train) == TRAIN


def test_without_any_camera_there_is_a_note(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    (tmp_path / "train_test_split" / "vehicle_info.txt").unlink()
    split = veri_wild.load(tmp_path)
    assert {sample.camid for sample in split.train} == {UNKNOWN}
    assert "8 images have no camera, since vehicle_info.txt is missing" in split.notes[-1]


def test_lists_may_stand_beside_the_images_and_lack_the_suffix(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    for path in (tmp_path / "train_test_split").iterdir():
        path.rename(tmp_path / path.name)
    write_lines(tmp_path / "train_list.txt", ["00001/000001", "images/00001/000002.jpg"])
    assert facts(veri_wild.load(tmp_path).train) == TRAIN[:2]


def test_counts_are_compared(tmp_path: Path) -> None:
    notes = veri_wild.load(write_veri_wild(tmp_path), size="medium").notes
    assert notes[0].startswith("veri-wild: train has 3 images of 2 vehicles; published are 277,797")
    assert "query has 2 images of 2 vehicles; published are 5,000 images of 5,000" in notes[1]
    assert "test (medium) has 5 images; published are 69,389 images" in notes[2]


def test_a_query_in_the_gallery_is_told(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    lists = tmp_path / "train_test_split"
    query = (lists / "test_3000_query.txt").read_text().split()
    gallery = (lists / "test_3000.txt").read_text().split()
    write_lines(lists / "test_3000.txt", [*gallery, query[0]])
    assert "1 queries are in the gallery too" in veri_wild.load(tmp_path).notes[-1]


def test_a_copy_of_the_test_set_alone_is_fine_but_half_of_it_is_not(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    for vehicle in ("00001", "00007"):
        (tmp_path / "images" / vehicle).rename(tmp_path / vehicle)
    split = veri_wild.load(tmp_path)
    assert (len(split.train), len(split.query)) == (0, 2)
    assert "train_list.txt is here; train is left out" in split.notes[0]
    for name in ("00040/000102.jpg", "00041/000111.jpg"):
        (tmp_path / "images" / name).unlink()
    with pytest.raises(DataError, match="one half of the test set small has no images"):
        veri_wild.load(tmp_path)
    (tmp_path / "images" / "00040").rename(tmp_path / "00040")
    (tmp_path / "images" / "00041").rename(tmp_path / "00041")
    with pytest.raises(DataError, match="holds no image of any list"):
        veri_wild.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        ("train_list", ["00001/000001.jpg", "000002.jpg"], "line 2: the image is '000002.jpg'"),
        ("train_list", ["00001/000001.jpg 0"], "line 1: found .*; expected vehicle/image.jpg, or"),
        ("train_list", ["00001/000001.jpg 0 x"], "line 1: 00001/000001 is not in vehicle_info"),
        ("train_list", ["00001/000001.jpg", "00001/9.jpg"], "line 2: images/00001/9.jpg is not in"),
        ("vehicle_info", ["id/image;Camera ID", "00001/000001;c;x"], "line 2: the camera is 'c'"),
        ("vehicle_info", ["00001/000001;3", "here"], "line 2: found 'here'; expected vehicle/im"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, file: str, lines: list[str], message: str) -> None:
    write_veri_wild(tmp_path)
    if "not in vehicle_info" in message:
        lines = lines[:1] if len(lines) > 1 else ["00001/000001.jpg"]
        info = tmp_path / "train_test_split" / "vehicle_info.txt"
        write_lines(info, [VERI_WILD_HEADER, "00009/000001;3;x"])
    write_lines(tmp_path / "train_test_split" / f"{file}.txt", lines)
    with pytest.raises(DataError, match=f"{file}.txt, {message}"):
        veri_wild.load(tmp_path)


def test_missing_lists_and_sizes_are_named(tmp_path: Path) -> None:
    write_veri_wild(tmp_path)
    with pytest.raises(ConfigError, match="no test set 'tiny'; choose one of small, medium, large"):
        veri_wild.load(tmp_path, size="tiny")
    (tmp_path / "train_test_split" / "test_3000.txt").unlink()
    with pytest.raises(DataError, match=r"no file test_3000.txt or test_3000_id.txt in"):
        veri_wild.load(tmp_path)
