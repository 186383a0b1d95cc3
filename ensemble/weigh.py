"""Weighted sums of distances: ``python -m ensemble.weigh A.npy B.npy --weights 1 0.5 --out W.npy``.

Unlike ``ensemble.fuse`` no file comes first. ``--mean`` divides the weights by their sum.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, describe
from ensemble.streamed import fuse_files
from vreid.errors import ConfigError, run_command


def main(mats: Sequence[Path], *, out: Path, weights: Sequence[float], mean: bool = False) -> Path:
    """Add weighted distances and return the file of the sum.

    Args:
        mats: Distances over the same images.
        out: The ``.npy`` to write.
        weights: One for each.
        mean: Whether the weights are divided by their sum.

    Raises:
        ConfigError: For weights that do not fit, are not finite or, with ``mean``, sum to 0.
        DataError: For a file that cannot be used, when names differ, and for NaN or infinity.
    """
    check_target(out)
    if len(weights) != len(mats):
        raise ConfigError(f"there are {len(weights)} weights for {len(mats)} files; give as many")
    total = math.fsum(weights) if mean else 1.0
    if total == 0:
        raise ConfigError("the weights sum to 0; a mean needs a sum other than 0")
    mat = fuse_files(mats, [weight / total for weight in weights], out=out)
    print(f"wrote {out} ({describe(mat)})")
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.weigh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mats", type=Path, nargs="+", metavar="FILE", help="distances, .npy")
    parser.add_argument("--weights", type=float, nargs="+", required=True, help="one for each file")
    parser.add_argument("--mean", action="store_true", help="divide the weights by their sum")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.mats, out=args.out, weights=args.weights, mean=args.mean)


if __name__ == "__main__":
    sys.exit(run_command(command))
