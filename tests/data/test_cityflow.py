from pathlib import Path

import pytest

from tests.data.layouts import write_cityflow, write_lines, write_xml
from vreid.data import cityflow
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError


def test_all_parts_are_read_with_their_labels(tmp_path: Path) -> None:
    split = cityflow.load(write_cityflow(tmp_path))
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.train] == [
        ("image_train/000001.jpg", 1, 1, 0),
        ("image_train/000002.jpg", 1, 2, 1),
        ("image_train/000003.jpg", 1, 3, 2),
        ("image_train/000004.jpg", 2, 1, 3),
        ("image_train/000005.jpg", 2, 2, 4),
        ("image_train/000006.jpg", 2, 3, 5),
    ]
    assert all(s.path.is_file() for s in (*split.train, *split.query, *split.gallery))
    assert not any(s.synthetic for s in split.train)


def test_the_test_set_keeps_the_lists_order_and_has_cameras_but_no_vehicles(
    tmp_path: Path,
) -> None:
    split = cityflow.load(write_cityflow(tmp_path))
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.gallery] == [
        ("image_test/000003.jpg", UNKNOWN, 41, 0),
        ("image_test/000001.jpg", UNKNOWN, 41, 0),
        ("image_test/000002.jpg", UNKNOWN, 41, 1),
    ]
    assert [(s.name, s.camid, s.trackid) for s in split.query] == [
        ("image_query/000001.jpg", 6, UNKNOWN),
        ("image_query/000002.jpg", 6, UNKNOWN),
    ]


@pytest.mark.parametrize(
    "below", [".", "AIC21_Track2_ReID", "AIC21_Track2_ReID/AIC21_Track2_ReID", "AIC20_ReID"]
)
def test_the_folder_is_found_where_archives_put_it(tmp_path: Path, below: str) -> None:
    write_cityflow(tmp_path / below)
    split = cityflow.load(tmp_path)
    assert len(split.train) == 6
    assert split.train[0].name == "image_train/000001.jpg"


def test_the_2020_edition_has_no_test_cameras_and_bare_track_numbers(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    for name in ("query_label.xml", "test_label.xml", "train_track.txt", "test_track.txt"):
        (tmp_path / name).unlink()
    write_lines(tmp_path / "train_track_id.txt", ["1 2", "3", "4 5 6"])
    write_lines(tmp_path / "test_track_id.txt", ["2 3"])
    split = cityflow.load(tmp_path)
    assert [s.trackid for s in split.train] == [0, 0, 1, 2, 2, 2]
    assert [s.trackid for s in split.gallery] == [0, UNKNOWN, 0]
    assert {s.camid for s in (*split.query, *split.gallery)} == {UNKNOWN}


def test_lists_and_tracks_may_be_missing(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    for path in [*tmp_path.glob("name_*.txt"), *tmp_path.glob("*_track.txt")]:
        path.unlink()
    split = cityflow.load(tmp_path)
    assert [s.name[-5] for s in split.gallery] == ["1", "2", "3"]
    assert {s.trackid for s in split.train} == {UNKNOWN}


def test_a_training_set_alone_is_fine_but_half_a_test_set_is_not(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    (tmp_path / "image_query").rename(tmp_path / "aside")
    with pytest.raises(DataError, match=r"image_query: no such folder.*other half"):
        cityflow.load(tmp_path)
    (tmp_path / "image_test").rename(tmp_path / "aside too")
    split = cityflow.load(tmp_path)
    assert (len(split.train), split.query, split.gallery) == (6, (), ())


def test_a_missing_data_set_is_answered_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent: .*image_train, but there is none; .*aicity"):
        cityflow.load(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no folder image_train here.*found nothing"):
        cityflow.load(tmp_path)
    (tmp_path / "image_test").mkdir()
    with pytest.raises(DataError, match=r"\(found image_test\); name the folder that contains"):
        cityflow.load(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    for path in (tmp_path / "image_train").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"image_train: no images \(looked for .jpg"):
        cityflow.load(tmp_path)


def test_label_without_image_and_image_without_label_are_two_sentences(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    (tmp_path / "image_train" / "000002.jpg").rename(tmp_path / "image_train" / "000009.jpg")
    with pytest.raises(DataError, match=r"train_label.xml: 1 of its images.*first: 000002.jpg"):
        cityflow.load(tmp_path)
    write_cityflow(tmp_path)
    with pytest.raises(DataError, match=r"image_train: 1 of its 7 images.*first: 000009.jpg"):
        cityflow.load(tmp_path)


def test_missing_label_file_and_bad_numbers_name_the_place(tmp_path: Path) -> None:
    write_cityflow(tmp_path)
    items = [
        {"imageName": f"{number:06d}.jpg", "vehicleID": "0001", "cameraID": "c001"}
        for number in range(1, 7)
    ]
    write_xml(tmp_path / "train_label.xml", [*items[:5], {**items[5], "vehicleID": "red"}])
    with pytest.raises(DataError, match=r"_label.xml, line 9: vehicleID of 000006.jpg is 'red'"):
        cityflow.load(tmp_path)
    (tmp_path / "train_label.xml").unlink()
    with pytest.raises(DataError, match=r"train_label.xml: cannot be read \(No such file"):
        cityflow.load(tmp_path)
