"""VVeRI-901, videos of vehicles: every sample is a frame of a tracklet.

Jianan Zhao, Fengliang Qi, Guangyu Ren and Lin Xu, "PhD Learning: Learning with Pompeiu-hausdorff
Distances for Video-based Vehicle Re-Identification", CVPR 2021.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vreid.data.image_folder import SUFFIXES, find_root
from vreid.data.listed import Listing
from vreid.data.published import shared_notes
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.data.text import Line, read_text
from vreid.errors import DataError

_OBTAIN = "get it by https://cove.thecvf.com/datasets/564 and unpack it here"
_PARTS = ("train", "query", "gallery")
_VEHICLE = re.compile(r"-1|[0-9]{1,18}")
_TRACKLET = re.compile(r"[^_/]+_[cC]([0-9]{1,9})(?:_[^/]*)?")
_NUM_VEHICLES, _NUM_TRACKLETS, _NUM_FRAMES = 901, 2_320, 488_195


@dataclass(frozen=True)
class _Tracklet:
    """A line of a list: its folder below the root, and what the folder's names say."""

    line: Line
    folder: str
    pid: int
    camid: int


def load(root: Path) -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VVERI901_V1`` or ``VVERI901_V1_Trial``::

        train.txt query.txt gallery.txt      one tracklet a line, as a path that ends in
                                             <vehicle>/<tracklet>: ./VVERI901_V1/2120/L09_C31_V07
        2120/L09_C31_V07/                    21553.png …: place, camera, video; frame

    901 vehicles (451 to train on, 450 for the test), 2,320 tracklets, 488,195 frames; 95 vehicles
    in the trial version. Its page names no licence: ask before other use than research.

    - Camera and vehicle come from the folders. Vehicle -1, of the trial's gallery, is nobody's:
      such tracklets match no query, and are left out with a sentence.
    - Tracklets are numbered in the order in which the lists first name them; one that is in query
      and gallery has one number. Frames are in the order of their numbers.
    - Score with the protocol ``vveri901``, whose units are tracklets.

    Args:
        root: The data set's folder.

    Raises:
        DataError: When a folder or file is missing, or a line cannot be used.
    """
    nested = ("VVERI901_V1", "VVERI901_V1_Trial", "VVeRI-901")
    root = find_root(root, marker="train.txt", nested=nested, obtain=_OBTAIN)
    listing = Listing(root)
    trackids: dict[str, int] = {}
    parts: dict[str, tuple[Sample, ...]] = {}
    notes = []
    for part in _PARTS:
        tracklets = _read_list(root / f"{part}.txt")
        known = [tracklet for tracklet in tracklets if tracklet.pid != UNKNOWN]
        if len(known) < len(tracklets):
            notes.append(
                f"vveri901: {len(tracklets) - len(known)} tracklets of {part}.txt are of no known"
                " vehicle (-1) and are left out"
            )
        samples: list[Sample] = []
        for tracklet in known:
            trackid = trackids.setdefault(tracklet.folder, len(trackids))
            samples += _frames(root, tracklet, trackid, listing)
        parts[part] = tuple(samples)
    notes += _notes(parts, len(trackids))
    return Split("vveri901", **parts, notes=tuple(notes))


def _notes(parts: dict[str, tuple[Sample, ...]], num_tracklets: int) -> list[str]:
    every = {sample.name: sample.pid for part in parts.values() for sample in part}
    found = (len(set(every.values())), num_tracklets, len(every))
    notes = list(shared_notes("vveri901", parts["train"], parts["gallery"]))
    if found != (_NUM_VEHICLES, _NUM_TRACKLETS, _NUM_FRAMES):
        notes.append(
            f"vveri901: {found[0]:,} vehicles, {found[1]:,} tracklets and {found[2]:,} frames;"
            f" published are {_NUM_VEHICLES:,}, {_NUM_TRACKLETS:,} and {_NUM_FRAMES:,}. Scores on"
            " another set of images do not compare with published ones"
        )
    return notes


def _read_list(path: Path) -> list[_Tracklet]:
    tracklets: dict[str, _Tracklet] = {}
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        line = Line(path, number, (text.split()[0].replace("\\", "/"),))
        vehicle, name = _last_two(PurePosixPath(line.cells[0]).parts)
        match = _TRACKLET.fullmatch(name)
        if match is None or not _VEHICLE.fullmatch(vehicle):
            raise DataError(
                f"{line.place}: found {text.strip()[:80]!r}; expected a path that ends in vehicle"
                " and tracklet such as ./VVERI901_V1/2120/L09_C31_V07"
            )
        folder = f"{vehicle}/{name}"
        if folder in tracklets:
            raise DataError(
                f"{line.place}: {folder} is on line {tracklets[folder].line.number} too; list each"
                " tracklet once"
            )
        tracklets[folder] = _Tracklet(line, folder, int(vehicle), int(match[1]))
    if not tracklets:
        raise DataError(f"{path}: the list is empty; expected one tracklet a line")
    return list(tracklets.values())


def _last_two(parts: Sequence[str]) -> tuple[str, str]:
    return ("", "") if len(parts) < 2 else (parts[-2], parts[-1])


def _frames(root: Path, tracklet: _Tracklet, trackid: int, listing: Listing) -> list[Sample]:
    """The frames of a tracklet in the order of their numbers."""
    inside = [name for name in listing.inside(tracklet.folder) if _is_frame(name)]
    if not inside:
        raise DataError(
            f"{tracklet.line.place}: there are no frames in {root / tracklet.folder} (looked for"
            f" {', '.join(SUFFIXES)}); unpack the data set again, or take the line out"
        )
    return [
        Sample(
            path=root / tracklet.folder / name,
            name=f"{tracklet.folder}/{name}",
            pid=tracklet.pid,
            camid=tracklet.camid,
            trackid=trackid,
        )
        for name in sorted(inside, key=lambda name: (len(name), name))
    ]


def _is_frame(name: str) -> bool:
    return not name.startswith(".") and PurePosixPath(name).suffix.lower() in SUFFIXES
