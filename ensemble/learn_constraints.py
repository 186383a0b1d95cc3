"""Cameras that never share a vehicle: ``python -m ensemble.learn_constraints CONFIG --out F``.

Counts the vehicles that each pair of cameras shares among the training images of a recipe's data
set. A pair counts as one that never does when it shares none although ``--least 5`` were to be
expected, had the cameras seen vehicles independently of each other.

With ``--times T.csv --travel S.csv`` it learns travel times too, between cameras that share
``--least`` vehicles or more: the shortest divided by ``--slack 1.5``, the longest times it.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vreid.build_data import build_split
from vreid.config import load_config
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import IntArray
from vreid.files import write_json
from vreid.shared_vehicles import count_shared
from vreid.travel import learn_travel, read_times, times_of, write_travel


def main(
    recipe: Path,
    overrides: Sequence[str] = (),
    *,
    out: Path,
    least: float = 5.0,
    times: Path | None = None,
    travel: Path | None = None,
    slack: float = 1.5,
) -> Path:
    """Write the pairs with their counts and return the file, which a chain's ``learnt`` may name.

    Args:
        recipe: Its data set is read.
        overrides: ``key, value, …`` over the recipe.
        out: The ``.json`` to write.
        least: See `vreid.shared_vehicles.Shared.never` and `vreid.travel.learn_travel`, > 0.
        times: A table ``name,time`` of training images; it goes with ``travel``.
        travel: The ``.csv`` to write, which a chain's ``travel`` may name.
        slack: See `vreid.travel.learn_travel`, >= 1.

    Raises:
        ConfigError: For ``least`` or ``slack`` out of range, one of ``times`` and ``travel`` only,
            and a recipe that cannot be used.
        DataError: When the data set is missing, or its training images have no cameras or times.
    """
    if least <= 0:
        raise ConfigError(f"least is {least}; expected a number of vehicles above 0")
    if not (1 <= slack < math.inf):
        raise ConfigError(f"slack is {slack}; expected a factor of 1 or more")
    if (times is None) != (travel is None):
        raise ConfigError("--times and --travel go together; give both or none")
    config = load_config(recipe, overrides)
    samples = build_split(config.data).train
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    camids = np.array([sample.camid for sample in samples], dtype=np.int64)
    try:
        shared = count_shared(pids, camids)
    except DataError as error:
        raise DataError(f"{config.data.root}: {error}") from None
    if times is not None and travel is not None:
        _learn_travel(samples, pids, camids, times, travel, least=least, slack=slack)
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


def _learn_travel(
    samples: Sequence[Sample],
    pids: IntArray,
    camids: IntArray,
    times: Path,
    travel: Path,
    *,
    least: float,
    slack: float,
) -> None:
    seconds = times_of([sample.name for sample in samples], read_times(times))
    try:
        learnt = learn_travel(pids, camids, seconds, least=least, slack=slack)
    except DataError as error:
        raise DataError(f"{times}: {error}; are its names those of the training images?") from None
    if not learnt:
        raise DataError(
            f"{times}: no two cameras saw {least:g} vehicles with times; take a smaller --least"
        )
    write_travel(travel, learnt)
    known = int(np.isfinite(seconds).sum())
    pairs = {frozenset((one.start, one.end)) for one in learnt}
    print(
        f"wrote {travel} (travel times between {len(pairs)} pairs of cameras, from {known} of"
        f" {len(samples)} images with a time)"
    )


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.learn_constraints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="a recipe, such as configs/recipes/toycity.yml")
    parser.add_argument("overrides", nargs="*", metavar="key value", help="options of the recipe")
    parser.add_argument("--least", type=float, default=5.0, help="vehicles (default 5)")
    parser.add_argument("--times", type=Path, help="a table name,time of images, in seconds")
    parser.add_argument("--travel", type=Path, help="the .csv of travel times to write")
    parser.add_argument("--slack", type=float, default=1.5, help="widens them (default 1.5)")
    parser.add_argument("--out", type=Path, required=True, help="the .json to write")
    args = parser.parse_intermixed_args(argv)
    main(
        args.config,
        args.overrides,
        out=args.out,
        least=args.least,
        times=args.times,
        travel=args.travel,
        slack=args.slack,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
