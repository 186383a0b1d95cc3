"""Constraints against loops over single pairs."""

import numpy as np
import pytest

import vreid.constraints
from vreid.constraints import Rules, constrain, forbidden_cameras
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import FloatArray, IntArray
from vreid.tracks.groups import group_tracks
from vreid.travel import Seconds

NUM_QUERY, NUM_GALLERY = 7, 40


def is_broken(left: int, right: int, rules: Rules) -> bool:
    if UNKNOWN in (left, right):
        return False
    groups = [
        {number for number, (low, high) in enumerate(rules.groups) if low <= camid <= high}
        for camid in (left, right)
    ]
    return (
        (rules.never_same_camera and left == right)
        or (left, right) in rules.never
        or (right, left) in rules.never
        or bool(groups[0] and groups[1] and groups[0] != groups[1])
    )


def is_too_soon_or_late(left: int, right: int, gap: float, rules: Rules) -> bool:
    """Whether no vehicle is at the right camera ``gap`` seconds after it was at the left one."""
    windows = {(start, end): (least, most) for start, end, least, most in rules.travel}
    if UNKNOWN in (left, right) or np.isnan(gap):
        return False
    there = windows.get((left, right), windows.get((right, left)))
    back = windows.get((right, left), windows.get((left, right)))
    if there is None or back is None:
        return False
    return not (there[0] <= gap <= there[1] or back[0] <= -gap <= back[1])


def by_loops(
    dist: FloatArray,
    queries: IntArray,
    gallery: IntArray,
    tracks: IntArray,
    rules: Rules,
    times: tuple[Seconds, Seconds],
) -> FloatArray:
    result = dist.astype(np.float64)
    for row, camid in enumerate(queries):
        broken = {
            col
            for col, other in enumerate(gallery)
            if is_broken(camid, other, rules)
            or is_too_soon_or_late(camid, other, times[1][col] - times[0][row], rules)
        }
        move(result[row], broken, rules)
        cameras = {}
        for track in set(tracks.tolist()):
            found = set(gallery[tracks == track].tolist())
            cameras[track] = found.pop() if len(found) == 1 else UNKNOWN
        near = {track: float(result[row][tracks == track].min()) for track in cameras}
        order = sorted(cameras, key=lambda track: (near[track], track))
        if rules.one_track_per_camera:
            taken, lost = set(), set()
            for track in order:
                if cameras[track] != UNKNOWN and cameras[track] in taken:
                    lost |= set(np.flatnonzero(tracks == track).tolist())
                taken.add(cameras[track])
            move(result[row], lost - broken, rules)
        for place, hit in enumerate(order[: rules.punished]):
            for track in order:
                if track != hit and cameras[track] == cameras[hit] != UNKNOWN:
                    result[row][tracks == track] += rules.punishment / (1 + place)
    return result.astype(np.float32)


def move(row: FloatArray, cols: set[int], rules: Rules) -> None:
    added = row.max() - row.min() + 1 if rules.remove else rules.penalty
    for col in cols:
        row[col] += added


def made(seed: int) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    rng = np.random.default_rng(seed)
    tracks = group_tracks(rng.integers(-1, 12, NUM_GALLERY))
    cameras = rng.integers(-1, 5, tracks.max() + 1)[tracks]
    cameras[:2] = 3  # may leave a track with two cameras
    dist = np.round(rng.random((NUM_QUERY, NUM_GALLERY)), 1).astype(np.float32)  # with ties
    return dist, rng.integers(-1, 5, NUM_QUERY), cameras, tracks


def made_times(seed: int) -> tuple[Seconds, Seconds]:
    rng = np.random.default_rng([seed, 1])
    times = rng.integers(0, 100, NUM_QUERY + NUM_GALLERY).astype(np.float64)  # bounds are met
    times[rng.random(len(times)) < 0.2] = np.nan
    return times[:NUM_QUERY], times[NUM_QUERY:]


BOTH_WAYS = ((2, 3, 10.0, 40.0), (0, 1, 0.0, 20.0))
ONE_WAY = ((3, 2, 10.0, 40.0), (2, 3, 30.0, np.inf), (1, 1, 0.0, 20.0), (8, 9, 1.0, 2.0))


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(never_same_camera=True),
        Rules(groups=((0, 1), (3, 9)), penalty=2.5),
        Rules(never=((2, 0), (1, 4))),
        Rules(never_same_camera=True, groups=((0, 1), (2, 2)), remove=True),
        Rules(one_track_per_camera=True, penalty=1.5),
        Rules(one_track_per_camera=True, never_same_camera=True, remove=True),
        Rules(punishment=0.3, punished=4),
        Rules(never_same_camera=True, one_track_per_camera=True, punishment=0.15),
        Rules(travel=BOTH_WAYS),
        Rules(travel=ONE_WAY, penalty=3),
        Rules(travel=BOTH_WAYS, never_same_camera=True, remove=True),
        Rules(travel=ONE_WAY, one_track_per_camera=True, punishment=0.15),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_against_loops(rules: Rules, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vreid.constraints, "_BLOCK_VALUES", 3 * NUM_GALLERY)  # several blocks
    dist, queries, gallery, tracks = made(seed)
    before, times = dist.copy(), made_times(seed)
    found = constrain(dist, queries, gallery, tracks, rules, times=times)
    expected = by_loops(dist, queries, gallery, tracks, rules, times)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(dist, before)


def test_travel_times_by_hand() -> None:
    """From camera 1 to 2 in 10 to 20 s, back in 30 or more; images without a time are free."""
    rules = Rules(travel=((1, 2, 10, 20), (2, 1, 30, np.inf)), penalty=1)
    times = np.array([109, 110, 120, 121, 71, 70, -900, np.nan])
    cameras, dist = np.full(8, 2), np.zeros((1, 8), dtype=np.float32)
    query = np.array([100.0])
    found = constrain(dist, np.array([1]), cameras, np.arange(8), rules, times=(query, times))
    assert found[0].tolist() == [1, 0, 0, 1, 1, 0, 0, 0]
    one_row = Rules(travel=((1, 2, 10, 20),), penalty=1)
    found = constrain(dist, np.array([1]), cameras, np.arange(8), one_row, times=(query, times))
    assert found[0].tolist() == [1, 0, 0, 1, 1, 1, 1, 0]
    third = constrain(dist, np.array([3]), cameras, np.arange(8), rules, times=(query, times))
    assert not third.any()
    for wrong in (None, (query, times[1:])):
        with pytest.raises(DataError, match="need the times of all 1 queries and 8 gallery images"):
            constrain(dist, np.array([1]), cameras, np.arange(8), rules, times=wrong)


def test_no_rule_is_the_identity() -> None:
    dist, queries, gallery, tracks = made(0)
    np.testing.assert_array_equal(constrain(dist, queries, gallery, tracks, Rules()), dist)


def test_what_is_removed_comes_behind_all_others_in_its_order() -> None:
    dist = np.array([[5, 1, 4, 2]], dtype=np.float32)
    cameras = np.array([7, 7, 8, 8])
    rules = Rules(never_same_camera=True, remove=True, penalty=0)
    found = constrain(dist, np.array([7]), cameras, np.arange(4), rules)
    assert np.argsort(found[0]).tolist() == [3, 2, 1, 0]


def test_unknown_cameras_break_no_rule() -> None:
    cameras = np.array([UNKNOWN, 1])
    rules = Rules(never_same_camera=True, groups=((-1, 0), (1, 2)))
    assert forbidden_cameras(cameras, rules).tolist() == [[False, False], [False, True]]
    dist = np.ones((1, 2), dtype=np.float32)
    unknown = np.array([UNKNOWN, UNKNOWN])
    rules = Rules(one_track_per_camera=True, punishment=1)
    assert constrain(dist, unknown[:1], unknown, np.arange(2), rules).tolist() == [[1, 1]]


def test_nothing_to_constrain() -> None:
    none = np.empty(0, dtype=np.int64)
    rules = Rules(one_track_per_camera=True, remove=True, never_same_camera=True)
    empty = np.empty((2, 0), dtype=np.float32)
    assert constrain(empty, np.array([1, 2]), none, none, rules).shape == (2, 0)


def test_cameras_of_other_images_are_refused() -> None:
    dist, queries, gallery, tracks = made(0)
    with pytest.raises(DataError, match=r"shape \(7, 40\) for 6 queries and 40 gallery"):
        constrain(dist, queries[1:], gallery, tracks, Rules())
