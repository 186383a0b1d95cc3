import random
from collections import defaultdict
from pathlib import Path

import pytest

from vreid.data.sample import UNKNOWN, Sample
from vreid.data.vehicle_split import split_vehicles
from vreid.errors import ConfigError, DataError


def make(pid: int, camid: int, frame: int) -> Sample:
    name = f"v{pid}_c{camid}_{frame}.jpg"
    return Sample(Path(name), name, pid=pid, camid=camid)


def city() -> list[Sample]:
    """10 vehicles by 1 to 4 cameras with 1 to 3 images each; vehicle 0 is seen by one camera."""
    rng = random.Random(0)
    samples = [make(0, 1, frame) for frame in range(3)]
    for pid in range(1, 10):
        for camid in rng.sample(range(6), rng.randint(2, 4)):
            samples += [make(pid, camid, frame) for frame in range(rng.randint(1, 3))]
    return samples


@pytest.mark.parametrize("seed", range(10))
def test_no_image_is_lost_and_every_query_has_a_match(seed: int) -> None:
    samples = city()
    split = split_vehicles(samples, count=6, seed=seed, name="test")
    parts = (*split.train, *split.query, *split.gallery)
    assert sorted(s.name for s in parts) == sorted(s.name for s in samples)
    held = {s.pid for s in split.gallery}
    assert len(held) == 6
    assert not held & {s.pid for s in split.train}
    assert {s.pid for s in split.query} == held  # none without a query
    cameras: dict[int, set[int]] = defaultdict(set)
    for sample in split.gallery:
        cameras[sample.pid].add(sample.camid)
    for sample in split.query:
        assert cameras[sample.pid] - {sample.camid}
    pairs = [(s.pid, s.camid) for s in split.query]
    assert len(set(pairs)) == len(pairs)  # one a camera


def test_deterministic_whatever_the_order() -> None:
    samples = city()
    shuffled = random.Random(1).sample(samples, len(samples))
    first = split_vehicles(samples, count=4, seed=7, name="test")
    second = split_vehicles(shuffled, count=4, seed=7, name="test")
    assert {s.name for s in first.query} == {s.name for s in second.query}
    assert [s.name for s in second.gallery] == [
        s.name for s in shuffled if s.name in {one.name for one in first.gallery}
    ]
    other = split_vehicles(samples, count=4, seed=8, name="test")
    assert {s.name for s in first.query} != {s.name for s in other.query}


def test_refuses_what_cannot_be_split() -> None:
    with pytest.raises(DataError, match="cannot hold out 10 vehicles: 9 of 10 are seen by the two"):
        split_vehicles(city(), count=10, seed=0, name="test")
    with pytest.raises(ConfigError, match="count of held-out vehicles is 0"):
        split_vehicles(city(), count=0, seed=0, name="test")
    with pytest.raises(DataError, match=r"v3_c-1_0.jpg: vehicle 3, camera -1; .* needs both"):
        split_vehicles([*city(), make(3, UNKNOWN, 0)], count=1, seed=0, name="test")
