"""Members' features side by side: ``python -m ensemble.concat Q1 G1 Q2 G2 … --out FOLDER``.

Each member's features are scaled by the root of its share of the weights, so that squared distances
are the weighted mean of the members' squared distances, and features of length 1 stay so.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ensemble.parts import changed, check_folder, load_pair, save_pair
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import side_by_side


def main(
    pairs: Sequence[tuple[Path, Path]], *, out: Path, weights: Sequence[float] | None = None
) -> Path:
    """Concatenate features and return the folder of the new ones.

    Args:
        pairs: Features of queries and gallery of each member, of the same images.
        out: The folder for ``query.npz`` and ``gallery.npz``.
        weights: At least 0, one for each member, not all 0; None for 1.

    Raises:
        ConfigError: For weights that do not fit or are out of range.
        DataError: For files that cannot be used or do not hold the same images.
    """
    check_folder(out)
    weights = [1.0] * len(pairs) if weights is None else weights
    fit = len(weights) == len(pairs) and all(0 <= weight < math.inf for weight in weights)
    if not fit or not any(weights):
        raise ConfigError(
            f"the weights are {list(weights)} for {len(pairs)} members; expected a number, at least"
            " 0, for each, and one above 0"
        )
    loaded = [load_pair(*pair) for pair in pairs]
    files = [path for pair in pairs for path in pair]
    new = []
    for side in (0, 1):
        parts = [pair[side] for pair in loaded]
        for pair, part in zip(pairs, parts, strict=True):
            if part.names != parts[0].names:
                raise DataError(f"{pairs[0][side]} and {pair[side]} are of different images")
        joined = side_by_side(parts, weights)
        options = {"weights": list(weights)}
        new.append(changed(parts[0], joined.feats, "ensemble.concat", options, *files))
    return save_pair(new[0], new[1], out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.concat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="Q1 G1 Q2 G2 …, .npz")
    parser.add_argument("--weights", type=float, nargs="+", help="one for each member (default 1)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args(argv)
    if len(args.files) % 2:
        raise ConfigError(f"{len(args.files)} files given; expected queries and gallery in pairs")
    pairs = list(zip(args.files[::2], args.files[1::2], strict=True))
    main(pairs, out=args.out, weights=args.weights)


if __name__ == "__main__":
    sys.exit(run_command(command))
