"""Times of images, and travel times between cameras: their tables, and how they are learnt.

Two cameras bound the time in which a vehicle gets from one to the other. Wang et al., "Orientation
Invariant Feature Embedding and Spatial Temporal Regularization for Vehicle Re-identification", ICCV
2017, fit a log-normal density to it. What differs: bounds take its place, which can be written down
without data; learnt ones are widened by a factor, since such times spread by factors.
"""

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.files import write_text
from vreid.tables import read_rows

Seconds = npt.NDArray[np.float64]

_TIMES = ("name", "time")
_TRAVEL = ("from", "to", "least", "most")
_INTEGER = re.compile(r"[0-9]{1,18}")


class Travel(NamedTuple):
    """How long a vehicle takes from one camera to another: 0 <= least <= most, in seconds."""

    start: int
    end: int
    least: float
    most: float


def read_times(path: Path) -> dict[str, float]:
    """Read a table ``name,time``: an image, as in `vreid.data.sample.Sample`, to its seconds.

    They count from any origin that all cameras have in common. Other columns are ignored; images
    that are not listed, or whose time is empty, have none.

    Raises:
        DataError: Naming file and line: when it is no such table, a time is no finite number or an
            image is listed twice.
    """
    lines: dict[str, str] = {}
    times: dict[str, float] = {}
    for place, (name, text) in read_rows(path, _TIMES):
        if not name:
            raise DataError(f"{place}: the image has no name")
        if name in lines:
            raise DataError(f"{place}: {name} is listed twice, first in {lines[name]}")
        lines[name] = place
        if text:
            times[name] = _number(text, place, "time", least=-math.inf)
    return times


def read_travel(path: Path) -> list[Travel]:
    """Read a table ``from,to,least,most``: two cameras' numbers, and seconds; empty most: no end.

    Other columns are ignored. See `vreid.constraints.Rules` for what rows mean.

    Raises:
        DataError: Naming file and line: when it is no such table, a camera is no whole number, the
            seconds are not 0 <= least <= most, or a pair is listed twice in one direction.
    """
    found: dict[tuple[int, int], Travel] = {}
    for place, cells in read_rows(path, _TRAVEL):
        for column, text in zip(_TRAVEL[:2], cells, strict=False):
            if not _INTEGER.fullmatch(text):
                raise DataError(f"{place}: {column} is {text!r}; expected a camera's number")
        pair = int(cells[0]), int(cells[1])
        if pair in found:
            raise DataError(f"{place}: from {pair[0]} to {pair[1]} is listed twice; give it once")
        least = _number(cells[2], place, "least", least=0)
        most = _number(cells[3], place, "most", least=least) if cells[3] else math.inf
        found[pair] = Travel(*pair, least, most)
    return list(found.values())


def write_travel(path: Path, learnt: Mapping[Travel, int]) -> Path:
    """Write travel times, each with its number of vehicles, atomically and return the path.

    Seconds are rounded to thousandths, away from each other.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_TRAVEL, "vehicles"])
    for one, num in learnt.items():
        least, most = max(0.0, round(one.least - 0.001, 3)), round(one.most + 0.001, 3)
        rows.writerow([one.start, one.end, least, most, num])
    return write_text(path, text.getvalue())


def times_of(names: Sequence[str], times: Mapping[str, float]) -> Seconds:
    """(N,) seconds of images, NaN for those without a time."""
    return np.array([times.get(name, math.nan) for name in names], dtype=np.float64)


def mean_times(times: Seconds, track_idx: IntArray) -> Seconds:
    """(T,) the mean of each tracklet's known times; NaN where none is known.

    Args:
        times: (N,) seconds of the images, NaN where not known.
        track_idx: (N,) from `vreid.tracks.groups.group_tracks`.
    """
    known = np.isfinite(times)
    num = int(track_idx.max()) + 1 if len(track_idx) else 0
    counts = np.bincount(track_idx[known], minlength=num)
    origin = times[known].min() if known.any() else 0.0  # clocks count from far away: keep digits
    sums = np.bincount(track_idx[known], weights=times[known] - origin, minlength=num)
    return np.where(counts > 0, origin + sums / np.maximum(counts, 1), np.nan)


def learn_travel(
    pids: IntArray, camids: IntArray, times: Seconds, *, least: float = 5.0, slack: float = 1.5
) -> dict[Travel, int]:
    """Travel times between cameras, from the times between any two images of a vehicle.

    A direction has bounds of its own when at least so many vehicles went in each of the two;
    otherwise one row holds for both, from all vehicles that both cameras saw, if they are enough.

    Args:
        pids: (N,) vehicles of training images.
        camids: (N,) their cameras.
        times: (N,) their seconds. Images of which one of these is unknown are left out.
        least: Vehicles that a row needs.
        slack: The shortest time is divided by it and the longest multiplied, >= 1. Without it a
            further vehicle is outside of what n vehicles took in about 2 of n + 1 cases.

    Returns:
        Each row with its number of vehicles.

    Raises:
        DataError: When no image has a vehicle, a camera and a time.
    """
    known = (pids != UNKNOWN) & (camids != UNKNOWN) & np.isfinite(times)
    if not known.any():
        raise DataError("no image has a vehicle, a camera and a time; there is nothing to learn")
    spans: dict[tuple[int, int], dict[int, tuple[float, float]]] = defaultdict(dict)
    for pid, seen in _vehicles(pids[known], camids[known], times[known]):
        for start, left in seen.items():
            for end, right in seen.items():
                if start != end and right[-1] >= left[0]:
                    spans[start, end][pid] = _span(left, right)
    learnt: dict[Travel, int] = {}
    for start, end in sorted({(min(pair), max(pair)) for pair in spans}):
        there, back = spans.get((start, end), {}), spans.get((end, start), {})
        if min(len(there), len(back)) >= least:
            learnt[_row(start, end, there.values(), slack=slack)] = len(there)
            learnt[_row(end, start, back.values(), slack=slack)] = len(back)
        elif len(there.keys() | back.keys()) >= least:
            both = [*there.values(), *back.values()]
            learnt[_row(start, end, both, slack=slack)] = len(there.keys() | back.keys())
    return learnt


def _vehicles(
    pids: IntArray, camids: IntArray, times: Seconds
) -> Iterator[tuple[int, dict[int, Seconds]]]:
    """Each vehicle with its times at each camera, rising."""
    order = np.lexsort((times, camids, pids))
    pids, camids, times = pids[order], camids[order], times[order]
    changes = np.flatnonzero(np.diff(pids) | np.diff(camids)) + 1
    vehicles: dict[int, dict[int, Seconds]] = defaultdict(dict)
    for part in np.split(np.arange(len(pids)), changes):
        vehicles[int(pids[part[0]])][int(camids[part[0]])] = times[part]
    yield from vehicles.items()


def _span(left: Seconds, right: Seconds) -> tuple[float, float]:
    """Shortest and longest time from one of the left images to one of the right ones after it."""
    after = np.searchsorted(right, left)
    some = after < len(right)
    return float((right[after[some]] - left[some]).min()), float(right[-1] - left[0])


def _row(start: int, end: int, spans: Collection[tuple[float, float]], *, slack: float) -> Travel:
    shortest, longest = min(span[0] for span in spans), max(span[1] for span in spans)
    return Travel(start, end, shortest / slack, longest * slack)


def _number(text: str, place: str, column: str, *, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= least):
        bound = "" if least == -math.inf else f", {least:g} or more"
        raise DataError(f"{place}: {column} is {text!r}; expected a number of seconds{bound}")
    return number
