import random
from collections import Counter
from pathlib import Path

import pytest

from vreid.data.holdout import hold_out_vehicles, split_by_camera
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import ConfigError, DataError


def make(pid: int, camid: int, frame: int, trackid: int = UNKNOWN) -> Sample:
    name = f"v{pid}_c{camid}_t{trackid}_{frame}.jpg"
    return Sample(Path(name), name, pid=pid, camid=camid, trackid=trackid)


def city(*, tracks: bool) -> list[Sample]:
    """12 vehicles x 3 cameras x 4 frames; vehicle 99 is seen by one camera."""
    samples = [
        make(pid, camid, frame, 3 * pid + camid if tracks else UNKNOWN)
        for pid in range(12)
        for camid in range(3)
        for frame in range(4)
    ]
    return [*samples, *(make(99, 1, frame, 900 if tracks else UNKNOWN) for frame in range(4))]


@pytest.mark.parametrize("tracks", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_one_group_searches_and_the_others_are_found(tracks: bool, seed: int) -> None:
    samples = city(tracks=tracks)
    split = hold_out_vehicles(samples, count=5, seed=seed)
    held = {sample.pid for sample in split.query}
    assert len(split.query) == len(held) == 5
    assert 99 not in held
    assert list(split.train) == [sample for sample in samples if sample.pid not in held]
    assert Counter(s.pid for s in split.gallery) == dict.fromkeys(held, 8)
    for query in split.query:
        cameras = {s.camid for s in split.gallery if s.pid == query.pid}
        assert query.camid not in cameras
        assert len(cameras) == 2


@pytest.mark.parametrize("queries", [1, 2, 3])
def test_each_query_keeps_a_match_in_another_camera(queries: int) -> None:
    samples = city(tracks=True)
    split = hold_out_vehicles(samples, fraction=1.0, seed=1, queries=queries)
    counts = Counter(sample.pid for sample in split.query)
    assert set(counts.values()) == {min(queries, 2)}  # of three cameras one stays to be found
    for query in split.query:
        assert any(s.pid == query.pid and s.camid != query.camid for s in split.gallery)
    assert {sample.pid for sample in split.train} == {99}


def test_two_tracks_of_one_camera_are_two_groups() -> None:
    samples = [make(1, 1, 0, 10), make(1, 1, 1, 11), make(1, 2, 2, 12), make(2, 1, 3, 13)]
    for seed in range(10):
        split = hold_out_vehicles(samples, count=1, seed=seed)
        assert len(split.gallery) == 2
        assert len({split.query[0].camid} | {sample.camid for sample in split.gallery}) == 2


def test_the_seed_decides_and_the_order_does_not_matter() -> None:
    samples = city(tracks=True)
    shuffled = random.Random(0).sample(samples, len(samples))
    one = hold_out_vehicles(samples, fraction=0.5, seed=7)
    other = hold_out_vehicles(shuffled, fraction=0.5, seed=7)
    assert {s.name for s in one.query} == {s.name for s in other.query}
    assert one == hold_out_vehicles(samples, fraction=0.5, seed=7)
    assert one != hold_out_vehicles(samples, fraction=0.5, seed=8)


def test_without_any_camera_each_image_is_a_group() -> None:
    samples = [make(pid, UNKNOWN, frame) for pid in range(4) for frame in range(pid)]
    split = hold_out_vehicles(samples, fraction=1.0, seed=0)
    assert sorted(sample.pid for sample in split.query) == [2, 3]
    assert sorted(sample.pid for sample in split.gallery) == [2, 3, 3]
    assert [sample.pid for sample in split.train] == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a fraction or a count"),
        ({"fraction": 0.5, "count": 3}, "either a fraction or a count"),
        ({"fraction": 0.0}, "held-out vehicles is 0.0; expected 0 to 1"),
        ({"count": 0}, "held-out vehicles is 0; expected 1 or more"),
        ({"count": 2, "queries": 0}, "0 queries a vehicle"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hold_out_vehicles(city(tracks=True), seed=0, **options)  # type: ignore[arg-type]


def test_too_few_vehicles_are_refused() -> None:
    with pytest.raises(
        DataError, match="cannot hold out 13 vehicles: 12 of 13 are seen by the two"
    ):
        hold_out_vehicles(city(tracks=True), count=13, seed=0)
    with pytest.raises(DataError, match="cannot hold out 1 vehicles: 0 of 1 "):
        hold_out_vehicles([make(99, 1, frame) for frame in range(4)], fraction=0.5, seed=0)
    with pytest.raises(DataError, match=r"v-1_c1_t-1_0.jpg: no vehicle is known"):
        hold_out_vehicles([*city(tracks=True), make(UNKNOWN, 1, 0)], count=1, seed=0)


def test_split_by_camera_takes_the_lowest_camera_of_each_vehicle() -> None:
    samples = [make(1, 5, 0), make(1, 3, 0), make(1, 3, 1), make(2, 5, 0), make(2, 9, 0)]
    samples.append(make(2, UNKNOWN, 0))
    split = split_by_camera(samples, name="a", fraction=1.0, query_camid=None, seed=0)
    assert [(s.pid, s.camid) for s in split.query] == [(1, 3), (1, 3), (2, 5)]
    assert [(s.pid, s.camid) for s in split.gallery] == [(1, 5), (2, 9), (2, UNKNOWN)]
    split = split_by_camera(samples, name="a", fraction=1.0, query_camid=9, seed=0)
    assert [(s.pid, s.camid) for s in split.query] == [(2, 9)]
    assert {sample.pid for sample in split.train} == {1}


@pytest.mark.parametrize(("fraction", "count"), [(0.294, 100), (0.001, 1), (1.0, 340)])
def test_the_share_is_rounded_to_the_nearest_count(fraction: float, count: int) -> None:
    samples = [make(pid, camid, 0) for pid in range(340) for camid in (1, 2)]
    split = split_by_camera(samples, name="a", fraction=fraction, query_camid=None, seed=0)
    assert len(split.query) == count
