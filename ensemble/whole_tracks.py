"""Lists that follow whole tracklets: ``python -m ensemble.whole_tracks D.npy G.npz --out W.npy``.

Every image of the gallery takes its tracklet's smallest distance to the query.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, save
from vreid.distance import DistMat
from vreid.errors import DataError, run_command
from vreid.features import Features
from vreid.provenance import hash_inputs
from vreid.tracks.groups import group_tracks
from vreid.tracks.lists import follow_tracks


def main(dist: Path, gallery: Path, *, out: Path) -> Path:
    """Follow whole tracklets and return the file.

    Args:
        dist: Distances of queries to images, ``.npy``.
        gallery: Features of the gallery's images, with their tracklets.
        out: The ``.npy`` to write.

    Raises:
        DataError: For files that cannot be used or are of different images.
    """
    check_target(out)
    mat, images = DistMat.load(dist).query_gallery(), Features.load(gallery)
    if mat.cols != images.names:
        raise DataError(f"{dist} and {gallery} are of different images; give the same gallery")
    sources = {
        "whole_tracks": dist.as_posix(),
        "kind": mat.kind,
        "sources": dict(mat.sources),
        "files": hash_inputs([dist, gallery]),
    }
    result = follow_tracks(mat.dist, group_tracks(images.trackids))
    return save(DistMat(result, mat.rows, mat.cols, None, "whole_tracks", sources), out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.whole_tracks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dist", type=Path, help="distances of queries to images, .npy")
    parser.add_argument("gallery", type=Path, help="features with tracklets, .npz")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.dist, args.gallery, out=args.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
