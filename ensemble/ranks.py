"""Fusion by places or scaled distances: ``python -m ensemble.ranks A.npy B.npy --out F.npy``.

For members whose distances have unlike scales. ``--rule`` is ``reciprocal`` (reciprocal rank
fusion), ``borda`` (the mean place), ``minmax`` or ``z`` (distances scaled for each query);
``--top 100`` counts the first 100 entries of each list only. Ranking files such as ``track2.txt``
are fused by ``python -m submissions.fuse``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ensemble.matrices import check_target, save
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError, run_command
from vreid.rank_fusion import RankLists, Rule, fuse_ranks


def main(
    mats: Sequence[Path],
    *,
    out: Path,
    rule: Rule = "reciprocal",
    weights: Sequence[float] | None = None,
    k: float = 60.0,
    top: int | None = None,
) -> Path:
    """Fuse the lists of several distances and return the file.

    Args:
        mats: Distances over the same images; of square ones the query x gallery part is taken.
        out: The ``.npy`` to write.
        rule, k: See `vreid.rank_fusion.fuse_ranks`.
        weights: One for each; None for 1.
        top: Entries of each list that count; None for all.

    Raises:
        ConfigError: For options out of range.
        DataError: For a file that cannot be used, and when names differ.
    """
    check_target(out)
    lines = next((path for path in mats if path.suffix == ".txt"), None)
    if lines is not None:
        raise DataError(
            f"{lines}: distances (.npy) are fused here; fuse lists with python -m submissions.fuse"
        )
    if weights is not None and len(weights) != len(mats):
        raise ConfigError(
            f"there are {len(weights)} weights for {len(mats)} files; give one for each, or none"
        )
    if top is not None and top < 1:
        raise ConfigError(f"top is {top}; expected at least 1 entry of each list")
    parts = [DistMat.load(path) for path in mats]
    lists = parts if top is None else [RankLists.of(part, top) for part in parts]
    labels = [path.as_posix() for path in mats]
    return save(fuse_ranks(lists, labels, rule=rule, weights=weights, k=k), out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.ranks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mats", type=Path, nargs="+", metavar="FILE", help="distances, .npy")
    parser.add_argument("--rule", choices=get_args(Rule), default="reciprocal")
    parser.add_argument("--weights", type=float, nargs="+", help="one for each file (default 1)")
    parser.add_argument("--k", type=float, default=60.0, help="constant of reciprocal (60)")
    parser.add_argument("--top", type=int, help="entries of each list that count (all)")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.mats, out=args.out, rule=args.rule, weights=args.weights, k=args.k, top=args.top)


if __name__ == "__main__":
    sys.exit(run_command(command))
