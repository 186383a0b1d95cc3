"""Constraints on distances: ``python -m ensemble.constrain D.npy Q.npz G.npz --out C.npy``.

``--never-same-camera`` and ``--groups 1-40 41-46`` move images away that cannot show the query's
vehicle, ``--learnt FILE`` those of cameras that never shared one in training (see
``ensemble.learn_constraints``), ``--one-track`` all but the nearest track of a camera, by
``--penalty 10`` or, with ``--remove``, behind all others. ``--punishment 0.1`` is the soft form of
``--one-track``. Cameras and tracks are those of the features' images.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ensemble.matrices import check_target, save
from ensemble.parts import load_pair
from vreid.constraints import Rules, constrain
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features
from vreid.learnt import read_learnt
from vreid.provenance import hash_inputs
from vreid.tracks.groups import group_tracks


def main(
    dist: Path,
    query: Path,
    gallery: Path,
    *,
    out: Path,
    rules: Rules,
    learnt: Path | None = None,
) -> Path:
    """Apply constraints and return the file.

    Args:
        dist: Distances of queries to images or tracklets, ``.npy``.
        query: Features of the queries, whose cameras count.
        gallery: Features of the columns, whose cameras and tracks count.
        out: The ``.npy`` to write.
        rules: What holds.
        learnt: A file of ``ensemble.learn_constraints``; its pairs join ``rules.never``.

    Raises:
        ConfigError: When no rule is given.
        DataError: For files that cannot be used or do not fit each other.
    """
    check_target(out)
    if learnt is not None:
        rules = replace(rules, never=(*rules.never, *read_learnt(learnt)))
    asked = (rules.never_same_camera, rules.groups, learnt, rules.one_track_per_camera)
    if not any(asked) and rules.punishment <= 0:
        raise ConfigError("there is no constraint; give one, such as --never-same-camera")
    mat = DistMat.load(dist).query_gallery()
    parts = load_pair(query, gallery)
    for ours, part, path in zip((mat.rows, mat.cols), parts, (query, gallery), strict=True):
        _check_names(ours, part, dist, path)
    result = constrain(
        mat.dist, parts[0].camids, parts[1].camids, group_tracks(parts[1].trackids), rules
    )
    files = [dist, query, gallery, *([] if learnt is None else [learnt])]
    sources = {
        "constrain": {**asdict(rules), "never": [list(pair) for pair in rules.never]},
        "files": hash_inputs(files),
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
    main(args.dist, args.query, args.gallery, out=args.out, rules=rules, learnt=args.learnt)


if __name__ == "__main__":
    sys.exit(run_command(command))
