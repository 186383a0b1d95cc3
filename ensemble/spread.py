"""Image distances from tracklet distances: ``python -m ensemble.spread T.npy G.npz --out D.npy``.

Every image of the gallery takes the distances of its tracklet, so that fusing, scoring and
submitting go on as with distances to images.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, save
from vreid.distance import DistMat
from vreid.errors import DataError, run_command
from vreid.features import Features
from vreid.provenance import hash_inputs
from vreid.tracks.named import image_distances


def main(dist: Path, gallery: Path, *, out: Path) -> Path:
    """Spread distances of queries to tracklets over the images and return the file.

    Args:
        dist: Distances whose columns are tracklets, as ``ensemble.tracks`` names them.
        gallery: Features of the gallery's images, with their tracklets.
        out: The ``.npy`` to write.

    Raises:
        DataError: For a file that cannot be used, and for columns that are not the tracklets of the
            gallery.
    """
    check_target(out)
    tracks, images = DistMat.load(dist), Features.load(gallery)
    try:
        mat = image_distances(tracks, images)
    except DataError as error:
        raise DataError(f"{dist} with {gallery}: {error}") from None
    sources = {**mat.sources, "files": hash_inputs([dist, gallery])}
    return save(dataclasses.replace(mat, sources=sources), out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.spread",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dist", type=Path, help="distances of queries to tracklets, .npy")
    parser.add_argument("gallery", type=Path, help="features of the gallery's images, .npz")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.dist, args.gallery, out=args.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
