"""Constraints against loops over single pairs."""

import numpy as np
import pytest

import vreid.constraints
from vreid.constraints import Rules, constrain, count_shared, forbidden_cameras
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import FloatArray, IntArray
from vreid.tracks.groups import group_tracks

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


def by_loops(
    dist: FloatArray, queries: IntArray, gallery: IntArray, tracks: IntArray, rules: Rules
) -> FloatArray:
    result = dist.astype(np.float64)
    for row, camid in enumerate(queries):
        broken = {col for col in range(len(gallery)) if is_broken(camid, gallery[col], rules)}
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
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_against_loops(rules: Rules, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vreid.constraints, "_BLOCK_VALUES", 3 * NUM_GALLERY)  # several blocks
    dist, queries, gallery, tracks = made(seed)
    before = dist.copy()
    found = constrain(dist, queries, gallery, tracks, rules)
    np.testing.assert_allclose(found, by_loops(dist, queries, gallery, tracks, rules), atol=1e-5)
    np.testing.assert_array_equal(dist, before)


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


def test_shared_vehicles_are_counted() -> None:
    pids = np.array([1, 1, 2, 2, 3, 3, 4, UNKNOWN, 5])
    camids = np.array([1, 2, 1, 2, 1, 1, 9, 2, UNKNOWN])
    shared = count_shared(pids, camids)
    assert shared.cameras.tolist() == [1, 2, 9]
    assert shared.counts.tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 1]]
    assert shared.num_vehicles == 4
    assert shared.expected()[0].tolist() == [9 / 4, 6 / 4, 3 / 4]
    assert shared.never(least=0.6) == [(1, 9)]
    assert shared.never(least=0.5) == [(1, 9), (2, 9)]
    with pytest.raises(DataError, match="nothing to learn from"):
        count_shared(np.array([UNKNOWN]), np.array([1]))


def test_two_halves_of_a_city_are_told_apart() -> None:
    """Vehicles see three cameras of their own half: only pairs across the halves are left."""
    rng = np.random.default_rng(0)
    pids = np.repeat(np.arange(200), 3)
    half = (pids % 2) * 4
    camids = half + np.concatenate([rng.permutation(4)[:3] for _ in range(200)])
    expected = [(left, right) for left in range(4) for right in range(4, 8)]
    assert count_shared(pids, camids).never() == expected
