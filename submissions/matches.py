"""The best matches of each query: ``python -m submissions.matches DIST.npy --out M.csv``.

For data sets whose images have no numbers: one row a match, ``query,rank,gallery,dist``.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from vreid.distance import DistMat
from vreid.errors import ConfigError, run_command
from vreid.files import write_text
from vreid.ranking import nearest


def main(dist: Path, *, out: Path, top: int = 10) -> Path:
    """Write the ``top`` nearest gallery images of each query, nearest first, and return the path.

    Raises:
        ConfigError: When ``top`` is below 1.
        DataError: When the distances cannot be read.
    """
    if top < 1:
        raise ConfigError(f"top is {top}; expected at least 1")
    mat = DistMat.load(dist).query_gallery()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["query", "rank", "gallery", "dist"])
    for name, row, ranked in zip(mat.rows, mat.dist, nearest(mat.dist, top), strict=True):
        for rank, idx in enumerate(ranked, start=1):
            table.writerow([name, rank, mat.cols[idx], f"{row[idx]:.6g}"])
    return write_text(out, text.getvalue())


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(prog="submissions.matches", description=__doc__)
    parser.add_argument("dist", type=Path, help="distances, .npy")
    parser.add_argument("--out", type=Path, required=True, help="the .csv to write")
    parser.add_argument("--top", type=int, default=10, help="matches a query (default 10)")
    args = parser.parse_args(argv)
    print(f"wrote {main(args.dist, out=args.out, top=args.top)}")


if __name__ == "__main__":
    sys.exit(run_command(command))
