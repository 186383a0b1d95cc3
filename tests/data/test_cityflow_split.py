from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.layouts import write_cityflow, write_lines, write_xml
from vreid.data import cityflow
from vreid.data.cityflow_split import write_split
from vreid.data.sample import Sample, Split
from vreid.errors import DataError

# Vehicle 1 are images 1-3, vehicle 2 are 4-6; the cameras of both are 1, 2, 3.
PARTS = {"train": [1, 2, 3], "query": [5], "test": [4, 6]}


def item(number: int) -> dict[str, str]:
    pid, camid = (number + 2) // 3, 1 + (number - 1) % 3
    return {
        "imageName": f"{number:06d}.jpg",
        "vehicleID": f"{pid:04d}",
        "cameraID": f"c{camid:03d}",
    }


def write_xml_split(folder: Path, parts: dict[str, list[int]]) -> None:
    folder.mkdir(exist_ok=True)
    for part, numbers in parts.items():
        write_xml(folder / f"{part}_split.xml", [item(number) for number in numbers])


def write_lists(folder: Path, parts: dict[str, list[int]]) -> None:
    folder.mkdir(exist_ok=True)
    for part, numbers in parts.items():
        rows = [item(number) for number in numbers]
        lines = [f"{row['vehicleID']}_{row['cameraID']}_0007_{row['imageName']}" for row in rows]
        write_lines(folder / f"{part}.txt", lines)


def assert_parts(split: Split) -> None:
    assert [s.name for s in split.train] == [f"image_train/00000{n}.jpg" for n in (1, 2, 3)]
    assert [(s.name, s.pid, s.camid) for s in split.query] == [("image_train/000005.jpg", 2, 2)]
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.gallery] == [
        ("image_train/000004.jpg", 2, 1, 3),  # the tracklet of train_track.txt, not test_track.txt
        ("image_train/000006.jpg", 2, 3, 5),
    ]
    assert split.notes == ()


@pytest.mark.parametrize("nested", [False, True])
def test_split_xmls_are_read_from_the_root(tmp_path: Path, nested: bool) -> None:
    root = tmp_path / "AIC21_Track2_ReID/AIC21_Track2_ReID" if nested else tmp_path
    write_cityflow(root)
    write_xml_split(root, PARTS)
    assert_parts(cityflow.load(tmp_path, split="."))


def test_split_xmls_are_read_from_a_folder_of_their_own(tmp_path: Path) -> None:
    write_cityflow(tmp_path / "data")
    write_xml_split(tmp_path / "split", PARTS)
    assert_parts(cityflow.load(tmp_path / "data", split=str(tmp_path / "split")))


@pytest.mark.parametrize("folder", [".", "trainval_partial"])
def test_trainval_lists_are_read(tmp_path: Path, folder: str) -> None:
    write_cityflow(tmp_path)
    write_lists(tmp_path / folder, PARTS)
    assert_parts(cityflow.load(tmp_path, split="."))


def test_the_challenges_own_parts_stay_the_default(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    write_xml_split(tmp_path, PARTS)
    split = cityflow.load(tmp_path)
    assert (len(split.train), split.query[0].name) == (6, "image_query/000001.jpg")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    train = cityflow.load(tmp_path).train
    made = Split("mine", train=train[:3], query=(train[4],), gallery=(train[3], train[5]))
    paths = write_split(tmp_path / "out", made)
    assert [path.name for path in paths] == [
        "train_split.xml",
        "query_split.xml",
        "test_split.xml",
    ]
    assert paths[0].read_bytes().startswith(b'<?xml version="1.0" encoding="gb2312" ?>\n<Training')
    assert_parts(cityflow.load(tmp_path, split=str(tmp_path / "out")))
    stranger = Sample(Path("x"), "image_test/000001.jpg", pid=1, camid=1)
    with pytest.raises(DataError, match=r"image_test/000001.jpg: not an image of image_train"):
        write_split(tmp_path / "out", replace(made, train=(stranger,)))


def test_queries_in_the_gallery_are_told(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    write_lists(tmp_path, {**PARTS, "test": [4, 5, 6]})
    notes = cityflow.load(tmp_path, split=".").notes
    assert notes[0].startswith("cityflow split: 1 of 1 queries are in the gallery too")


def test_contradictions_are_refused(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    write_xml_split(tmp_path, {**PARTS, "train": [1, 2, 3, 4]})
    with pytest.raises(DataError, match=r"1 vehicles are both trained on and .*\(first: 2\)"):
        cityflow.load(tmp_path, split=".")
    write_xml_split(tmp_path, {"train": [1], "query": [5], "test": [2]})
    with pytest.raises(DataError, match="1 vehicles are both"):
        cityflow.load(tmp_path, split=".")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0001_c001_000001.jpg", "found '0001_c001_000001.jpg'; expected pid_cam_track_image"),
        ("0001_c001_0001_000009.jpg", "000009.jpg is none of the 6 training images"),
        ("0002_c001_0001_000001.jpg", "shows vehicle 2 in camera 1, by train_label.xml vehicle 1"),
        ("0001_c001_0001 000001.jpg", "found .*; expected pid_cam_track_image.jpg"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    write_cityflow(tmp_path)
    write_lists(tmp_path, PARTS)
    write_lines(tmp_path / "train.txt", ["", line])
    with pytest.raises(DataError, match=f"train.txt, line 2: .*{message}|line 2: {message}"):
        cityflow.load(tmp_path, split=".")


def test_a_query_whose_vehicle_is_not_there_is_refused(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    labels = tmp_path / "train_label.xml"
    labels.write_bytes(
        labels.read_bytes().replace(
            b'imageName="000006.jpg" vehicleID="0002"', b'imageName="000006.jpg" vehicleID="0003"'
        )
    )
    write_lists(tmp_path, {"train": [1], "query": [5], "test": [4]})
    write_lines(tmp_path / "test.txt", ["0003_c003_0001_000006.jpg"])
    with pytest.raises(DataError, match=r"1 vehicles of the queries are not in the gallery .*: 2"):
        cityflow.load(tmp_path, split=".")


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    with pytest.raises(DataError, match=r"no split here; expected train_split.xml.*scripts.split"):
        cityflow.load(tmp_path, split="nowhere")
    write_xml_split(tmp_path, PARTS)
    (tmp_path / "query_split.xml").unlink()
    with pytest.raises(DataError, match=r"query_split.xml: cannot be read"):
        cityflow.load(tmp_path, split=".")


def test_counts_are_compared_with_the_nearer_edition(tmp_path: Path) -> None:
    notes = cityflow.load(write_cityflow(tmp_path)).notes
    assert len(notes) == 3
    assert notes[0].startswith("cityflow (2019, 2020): train has 6 images of 2 vehicles; published")
