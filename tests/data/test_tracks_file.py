from pathlib import Path

import pytest

from tests.data.layouts import write_lines
from vreid.data.tracks_file import read_tracks
from vreid.errors import DataError

IMAGES = ["000001.jpg", "000002.jpg", "000010.jpg"]


@pytest.mark.parametrize(
    "lines",
    [
        ["000001.jpg 000010.jpg ", "000002.jpg"],
        ["000001 000010", "000002"],
        ["1 10", "2"],
        ["0001_c001 000001.jpg 000010.jpg", "0001_002 000002.jpg"],
        ["1\t10", "", "2", ""],
    ],
    ids=["names", "stems", "numbers", "headings", "tabs and empty lines"],
)
def test_every_spelling_gives_the_same_tracks(tmp_path: Path, lines: list[str]) -> None:
    write_lines(tmp_path / "track.txt", lines)
    assert read_tracks(tmp_path / "track.txt", IMAGES) == {
        "000001.jpg": 0,
        "000010.jpg": 0,
        "000002.jpg": 1,
    }


def test_images_without_a_tracklet_are_left_out(tmp_path: Path) -> None:
    write_lines(tmp_path / "track.txt", ["2"])
    assert read_tracks(tmp_path / "track.txt", IMAGES) == {"000002.jpg": 0}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1 2", "000003.jpg"], "line 2: names 000003.jpg, which is none of the 3 images"),
        (["1 2", "000002.jpg"], "line 2: 000002.jpg is on line 1 too"),
        (["1 1"], "line 1: 000001.jpg is on line 1 too"),
    ],
)
def test_bad_members_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    write_lines(tmp_path / "track.txt", lines)
    with pytest.raises(DataError, match=f"track.txt, {message}"):
        read_tracks(tmp_path / "track.txt", IMAGES)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"track.txt: cannot be read"):
        read_tracks(tmp_path / "track.txt", IMAGES)
