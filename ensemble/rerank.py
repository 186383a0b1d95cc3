"""k-reciprocal re-ranking of a square distance: ``python -m ensemble.rerank D.npy --out R.npy``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, save
from vreid.distance import DistMat
from vreid.errors import DataError, run_command
from vreid.rerank import k_reciprocal


def main(dist: Path, *, out: Path, k1: int = 20, k2: int = 6, lambda_: float = 0.3) -> Path:
    """Re-rank and return the file of the query x gallery result.

    Args:
        dist: Square distances, of features or fused.
        out: The ``.npy`` to write.
        k1, k2, lambda_: See `vreid.rerank.k_reciprocal`.

    Raises:
        ConfigError: For parameters out of range.
        DataError: For a file that cannot be used or is not square.
    """
    check_target(out)
    mat = DistMat.load(dist)
    if mat.num_query is None:
        raise DataError(
            f"{dist}: distances of queries to gallery only; re-ranking looks for neighbours among"
            " all images: make it with ensemble.distance --square"
        )
    reranked = DistMat(
        dist=k_reciprocal(dist=mat, k1=k1, k2=k2, lambda_=lambda_),
        rows=mat.rows[: mat.num_query],
        cols=mat.cols[mat.num_query :],
        kind="rerank",
        sources={
            "rerank": {"k1": k1, "k2": k2, "lambda": lambda_},
            "of": {"label": dist.as_posix(), "kind": mat.kind, "sources": dict(mat.sources)},
        },
    )
    return save(reranked, out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.rerank",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dist", type=Path, help="square distances, .npy")
    parser.add_argument("--k1", type=int, default=20, help="reciprocal neighbours (default 20)")
    parser.add_argument("--k2", type=int, default=6, help="neighbours averaged (default 6)")
    parser.add_argument(
        "--lambda",
        dest="lambda_",
        type=float,
        default=0.3,
        help="weight of the given distance against the Jaccard distance (default 0.3)",
    )
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.dist, out=args.out, k1=args.k1, k2=args.k2, lambda_=args.lambda_)


if __name__ == "__main__":
    sys.exit(run_command(command))
