from pathlib import Path

import pytest

from scripts.lists import main, padded_tracks
from tests.data.layouts import write_images, write_lines, write_veri
from tests.data.list_layouts import write_vru
from vreid.data.tracks_file import read_tracks
from vreid.errors import DataError


def test_veri_lists_hold_query_and_gallery(tmp_path: Path) -> None:
    root = write_veri(tmp_path / "data" / "VeRi")
    assert main("veri776", root.parent, out=tmp_path / "lists") == tmp_path / "lists"
    assert (tmp_path / "lists" / "veri776_train.txt").read_text().splitlines() == [
        "image_train/0001_c001_00016450_0.jpg 1",
        "image_train/0001_c014_00016460_0.jpg 1",
    ]
    assert (tmp_path / "lists" / "veri776_test.txt").read_text().splitlines() == [
        "image_query/0002_c002_00030600_0.jpg 2",
        "image_test/0002_c002_00030600_0.jpg 2",
        "image_test/0002_c002_00030605_1.jpg 2",
        "image_test/0005_c020_00070000_0.jpg 5",
    ]


def test_veri_lists_need_none_of_its_own(tmp_path: Path) -> None:
    root = write_veri(tmp_path / "data")
    main("veri776", root, out=tmp_path / "with")
    for part in ("train", "query", "test"):
        (root / f"name_{part}.txt").unlink()
    main("veri776", root, out=tmp_path / "without")
    for name in ("veri776_train.txt", "veri776_test.txt"):
        assert (tmp_path / "with" / name).read_text() == (tmp_path / "without" / name).read_text()


def test_missing_images_are_reported_and_the_list_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_vru(tmp_path / "data")
    for number in (1, 3):
        (root / "Pic" / f"{number}.jpg").unlink()
    main("vru", root, out=tmp_path / "lists")
    assert (tmp_path / "lists" / "vru_train.txt").read_text() == "Pic/2.jpg 1\nPic/4.jpg 2\n"
    assert len((tmp_path / "lists" / "vru_test.txt").read_text().splitlines()) == 5
    printed = capsys.readouterr()
    assert "vru_train.txt: 2 images of 2 vehicles" in printed.out
    expected = f"note: 2 of 4 images are not in {root}: Pic/1.jpg, Pic/3.jpg\n"
    assert printed.err == expected


def test_another_test_set_of_vru(tmp_path: Path) -> None:
    root = write_vru(tmp_path / "data")
    write_lines(root / "train_test_split" / "test_list_8000.txt", ["11 3", "14 4"])
    main("vru", root, out=tmp_path / "lists", size="large")
    assert (tmp_path / "lists" / "vru_test.txt").read_text() == "Pic/11.jpg 3\nPic/14.jpg 4\n"


@pytest.mark.parametrize(
    "lines",
    [["1 10 ", "2"], ["000001.jpg 10", "", "000002.jpg"], ["0001_c001 1 10", "0001_c002 2"]],
    ids=["numbers", "mixed", "headings"],
)
def test_tracks_of_numbers_become_names(tmp_path: Path, lines: list[str]) -> None:
    write_lines(tmp_path / "train_track_id.txt", lines)
    out = main("tracks", tmp_path / "train_track_id.txt", out=tmp_path / "train_track.txt")
    assert out.read_text() == "000001.jpg 000010.jpg\n000002.jpg\n"
    images = ["000001.jpg", "000002.jpg", "000010.jpg"]
    assert read_tracks(out, images) == read_tracks(tmp_path / "train_track_id.txt", images)


def test_what_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no lists of kind 'market'; choose tracks, veri776, vru"):
        main("market", tmp_path, out=tmp_path)
    root = write_vru(tmp_path / "vru")
    for path in (root / "Pic").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="none of the 4 images of train is there"):
        main("vru", root, out=tmp_path)
    write_images(tmp_path / "veri" / "image_train", ["car.jpg"])
    with pytest.raises(DataError, match=r"car\.jpg: the name does not say the vehicle"):
        main("veri776", tmp_path / "veri", out=tmp_path)
    write_lines(tmp_path / "track.txt", ["1 2", "2"])
    with pytest.raises(DataError, match=r"line 2: 000002\.jpg is on line 1 too"):
        padded_tracks(tmp_path / "track.txt")
    write_lines(tmp_path / "track.txt", [""])
    with pytest.raises(DataError, match="no tracklets"):
        padded_tracks(tmp_path / "track.txt")
