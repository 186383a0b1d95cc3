"""Predicted cameras for hidden ones: ``python -m ensemble.cameras Q.npz G.npz --of CQ.npz CG.npz``.

Where a data set hides the cameras of its images, those that the camera classifier predicts take
their place. The classifier's features carry them in their record, ``meta["predicted"]``, a camera
for each row.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ensemble.parts import changed, check_folder, load_pair, save_pair
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError, run_command
from vreid.features import Features
from vreid.predictions import predicted_cameras
from vreid.tracks.groups import group_tracks, vote_by_track


def main(
    query: Path, gallery: Path, *, of: tuple[Path, Path], out: Path, vote: bool = False
) -> Path:
    """Put predicted cameras into features and return the folder of the new ones.

    Args:
        query: Features of the queries, ``.npz``.
        gallery: Features of the gallery, ``.npz``.
        of: Features of the camera classifier, of the same images.
        out: The folder for ``query.npz`` and ``gallery.npz``.
        vote: Whether the images of a tracklet take the camera that most of them have, the smaller
            one among equals.

    Raises:
        DataError: For files that cannot be used, are of different images or hold no predictions.
    """
    check_folder(out)
    new = []
    for path, part, source in zip((query, gallery), load_pair(query, gallery), of, strict=True):
        classifier = Features.load(source)
        if classifier.names != part.names:
            raise DataError(f"{path} and {source} are of different images; extract both again")
        camids = predicted_cameras(classifier, source)
        if vote:
            camids = vote_by_track(camids, group_tracks(part.trackids))
        known = part.camids != UNKNOWN
        if known.any():
            share = float(np.mean(camids[known] == part.camids[known]))
            print(f"{path}: {share:.1%} of {np.count_nonzero(known)} known cameras predicted right")
        made = changed(part, part.feats, "ensemble.cameras", {"vote": vote}, path, source)
        new.append(dataclasses.replace(made, camids=camids))
    return save_pair(new[0], new[1], out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.cameras",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", type=Path, help="features of the queries, .npz")
    parser.add_argument("gallery", type=Path, help="features of the gallery, .npz")
    parser.add_argument(
        "--of",
        type=Path,
        nargs=2,
        required=True,
        metavar=("QUERY", "GALLERY"),
        help="features of the camera classifier",
    )
    parser.add_argument("--vote", action="store_true", help="one camera for each tracklet")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args(argv)
    main(args.query, args.gallery, of=(args.of[0], args.of[1]), out=args.out, vote=args.vote)


if __name__ == "__main__":
    sys.exit(run_command(command))
