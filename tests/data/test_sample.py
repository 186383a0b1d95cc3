import math
from pathlib import Path

import pytest

from vreid.data.sample import UNKNOWN, Sample, Split, check_unique_names, describe
from vreid.errors import DataError


def make(name: str, *, pid: int = 0, camid: int = 0, angle: float = math.nan) -> Sample:
    return Sample(Path("/data") / name, name, pid=pid, camid=camid, angle=angle)


def test_everything_is_unknown_unless_given() -> None:
    sample = Sample(Path("a.jpg"), "a.jpg")
    known = (sample.pid, sample.camid, sample.trackid, sample.color, sample.type)
    assert set(known) == {UNKNOWN}
    assert math.isnan(sample.angle)
    assert not sample.synthetic


@pytest.mark.parametrize("name", ["", "/data/a.jpg", "folder\\a.jpg"])
def test_names_that_are_no_relative_posix_paths_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="expected a relative POSIX path"):
        Sample(Path("a.jpg"), name)


@pytest.mark.parametrize("key", ["pid", "camid", "trackid", "color", "type"])
def test_negative_numbers_are_refused(key: str) -> None:
    with pytest.raises(DataError, match=r"a.jpg: negative number in .*; use -1 for unknown"):
        Sample(Path("a.jpg"), "a.jpg", **{key: -2})  # type: ignore[arg-type]


@pytest.mark.parametrize("angle", [0.0, 359.999, math.nan])
def test_angles_in_range_are_taken(angle: float) -> None:
    make("a.jpg", angle=angle)


@pytest.mark.parametrize("angle", [-0.1, 360.0, math.inf])
def test_angles_out_of_range_are_refused(angle: float) -> None:
    with pytest.raises(DataError, match=r"a.jpg: orientation .* is outside \[0, 360\) degrees"):
        make("a.jpg", angle=angle)


@pytest.mark.parametrize("part", ["train", "query", "gallery"])
def test_a_split_refuses_repeated_names_within_a_part(part: str) -> None:
    twice = (make("a.jpg"), make("b.jpg"), make("a.jpg"))
    with pytest.raises(DataError, match=f"toy {part}: image a.jpg is listed twice"):
        Split(
            "toy",
            train=twice if part == "train" else (),
            query=twice if part == "query" else (),
            gallery=twice if part == "gallery" else (),
        )


def test_unique_names_pass() -> None:
    check_unique_names([], "nothing")
    check_unique_names([make("x/1.jpg"), make("y/1.jpg")], "folders count")


def test_the_log_says_what_there_is() -> None:
    split = Split("toy", train=(make("a.jpg", pid=3, camid=1), make("b.jpg", pid=3, camid=UNKNOWN)))
    assert repr(split).splitlines() == [
        "toy",
        "  train        2 images     1 vehicles    1 cameras    0 tracks",
        "  query        0 images     0 vehicles    0 cameras    0 tracks",
        "  gallery      0 images     0 vehicles    0 cameras    0 tracks",
    ]
    assert describe(()) == "     0 images     0 vehicles    0 cameras    0 tracks"
