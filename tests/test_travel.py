"""Times and travel times: tables as they are written, learning against loops."""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from vreid.constraints import Rules, constrain
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.travel import (
    Seconds,
    Travel,
    learn_travel,
    mean_times,
    read_times,
    read_travel,
    times_of,
    write_travel,
)


def test_times_are_read(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("camera,time,name\n3, 12.5 ,a/1.jpg\n\n3,,a/2.jpg\n4,-1e2,a/3.jpg\n")
    times = read_times(path)
    assert times == {"a/1.jpg": 12.5, "a/3.jpg": -100}
    found = times_of(["a/3.jpg", "a/2.jpg", "b", "a/1.jpg"], times)
    np.testing.assert_array_equal(found, [-100, math.nan, math.nan, 12.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,seconds\na,1\n",
            r"times\.csv: no column 'time' in the header; found name,seconds",
        ),
        ("name,time,time\na,1,1\n", "more than one column 'time'"),
        ("name,time\n", "no rows below the header"),
        ("name,time\na,1\na,2\n", r"line 3: a is listed twice, first in .*times\.csv, line 2"),
        ("name,time\na,noon\n", "line 2: time is 'noon'; expected a number of seconds$"),
        ("name,time\na,inf\n", "line 2: time is 'inf'"),
        ("name,time\n,1\n", "line 2: the image has no name"),
        ("name,time\na\n", "line 2: 1 values; the header has 2 columns"),
    ],
)
def test_times_that_cannot_be_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_times(path)


def test_travel_times_are_read(tmp_path: Path) -> None:
    path = tmp_path / "travel.csv"
    path.write_text("from,to,least,most\n1,2,10,60.5\n2,1,20,\n3,4,0,0\n")
    assert read_travel(path) == [(1, 2, 10, 60.5), (2, 1, 20, math.inf), (3, 4, 0, 0)]
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        read_travel(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("north,2,1,2", r"travel\.csv, line 3: from is 'north'; expected a camera's number"),
        ("1,-2,1,2", "line 3: to is '-2'; expected a camera's number"),
        ("1,2,-1,2", "line 3: least is '-1'; expected a number of seconds, 0 or more"),
        ("1,2,,2", "line 3: least is ''; expected"),
        ("1,2,5,4", "line 3: most is '4'; expected a number of seconds, 5 or more"),
        ("7,8,5,9", "line 3: from 7 to 8 is listed twice; give it once"),
    ],
)
def test_travel_times_that_cannot_be_are_refused(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "travel.csv"
    path.write_text(f"from,to,least,most\n7,8,1,2\n{row}\n")
    with pytest.raises(DataError, match=message):
        read_travel(path)


def test_a_written_table_is_wider_by_a_thousandth(tmp_path: Path) -> None:
    learnt = {Travel(1, 2, 0.0004, 12.34567): 9, Travel(4, 3, 1 / 3, 2): 5}
    path = write_travel(tmp_path / "travel.csv", learnt)
    assert path.read_text().splitlines()[1] == "1,2,0.0,12.347,9"
    assert read_travel(path) == [(1, 2, 0, 12.347), (4, 3, 0.332, 2.001)]


def test_a_tracklet_has_the_mean_of_its_known_times() -> None:
    tracks = np.array([0, 1, 0, 2, 1, 0])
    clock = 1.7e9  # seconds since 1970
    times = clock + np.array([1, 5, 2, np.nan, np.nan, 3.5])
    found = mean_times(times, tracks) - clock
    np.testing.assert_allclose(found, [6.5 / 3, 5, np.nan], atol=1e-6)
    assert np.isnan(mean_times(np.full(6, np.nan), tracks)).all()
    assert mean_times(np.empty(0), np.empty(0, dtype=np.int64)).shape == (0,)


def made(seed: int) -> tuple[IntArray, IntArray, Seconds]:
    rng = np.random.default_rng(seed)
    pids, camids = rng.integers(-1, 8, 150), rng.integers(-1, 4, 150)
    times = rng.integers(0, 1000, 150).astype(np.float64)
    times[camids == 3] += 900  # few come back from camera 3
    times[:10] = np.nan
    return pids, camids, times


def by_loops(
    pids: list[int], camids: list[int], times: list[float], *, least: int, slack: float
) -> dict[tuple[int, int, float, float], int]:
    gaps: dict[tuple[int, int], list[float]] = defaultdict(list)
    vehicles: dict[tuple[int, int], set[int]] = defaultdict(set)
    for pid, camid, time in zip(pids, camids, times, strict=True):
        for other_pid, other, later in zip(pids, camids, times, strict=True):
            known = pid != UNKNOWN and UNKNOWN not in (camid, other)
            if known and pid == other_pid and camid != other and later >= time:
                gaps[camid, other].append(later - time)
                vehicles[camid, other].add(pid)
    learnt = {}
    for low in range(4):
        for high in range(low + 1, 4):
            ways = [(low, high), (high, low)]
            if min(len(vehicles[way]) for way in ways) >= least:
                for way in ways:
                    row = (*way, min(gaps[way]) / slack, max(gaps[way]) * slack)
                    learnt[row] = len(vehicles[way])
            else:
                both = gaps[ways[0]] + gaps[ways[1]]
                num = len(vehicles[ways[0]] | vehicles[ways[1]])
                if num >= least:
                    learnt[low, high, min(both) / slack, max(both) * slack] = num
    return learnt


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("least", [1, 5, 8])
def test_learning_against_loops(seed: int, least: int) -> None:
    pids, camids, times = made(seed)
    found = learn_travel(pids, camids, times, least=least, slack=1.25)
    lists = pids.tolist(), camids.tolist(), times.tolist()
    assert found == by_loops(*lists, least=least, slack=1.25)


def test_what_was_learnt_lets_the_training_images_pass(tmp_path: Path) -> None:
    pids, camids, times = made(0)
    learnt = learn_travel(pids, camids, times, least=5, slack=1)
    assert learnt
    rules = Rules(travel=read_travel(write_travel(tmp_path / "travel.csv", learnt)), penalty=1)
    dist = np.zeros((len(pids), len(pids)), dtype=np.float32)
    tracks = np.arange(len(pids))
    moved = constrain(dist, camids, camids, tracks, rules, times=(times, times)) > 0
    assert not moved[(pids[:, None] == pids) & (pids[:, None] != UNKNOWN)].any()


def test_bounds_are_those_of_the_way_that_vehicles_went() -> None:
    """Five go from 1 to 2 in 10 to 14 s, one comes back: too few for a row of its own."""
    pids = np.repeat(np.arange(6), 2)
    camids = np.tile([1, 2], 6)
    times = np.array([0, 10, 0, 11, 0, 12, 0, 13, 0, 14, 90, 50.0])
    assert learn_travel(pids, camids, times, least=5, slack=2) == {Travel(1, 2, 5, 80): 6}
    split = {Travel(1, 2, 10, 14): 5, Travel(2, 1, 40, 40): 1}
    assert learn_travel(pids, camids, times, least=1, slack=1) == split
    assert learn_travel(pids, camids, times, least=7) == {}
    with pytest.raises(DataError, match="no image has a vehicle, a camera and a time"):
        learn_travel(pids, camids, np.full(12, np.nan))
