"""The mean of the members' distances: ``python -m ensemble.mean A.npy B.npy C.npy --out M.npy``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.matrices import check_target, describe
from ensemble.streamed import average_files
from vreid.errors import run_command


def main(mats: Sequence[Path], *, out: Path) -> Path:
    """Average distances over the same images, re-ranked ones as a rule, and return the file.

    Raises:
        DataError: For a file that cannot be used, when names differ, and for NaN or infinity.
    """
    check_target(out)
    mat = average_files(mats, out=out)
    print(f"wrote {out} ({describe(mat)})")
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.mean",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mats", type=Path, nargs="+", metavar="FILE", help="distances, .npy")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(args.mats, out=args.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
