"""Constraints on distances: ``python -m ensemble.constrain D.npy Q.npz G.npz --out C.npy``.

``--never-same-camera`` and ``--groups 1-40 41-46`` move images away that cannot show the query's
vehicle, ``--learnt FILE`` those of cameras that never shared one in training (see
``ensemble.learn_constraints``), ``--times T.csv --travel S.csv`` those that no vehicle can have got
to in the time (see `vreid.travel`), ``--one-track`` all but the nearest track of a camera, by
``--penalty 10`` or, with ``--remove``, behind all others. ``--punishment 0.1`` is the soft form of
``--one-track``. Cameras and tracks are those of the features' images. Where the gallery is
tracklets, ``--images G.npz`` names the features of their images, whose mean time is a tracklet's.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ensemble.matrices import check_target, save
from ensemble.parts import load_pair
from vreid.constraints import Rules, constrain
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features
from vreid.learnt import read_learnt
from vreid.provenance import hash_inputs
from vreid.tracks.groups import first_images, group_tracks
from vreid.travel import Seconds, mean_times, read_times, read_travel, times_of


def main(
    dist: Path,
    query: Path,
    gallery: Path,
    *,
    out: Path,
    rules: Rules,
    learnt: Path | None = None,
    times: Path | None = None,
    travel: Path | None = None,
    images: Path | None = None,
) -> Path:
    """Apply constraints and return the file.

    Args:
        dist: Distances of queries to images or tracklets, ``.npy``.
        query: Features of the queries, whose cameras count.
        gallery: Features of the columns, whose cameras and tracks count.
        out: The ``.npy`` to write.
        rules: What holds.
        learnt: A file of ``ensemble.learn_constraints``; its pairs join ``rules.never``.
        times: A table ``name,time``; it goes with ``travel``.
        travel: A table ``from,to,least,most``, which becomes ``rules.travel``.
        images: Features of the gallery's images, where the columns are tracklets and times count.

    Raises:
        ConfigError: When no rule is given, or one of ``times`` and ``travel`` only.
        DataError: For files that cannot be used or do not fit each other.
    """
    check_target(out)
    if learnt is not None:
        rules = replace(rules, never=(*rules.never, *read_learnt(learnt)))
    if travel is not None:
        rules = replace(rules, travel=read_travel(travel))
    if (times is None) != (travel is None):
        raise ConfigError("--times and --travel go together; give both or none")
    asked = (rules.never_same_camera, rules.groups, learnt, travel, rules.one_track_per_camera)
    if not any(asked) and rules.punishment <= 0:
        raise ConfigError("there is no constraint; give one, such as --never-same-camera")
    mat = DistMat.load(dist).query_gallery()
    parts = load_pair(query, gallery)
    sides = list(zip(parts, (query, gallery), strict=True))
    for ours, (part, path) in zip((mat.rows, mat.cols), sides, strict=True):
        _check_names(ours, part, dist, path)
    found = None if times is None else _times(sides, times, images)
    camids, track_idx = [part.camids for part in parts], group_tracks(parts[1].trackids)
    result = constrain(mat.dist, camids[0], camids[1], track_idx, rules, times=found)
    named = {**asdict(rules), "never": [list(pair) for pair in rules.never]}
    del named["travel"]  # its file is among the files
    others = [path for path in (learnt, times, travel, images) if path is not None]
    sources = {
        "constrain": named,
        "files": hash_inputs([dist, query, gallery, *others]),
        "of": {"label": dist.as_posix(), "kind": mat.kind, "sources": dict(mat.sources)},
    }
    return save(DistMat(result, mat.rows, mat.cols, None, "constrained", sources), out)


def _check_names(ours: Sequence[str], part: Features, dist: Path, path: Path) -> None:
    if tuple(ours) == part.names:
        return
    for place, (left, right) in enumerate(zip(ours, part.names, strict=False)):
        if left != right:
            raise DataError(f"{dist} and {path} differ at place {place}: {left} and {right}")
    raise DataError(f"{dist} has {len(ours)} names, {path} {len(part)}; give the same images")


def _times(
    sides: Sequence[tuple[Features, Path]], times: Path, images: Path | None
) -> tuple[Seconds, Seconds]:
    """Seconds of queries and of images, or of tracklets the mean of their images' known times.

    Raises:
        ConfigError: When tracklets come without ``images``.
        DataError: When no query or no image has a time, or ``images`` are not of these tracklets.
    """
    (query, query_path), (gallery, path) = sides
    table = read_times(times)
    own = _image_times(query, query_path, table, times)
    if images is None:
        if gallery.meta.get("rows") == "tracklets":
            raise ConfigError(f"{path}: the rows are tracklets; name their images with --images")
        return own, _image_times(gallery, path, table, times)
    whole = Features.load(images)
    track_idx = group_tracks(whole.trackids)
    if tuple(whole.names[idx] for idx in first_images(track_idx)) != gallery.names:
        raise DataError(f"{images}: its tracklets are not the {len(gallery)} rows of {path}")
    return own, mean_times(_image_times(whole, images, table, times), track_idx)


def _image_times(part: Features, path: Path, table: Mapping[str, float], times: Path) -> Seconds:
    found = times_of(part.names, table)
    if not np.isfinite(found).any():
        ours, theirs = next(iter(part.names), "none"), next(iter(table), "none")
        raise DataError(
            f"{path}: no image has a time in {times}; names are such as {ours} here and {theirs}"
            " there, and have to be the same"
        )
    return found


def parse_group(text: str) -> tuple[int, int]:
    """``1-40`` -> first and last camera of a group.

    Raises:
        ConfigError: When it is not a range.
    """
    low, _, high = text.partition("-")
    if not (low.isdigit() and high.isdigit() and int(low) <= int(high)):
        raise ConfigError(f"the group is {text!r}; expected first and last camera, such as 1-40")
    return int(low), int(high)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.constrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dist", type=Path, help="distances, .npy")
    parser.add_argument("query", type=Path, help="features of the rows, with their cameras, .npz")
    parser.add_argument("gallery", type=Path, help="features of the columns, .npz")
    parser.add_argument("--never-same-camera", action="store_true")
    parser.add_argument(
        "--groups", nargs="+", default=[], metavar="FIRST-LAST", help="cameras; never across groups"
    )
    parser.add_argument("--learnt", type=Path, help="a file of ensemble.learn_constraints")
    parser.add_argument("--times", type=Path, help="a table name,time of the images, in seconds")
    parser.add_argument("--travel", type=Path, help="a table from,to,least,most, in seconds")
    parser.add_argument("--images", type=Path, help="features of the tracklets' images, .npz")
    parser.add_argument("--one-track", action="store_true", help="one track of each camera")
    parser.add_argument("--penalty", type=float, default=10.0, help="added (default 10)")
    parser.add_argument("--remove", action="store_true", help="behind all others, not a penalty")
    parser.add_argument("--punishment", type=float, default=0.0, help="beta of hits' cameras (0)")
    parser.add_argument("--punished", type=int, default=99, help="hits that punish (99)")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    rules = Rules(
        never_same_camera=args.never_same_camera,
        groups=tuple(parse_group(text) for text in args.groups),
        one_track_per_camera=args.one_track,
        penalty=args.penalty,
        remove=args.remove,
        punishment=args.punishment,
        punished=args.punished,
    )
    main(
        args.dist,
        args.query,
        args.gallery,
        out=args.out,
        rules=rules,
        learnt=args.learnt,
        times=args.times,
        travel=args.travel,
        images=args.images,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
