"""Cameras and tracks that a chain looks for and the data may not have."""

import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import Features, IntArray
from vreid.options.chain_distances import Constrain, Spread, WholeTracks
from vreid.options.chain_features import (
    Blend,
    Branches,
    PredictedCameras,
    Smooth,
    Stage,
    SubtractCameras,
    Tracklets,
    WhitenCameras,
)

Placed = tuple[int, Stage]  # place in the recipe's chain, from 1


@dataclass(frozen=True)
class _Known:
    """What the images have; each is empty, or says what is missing."""

    all_cameras: str
    some_cameras: str
    tracks: str


def present(
    chain: Sequence[Stage], pair: tuple[Path, Path], *, without: Collection[int] = ()
) -> tuple[list[Placed], list[str]]:
    """The stages that can be run, with their places, and a sentence for each that is left out.

    Args:
        chain: The recipe's stages.
        pair: Features of queries and gallery. While they are not there, nothing is missing.
        without: Places of stages that are passed over as if the recipe did not have them.

    Raises:
        DataError: When a stage lacks its input, unless it says ``when_missing: skip``.
    """
    return _kept(chain, _look(pair), without)


def present_in(
    chain: Sequence[Stage], query: Features, gallery: Features
) -> tuple[list[Placed], list[str]]:
    """As `present`, for features in memory."""
    cameras = {"the queries": query.camids, "the gallery": gallery.camids}
    return _kept(chain, _known(cameras, {"the gallery": gallery.trackids}))


def _kept(
    chain: Sequence[Stage], known: _Known, without: Collection[int] = ()
) -> tuple[list[Placed], list[str]]:
    notes: list[str] = []
    kept: list[Placed] = []
    for place, one in enumerate(chain, start=1):
        if place in without:
            continue
        label = f"chain[{place}] {one.stage}"
        if isinstance(one, PredictedCameras):
            known = replace(known, all_cameras="", some_cameras="")
        if isinstance(one, Branches):
            one = _present_branches(one, known, label, notes)
        left: Stage | None = _unless_missing(one, known, label, notes)
        if isinstance(one, Spread) and not any(isinstance(each, Tracklets) for _, each in kept):
            notes.append(f"{label} is skipped, as tracklets is")
            left = None
        if left is not None:
            kept.append((place, left))
    return kept, notes


def _present_branches(one: Branches, known: _Known, label: str, notes: list[str]) -> Branches:
    of = {}
    for name, parts in one.of.items():
        found = [_unless_missing(part, known, f"{label}.{name}", notes) for part in parts]
        of[name] = tuple(part for part in found if part is not None)
    return replace(one, of=of)


def _unless_missing(one: Stage, known: _Known, label: str, notes: list[str]) -> Stage | None:
    missing = _missing(one, known)
    if not missing:
        return one
    if getattr(one, "when_missing", "fail") == "fail":
        raise DataError(
            f"{missing}, which {label} needs; take it out of the chain, or let it be left out with"
            " when_missing: skip"
        )
    by_camera = isinstance(one, Constrain) and (one.never_same_camera or one.groups or one.learnt)
    if by_camera and missing == known.tracks:
        notes.append(f"{label} leaves its rules on tracks out: {missing} (when_missing: skip)")
        return replace(one, one_track_per_camera=False, punishment=0.0)  # type: ignore[call-arg]
    notes.append(f"{label} is skipped: {missing} (when_missing: skip)")
    return None


def _missing(one: Stage, known: _Known) -> str:
    if isinstance(one, WhitenCameras | SubtractCameras):
        return known.all_cameras
    if isinstance(one, Smooth | Blend | Tracklets | WholeTracks):
        return known.tracks
    if isinstance(one, Constrain):
        return known.some_cameras or (known.tracks if one.of_tracks else "")
    return ""


def _look(pair: tuple[Path, Path]) -> _Known:
    if not all(path.exists() for path in pair):
        return _Known("", "", "")
    cameras = {str(path): _column(path, "camids") for path in pair}
    return _known(cameras, {str(pair[1]): _column(pair[1], "trackids")})


def _known(cameras: Mapping[str, IntArray], tracks: Mapping[str, IntArray]) -> _Known:
    """What the columns of the queries and of the gallery, by their names for messages, have."""
    none = [name for name, camids in cameras.items() if (camids == UNKNOWN).all()]
    some = [name for name, camids in cameras.items() if (camids == UNKNOWN).any()]
    bare = [name for name, trackids in tracks.items() if (trackids == UNKNOWN).all()]
    some_cameras = f"{none[0]}: no image has a known camera" if none else ""
    all_cameras = f"{some[0]}: not every image has a known camera" if some else ""
    no_tracks = f"{bare[0]}: no image has a track" if bare else ""
    return _Known(some_cameras or all_cameras, some_cameras, no_tracks)


def _column(path: Path, name: str) -> IntArray:
    """One column of a features file, without reading the features."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays[name], dtype=np.int64)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: not a features file ({error}); run the extract stage again"
        ) from None
