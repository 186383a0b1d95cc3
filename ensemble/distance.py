"""Distances of features: ``python -m ensemble.distance Q.npz G.npz --out D.npy [--square]``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ensemble.matrices import announce, check_target
from vreid.distance import Metric, write_distance
from vreid.errors import run_command
from vreid.features import Features
from vreid.provenance import hash_inputs


def main(
    query: Path,
    gallery: Path,
    *,
    out: Path,
    metric: Metric = "sqeuclidean",
    square: bool = False,
) -> Path:
    """Compute distances and return their file.

    Args:
        query: Features of the queries, ``.npz``.
        gallery: Features of the gallery, ``.npz``.
        out: The ``.npy`` to write.
        metric: See `vreid.distance.pairwise`.
        square: Whether among queries and gallery together, for tools that want it so, or Q x G.

    Raises:
        DataError: For a file that cannot be used, or features that do not fit each other.
    """
    check_target(out)
    mat = write_distance(
        Features.load(query),
        Features.load(gallery),
        out,
        metric=metric,
        square=square,
        sources={"files": hash_inputs([query, gallery])},
    )
    return announce(mat, out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.distance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", type=Path, help="features of the queries, .npz")
    parser.add_argument("gallery", type=Path, help="features of the gallery, .npz")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    parser.add_argument("--metric", choices=get_args(Metric), default="sqeuclidean")
    parser.add_argument("--square", action="store_true", help="among queries and gallery together")
    args = parser.parse_args(argv)
    main(args.query, args.gallery, out=args.out, metric=args.metric, square=args.square)


if __name__ == "__main__":
    sys.exit(run_command(command))
