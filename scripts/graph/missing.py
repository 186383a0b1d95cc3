"""Cameras, tracks and times that a chain looks for and the data may not have."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import KIND, Features, IntArray
from vreid.named_rows import load_column
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
from vreid.travel import read_times

Placed = tuple[int, Stage]  # place in the recipe's chain, from 1


@dataclass(frozen=True)
class _Known:
    """What the images have; each is empty, or says what is missing."""

    all_cameras: str
    some_cameras: str
    tracks: str
    names: Mapping[str, Collection[str]]  # images of the queries and of the gallery

    def times(self, path: Path) -> str:
        """The same for a table of times."""
        table = read_times(path) if self.names else {}
        for name, images in self.names.items():
            if table.keys().isdisjoint(images):
                return f"{name}: no image has a time in {path}"
        return ""


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
    names = {"the queries": query.names, "the gallery": gallery.names}
    return _kept(chain, _known(cameras, {"the gallery": gallery.trackids}, names))


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
        return _with_rules_left(one, known, label, notes) if isinstance(one, Constrain) else one
    if getattr(one, "when_missing", "fail") == "fail":
        raise _lacking(missing, label)
    notes.append(f"{label} is skipped: {missing} (when_missing: skip)")
    return None


def _with_rules_left(
    one: Constrain, known: _Known, label: str, notes: list[str]
) -> Constrain | None:
    """The stage without its rules on tracks, or on times, where the images have none."""
    untracked = known.tracks if one.of_tracks else ""
    untimed = known.times(Path(one.times)) if one.times else ""
    missing = [text for text in (untracked, untimed) if text]
    if missing and one.when_missing == "fail":
        raise _lacking(missing[0], label)
    tracked, timed = one.of_tracks and not untracked, bool(one.times) and not untimed
    if missing and not (one.of_cameras or tracked or timed):
        notes.append(f"{label} is skipped: {'; '.join(missing)} (when_missing: skip)")
        return None
    for rules, text in (("tracks", untracked), ("travel times", untimed)):
        if text:
            notes.append(f"{label} leaves its rules on {rules} out: {text} (when_missing: skip)")
    return replace(
        one,
        one_track_per_camera=one.one_track_per_camera and tracked,
        punishment=one.punishment if tracked else 0.0,
        times=one.times if timed else "",
        travel=one.travel if timed else "",
    )


def _lacking(missing: str, label: str) -> DataError:
    return DataError(
        f"{missing}, which {label} needs; take it out of the chain, or let it be left out with"
        " when_missing: skip"
    )


def _missing(one: Stage, known: _Known) -> str:
    if isinstance(one, WhitenCameras | SubtractCameras):
        return known.all_cameras
    if isinstance(one, Smooth | Blend | Tracklets | WholeTracks):
        return known.tracks
    if isinstance(one, Constrain):
        return known.some_cameras
    return ""


def _look(pair: tuple[Path, Path]) -> _Known:
    if not all(path.exists() for path in pair):
        return _Known("", "", "", {})
    cameras = {str(path): load_column(path, KIND, "camids") for path in pair}
    names = {str(path): load_column(path, KIND, "names").tolist() for path in pair}
    return _known(cameras, {str(pair[1]): load_column(pair[1], KIND, "trackids")}, names)


def _known(
    cameras: Mapping[str, IntArray],
    tracks: Mapping[str, IntArray],
    names: Mapping[str, Collection[str]],
) -> _Known:
    """What the columns of the queries and of the gallery, by their names for messages, have."""
    none = [name for name, camids in cameras.items() if (camids == UNKNOWN).all()]
    some = [name for name, camids in cameras.items() if (camids == UNKNOWN).any()]
    bare = [name for name, trackids in tracks.items() if (trackids == UNKNOWN).all()]
    some_cameras = f"{none[0]}: no image has a known camera" if none else ""
    all_cameras = f"{some[0]}: not every image has a known camera" if some else ""
    no_tracks = f"{bare[0]}: no image has a track" if bare else ""
    return _Known(some_cameras or all_cameras, some_cameras, no_tracks, names)
