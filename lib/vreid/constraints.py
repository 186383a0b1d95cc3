"""Constraints: what cannot be, or is unlikely, of a query and an image moves away in the list.

Cameras see a vehicle once, and some cameras never share one: the winning entry of the AI City
Challenge 2021 adds 10 to the distance of images of the query's own camera and across its two scenes
(Luo, Chen et al., "An Empirical Study of Vehicle Re-Identification on the AI City Challenge", CVPR
Workshops 2021, arXiv:2105.09701); the second-placed one punishes other tracks of a camera that has
been hit, by beta / (1 + j) for the j-th hit. What differs: pairs of cameras that never share a
vehicle can be learnt (`vreid.shared_vehicles`), and where the images' times are known, travel times
between cameras bound what can be (`vreid.travel`).

Matrices are worked on in blocks of rows, and beside them nothing of their size is in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import FloatArray, IntArray

_BLOCK_VALUES = 1 << 20  # 4 MB of float32 a block of rows

_Mask = npt.NDArray[np.bool_]
_Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """What is declared; `UNKNOWN` cameras break no rule.

    Attributes:
        never_same_camera: No match in the query's own camera.
        groups: First and last camera of each group: no match across groups. Cameras outside all
            groups are free.
        never: Pairs of cameras, in any order, that never share a vehicle.
        travel: Two cameras, and the least and the most seconds from an image of the first to one of
            the second. It holds for both directions unless the opposite one is given too; images
            of one vehicle follow each other in either. Other pairs of cameras are free.
        one_track_per_camera: Of each camera only its nearest track is a match.
        penalty: Added to the distance where any of these is broken, once.
        remove: Instead of the penalty: such images come behind all others, in their order.
        punishment: beta: the j-th nearest track of the list, j = 0, 1, … , adds beta / (1 + j) to
            every other track of its camera.
        punished: How many tracks of the list do so.
    """

    never_same_camera: bool = False
    groups: Sequence[tuple[int, int]] = ()
    never: Sequence[tuple[int, int]] = ()
    travel: Sequence[tuple[int, int, float, float]] = ()
    one_track_per_camera: bool = False
    penalty: float = 10.0
    remove: bool = False
    punishment: float = 0.0
    punished: int = 99


def constrain(
    dist: FloatArray,
    query_camids: IntArray,
    gallery_camids: IntArray,
    track_idx: IntArray,
    rules: Rules,
    *,
    times: tuple[_Seconds, _Seconds] | None = None,
) -> FloatArray:
    """Distances under the rules.

    Rules on pairs of cameras and travel times come first. Tracks are then ordered by their nearest
    image, equal ones by smaller number; the punishment is that of the order before any track was
    punished. A track whose images have several cameras has none.

    Args:
        dist: (Q, G) float32, may be memory-mapped; it is not changed.
        query_camids: (Q,) cameras, `UNKNOWN` where not known.
        gallery_camids: (G,) cameras, `UNKNOWN` where not known.
        track_idx: (G,) from `vreid.tracks.groups.group_tracks`.
        rules: What holds.
        times: (Q,) and (G,) seconds of queries and gallery, NaN where not known; for
            ``rules.travel`` only. Images without a time are free.

    Returns:
        (Q, G) float32.

    Raises:
        DataError: When the lengths do not fit, or travel times come without the images' times.
    """
    if dist.shape != (len(query_camids), len(gallery_camids)) or len(track_idx) != dist.shape[1]:
        raise DataError(
            f"distances have shape {dist.shape} for {len(query_camids)} queries and"
            f" {len(gallery_camids)} gallery images; expected the cameras of the same images"
        )
    if rules.travel and (times is None or tuple(map(len, times)) != dist.shape):
        raise DataError(
            f"travel times need the times of all {dist.shape[0]} queries and {dist.shape[1]}"
            " gallery images, NaN where there is none"
        )
    if not dist.size:
        return np.array(dist, dtype=np.float32)
    tracks = _Tracks(track_idx, gallery_camids) if _of_tracks(rules) else None
    cameras = np.unique(np.concatenate([query_camids, gallery_camids]))
    table = forbidden_cameras(cameras, rules)
    query_idx = np.searchsorted(cameras, query_camids)
    gallery_idx = np.searchsorted(cameras, gallery_camids)
    result = np.empty(dist.shape, dtype=np.float32)
    windows = _travel_windows(cameras, rules)
    for rows in _blocks(dist.shape):
        block = np.array(dist[rows], dtype=np.float32)
        broken = table[query_idx[rows]][:, gallery_idx]  # (B, G)
        if rules.travel and times is not None:
            gaps = times[1] - times[0][rows, None]  # (B, G) from the query on; NaN breaks nothing
            broken |= _too_soon_or_late(gaps, windows[:, query_idx[rows]][:, :, gallery_idx])
        _move(block, broken, rules)
        if tracks is not None:
            _move_tracks(block, broken, tracks, rules)
        result[rows] = block
    return result


def forbidden_cameras(cameras: IntArray, rules: Rules) -> _Mask:
    """(C, C) whether images of two cameras cannot be of one vehicle."""
    table = np.zeros((len(cameras), len(cameras)), dtype=np.bool_)
    if rules.never_same_camera:
        np.fill_diagonal(table, True)
    group = np.full(len(cameras), -1)
    for number, (low, high) in enumerate(rules.groups):
        group[(cameras >= low) & (cameras <= high)] = number
    grouped = group >= 0
    table |= grouped[:, None] & grouped & (group[:, None] != group)
    for left, right in rules.never:
        pair = (cameras == left)[:, None] & (cameras == right)
        table |= pair | pair.T
    known = cameras != UNKNOWN
    return np.asarray(table & known[:, None] & known)


def _travel_windows(cameras: IntArray, rules: Rules) -> _Seconds:
    """(4, C, C) least and most seconds from a row's camera to a column's, then those back."""
    windows = np.empty((4, len(cameras), len(cameras)))
    windows[::2], windows[1::2] = -np.inf, np.inf
    given = {(start, end) for start, end, _, _ in rules.travel}
    place = {camid: idx for idx, camid in enumerate(cameras.tolist()) if camid != UNKNOWN}
    for start, end, least, most in rules.travel:
        if start in place and end in place:
            windows[:2, place[start], place[end]] = least, most
            if (end, start) not in given:
                windows[:2, place[end], place[start]] = least, most
    windows[2:] = windows[:2].transpose(0, 2, 1)
    return windows


def _too_soon_or_late(gaps: _Seconds, windows: _Seconds) -> _Mask:
    """(B, G) whether images follow each other as no vehicle goes, there or back."""
    least, most, back_least, back_most = windows
    there = (gaps < least) | (gaps > most)
    return np.asarray(there & ((-gaps < back_least) | (-gaps > back_most)))


class _Tracks:
    """Tracks of the gallery: which images they have, and which camera."""

    def __init__(self, track_idx: IntArray, camids: IntArray) -> None:
        self.of_image = track_idx
        self.order = np.argsort(track_idx, kind="stable")
        self.starts = np.flatnonzero(np.diff(track_idx[self.order], prepend=-1))
        self.camids = camids[self.order][self.starts]
        mixed = camids != self.camids[track_idx]
        self.camids[track_idx[mixed]] = UNKNOWN
        self.cameras = np.unique(self.camids[self.camids != UNKNOWN])

    def nearest(self, dist: FloatArray) -> FloatArray:
        """(B, G) -> (B, T) the distance of each track's nearest image."""
        return np.asarray(np.minimum.reduceat(dist[:, self.order], self.starts, axis=1))


def _of_tracks(rules: Rules) -> bool:
    return rules.one_track_per_camera or rules.punishment > 0


def _move(block: FloatArray, broken: _Mask, rules: Rules) -> None:
    """Move what is broken away, in place."""
    if not rules.remove:
        block[broken] += np.float32(rules.penalty)
        return
    spans = block.max(axis=1, keepdims=True) - block.min(axis=1, keepdims=True) + 1
    np.add(block, spans, out=block, where=broken)


def _move_tracks(block: FloatArray, broken: _Mask, tracks: _Tracks, rules: Rules) -> None:
    dist = tracks.nearest(block)  # (B, T)
    added = _punishments(dist, tracks, rules) if rules.punishment > 0 else None
    if rules.one_track_per_camera:
        others = np.zeros(dist.shape, dtype=np.bool_)
        for camid in tracks.cameras:
            cols = np.flatnonzero(tracks.camids == camid)
            best = cols[np.argmin(dist[:, cols], axis=1)]  # (B,)
            others[:, cols] = True
            others[np.arange(len(dist)), best] = False
        _move(block, others[:, tracks.of_image] & ~broken, rules)
    if added is not None:
        block += added[:, tracks.of_image]


def _punishments(dist: FloatArray, tracks: _Tracks, rules: Rules) -> FloatArray:
    """(B, T) what is added to each track: the sum over the hits of its camera but itself."""
    num = min(rules.punished, dist.shape[1])
    hits = np.argsort(dist, axis=1, kind="stable")[:, :num]  # (B, J)
    shares = rules.punishment / (1 + np.arange(num))  # (J,)
    camera_idx = np.searchsorted(tracks.cameras, tracks.camids)  # (T,); any for unknown ones
    known = tracks.camids != UNKNOWN
    rows = np.arange(len(dist))[:, None]
    sums = np.zeros((len(dist), len(tracks.cameras) + 1))
    np.add.at(sums, (rows, camera_idx[hits]), np.where(known[hits], shares, 0))
    added = sums[:, camera_idx]  # (B, T)
    own = np.zeros_like(added)
    own[rows, hits] = shares
    return np.asarray(np.where(known, np.maximum(added - own, 0), 0), dtype=np.float32)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // max(1, shape[1]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))
