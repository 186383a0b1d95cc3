from pathlib import Path

import pytest

from tests.data.layouts import write_images, write_lines
from tests.data.list_layouts import write_vveri901
from vreid.data import vveri901
from vreid.errors import DataError


@pytest.mark.parametrize("below", [".", "VVERI901_V1_Trial"])
def test_frames_of_tracklets_are_read_in_order(tmp_path: Path, below: str) -> None:
    write_vveri901(tmp_path / below)
    split = vveri901.load(tmp_path)
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.train] == [
        ("0012/L01_C03_V01/9.png", 12, 3, 0),
        ("0012/L01_C03_V01/10.png", 12, 3, 0),
        ("0012/L01_C03_V01/100.png", 12, 3, 0),
        ("0012/L01_C04_V01/7.png", 12, 4, 1),
    ]
    assert [(s.name, s.pid, s.camid, s.trackid) for s in split.query] == [
        ("2120/L09_C31_V07/21553.png", 2120, 31, 2),
        ("2120/L09_C31_V07/21554.png", 2120, 31, 2),
    ]
    # the query's tracklet keeps its number in the gallery
    assert [(s.name, s.trackid) for s in split.gallery] == [
        ("2120/L09_C32_V07/3.png", 3),
        ("2120/L09_C31_V07/21553.png", 2),
        ("2120/L09_C31_V07/21554.png", 2),
    ]
    assert all(s.path.is_file() for s in (*split.train, *split.query, *split.gallery))


def test_unknown_vehicles_and_counts_are_told(tmp_path: Path) -> None:
    notes = vveri901.load(write_vveri901(tmp_path)).notes
    assert notes[0].startswith("vveri901: 1 tracklets of gallery.txt are of no known vehicle (-1)")
    assert "2 vehicles, 4 tracklets and 7 frames; published are 901, 2,320 and 488,195" in notes[1]


def test_backslashes_and_a_second_column_do_no_harm(tmp_path: Path) -> None:
    write_vveri901(tmp_path)
    write_lines(tmp_path / "train.txt", [".\\VVERI901_V1\\0012\\L01_C03_V01 3"])
    assert vveri901.load(tmp_path).train[0].name == "0012/L01_C03_V01/9.png"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["./X/0012/L01_C03_V01", "./X/0012"], "line 2: found './X/0012'; expected a path that en"),
        (["./X/car/L01_C03_V01"], "line 1: found './X/car/L01_C03_V01'"),
        (["./X/0012/L01_003_V01"], "line 1: found"),
        (["./X/0012/L01_C03_V01"] * 2, "line 2: 0012/L01_C03_V01 is on line 1 too"),
        (["./X/0012/L01_C09_V01"], "line 1: there are no frames in .*0012/L01_C09_V01"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, lines: list[str], message: str) -> None:
    write_vveri901(tmp_path)
    write_images(tmp_path / "0012", ["stray.png"])
    write_lines(tmp_path / "train.txt", lines)
    with pytest.raises(DataError, match=f"train.txt, {message}"):
        vveri901.load(tmp_path)


def test_missing_and_empty_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file train.txt here or in VVERI901_V1 .*cove.thecvf"):
        vveri901.load(tmp_path)
    write_vveri901(tmp_path)
    write_lines(tmp_path / "query.txt", [""])
    with pytest.raises(DataError, match=r"query.txt: the list is empty"):
        vveri901.load(tmp_path)
    (tmp_path / "query.txt").unlink()
    with pytest.raises(DataError, match=r"query.txt: cannot be read"):
        vveri901.load(tmp_path)
