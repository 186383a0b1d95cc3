"""Weighted sums of distances: ``python -m ensemble.fuse V.npy --minus O.npy 0.1 --out F.npy``.

D = D_vehicle - 0.1 D_orientation - 0.1 D_camera is
``python -m ensemble.fuse VEHICLE.npy --minus ORI.npy 0.1 --minus CAM.npy 0.1 --out F.npy``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, describe, parse_weight
from ensemble.streamed import fuse_files
from vreid.errors import run_command


def main(first: Path, terms: Sequence[tuple[Path, float]], *, out: Path) -> Path:
    """Add weighted distances to the first one and return the file of the sum.

    Args:
        first: The distances that enter with weight 1, those of the vehicle.
        terms: Further distances with their weights, negative ones to push apart.
        out: The ``.npy`` to write.

    Raises:
        ConfigError: For a weight that is not finite.
        DataError: For a file that cannot be used, when names differ, and for NaN or infinity.
    """
    check_target(out)
    paths = [first, *(path for path, _ in terms)]
    weights = [1.0, *(weight for _, weight in terms)]
    mat = fuse_files(paths, weights, out=out)
    print(f"wrote {out} ({describe(mat)})")
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.fuse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", type=Path, help="the distances that enter with weight 1, .npy")
    for name, sign in (("plus", "add"), ("minus", "subtract")):
        parser.add_argument(
            f"--{name}",
            nargs=2,
            action="append",
            default=[],
            metavar=("FILE", "WEIGHT"),
            help=f"{sign} WEIGHT times these distances; may be given again",
        )
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    plus = [(Path(path), parse_weight(weight, path)) for path, weight in args.plus]
    minus = [(Path(path), -parse_weight(weight, path)) for path, weight in args.minus]
    main(args.first, plus + minus, out=args.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
