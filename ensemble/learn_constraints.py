"""Cameras that never share a vehicle: ``python -m ensemble.learn_constraints CONFIG --out F``.

Counts the vehicles that each pair of cameras shares among the training images of a recipe's data
set. A pair counts as one that never does when it shares none although ``--least 5`` were to be
expected, had the cameras seen vehicles independently of each other.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vreid.build_data import build_split
from vreid.config import load_config
from vreid.constraints import count_shared
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import write_json


def main(recipe: Path, overrides: Sequence[str] = (), *, out: Path, least: float = 5.0) -> Path:
    """Write the pairs with their counts and return the file, which a chain's ``learnt`` may name.

    Args:
        recipe: Its data set is read.
        overrides: ``key, value, …`` over the recipe.
        out: The ``.json`` to write.
        least: See `vreid.constraints.Shared.never`, > 0.

    Raises:
        ConfigError: For ``least`` out of range and a recipe that cannot be used.
        DataError: When the data set is missing or its training images have no cameras.
    """
    if least <= 0:
        raise ConfigError(f"least is {least}; expected a number of vehicles above 0")
    config = load_config(recipe, overrides)
    samples = build_split(config.data).train
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    camids = np.array([sample.camid for sample in samples], dtype=np.int64)
    try:
        shared = count_shared(pids, camids)
    except DataError as error:
        raise DataError(f"{config.data.root}: {error}") from None
    never = shared.never(least=least)
    expected = shared.expected()
    pairs = [
        {
            "cameras": [int(shared.cameras[left]), int(shared.cameras[right])],
            "shared": int(shared.counts[left, right]),
            "expected": round(float(expected[left, right]), 2),
        }
        for left, right in np.argwhere(np.triu(np.ones_like(shared.counts), 1))
    ]
    write_json(
        out,
        {
            "data": config.data.root,
            "vehicles": shared.num_vehicles,
            "of_camera": dict(
                zip(map(str, shared.cameras.tolist()), shared.vehicles.tolist(), strict=True)
            ),
            "least": least,
            "never": [list(pair) for pair in never],
            "pairs": pairs,
        },
    )
    print(
        f"wrote {out} ({len(never)} of {len(pairs)} pairs of {len(shared.cameras)} cameras never"
        f" share one of {shared.num_vehicles} vehicles)"
    )
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.learn_constraints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="a recipe, such as configs/recipes/toycity.yml")
    parser.add_argument("overrides", nargs="*", metavar="key value", help="options of the recipe")
    parser.add_argument("--least", type=float, default=5.0, help="vehicles expected (default 5)")
    parser.add_argument("--out", type=Path, required=True, help="the .json to write")
    args = parser.parse_intermixed_args(argv)
    main(args.config, args.overrides, out=args.out, least=args.least)


if __name__ == "__main__":
    sys.exit(run_command(command))
