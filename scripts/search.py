"""Choose a chain's numbers on held-out vehicles: ``python -m scripts.search CONFIG [key value …]``.

Re-ranking's k1, k2 and lambda, the classifiers' and the members' weights and the other numbers in
`vreid.options.chain_grid` are searched on vehicles cut from the *training* set that no member has
trained on, never on the test set. The choice is made on one half of them and checked on the other;
the recipe's own numbers are kept unless the gain there is above 0 by its 95 % interval (paired
bootstrap over vehicles, the queries of one together). Writes ``<output>/<name>/chosen.yml``, which
`scripts.test` then uses. Stages are never added, taken away or moved.

The best checkpoint of each member was chosen on the same vehicles: their scores are a little above
those of vehicles that were never looked at, for the recipe's numbers and the chosen ones alike.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from scripts.chosen import write_chosen
from scripts.folds import ENOUGH, SPLITS, Fold, Part, fit_fold, gain_of, halves
from scripts.graph.memory import plain_chain
from scripts.plan import Plan
from scripts.validation import Validation, load_validation
from vreid.bootstrap import DRAWS, Gain
from vreid.cli import recipe_parser
from vreid.coordinate import Point
from vreid.errors import ConfigError, run_command
from vreid.options.chain_grid import Knob, find_knobs, with_values
from vreid.protocol import PROTOCOLS
from vreid.provenance import revision

MIB = 1 << 20


def main(
    recipe: Path,
    overrides: Sequence[str] = (),
    *,
    seed: int = 0,
    queries: int = 1,
    splits: int = 0,
    rounds: int = 3,
) -> Path:
    """Search, check, and return the path of ``chosen.yml``.

    Args:
        recipe: A recipe whose runs are trained.
        overrides: ``key, value, …`` over it.
        seed: Of the halves and of the bootstrap.
        queries: Most query images of a validation vehicle, at least 1. Each costs the gallery the
            tracklet that it is taken from: more queries make it unlike a test set's.
        splits: How often the vehicles are halved. 1: searched on one half, checked on the other.
            More: each split is used both ways round, and the numbers are then searched on all
            vehicles. 0: one where a half has 40 vehicles, else 5.
        rounds: Most times that all numbers are gone through, at least 1.

    Raises:
        ConfigError: For options out of range, and when there is nothing to search for.
        DataError: When a run is not trained, or there are too few vehicles.
    """
    if queries < 1 or rounds < 1 or splits < 0:
        raise ConfigError(
            f"--queries {queries}, --rounds {rounds}, --splits {splits}: at least 1, 1 and 0 needed"
        )
    plan = Plan.load(recipe, overrides)
    protocol = PROTOCOLS[plan.config.test.protocol]
    if protocol.unit == "tracklet":
        raise ConfigError(f"the protocol {protocol.name} scores tracklets, a chain gives images")
    plan.check_trained()
    chain = plain_chain(plan.config)
    knobs = find_knobs(chain, plan.members)
    if not knobs:
        raise ConfigError(f"{recipe}: the chain has no numbers to search for")
    data = load_validation(plan, queries=queries)
    pids = data.first[0].pids
    with tqdm(desc="search", unit="chain", disable=None, leave=False) as bar:
        whole = Part("all", data, chain, knobs, protocol.as_given(), bar.update)
        print(f"validation: {whole.describe()}; {len(knobs)} numbers to search for")
        print(_describe_memory(data, len(chain)))
        splits = splits or (1 if len(np.unique(pids)) >= 2 * ENOUGH else SPLITS)
        start = tuple(knob.default for knob in knobs)
        folds = _folds(whole, start, seed=seed, splits=splits, rounds=rounds)
        gain = gain_of(folds, seed=seed)
        point = folds[0].point if splits == 1 else whole.search(start, rounds=rounds).point
    return _report(plan, whole, folds, gain, point, seed=seed, queries=queries)


def _folds(whole: Part, start: Point, *, seed: int, splits: int, rounds: int) -> list[Fold]:
    pids = whole.data.first[0].pids
    folds = []
    for number in range(splits):
        first, second = halves(pids, seed=seed, number=number)
        a, b = whole.of_vehicles("A", first), whole.of_vehicles("B", second)
        for ours, other in [(a, b)] if splits == 1 else [(a, b), (b, a)]:
            title = f"split {number + 1}, {ours.name} to {other.name}"
            fold = fit_fold(title, ours, other, start, rounds=rounds)
            print(f"{title}: searched on {ours.describe()}, checked on {other.describe()}")
            print(f"  recipe's and found: {_pair(fold.searched)} there, {_pair(fold.checked)} here")
            folds.append(fold)
    return folds


def _report(
    plan: Plan,
    whole: Part,
    folds: Sequence[Fold],
    gain: Gain,
    point: Point,
    *,
    seed: int,
    queries: int,
) -> Path:
    """Print the table and write the file."""
    default = tuple(knob.default for knob in whole.knobs)
    sure = gain.low > 0 and point != default
    searched = _mean_of([fold.searched for fold in folds])
    checked = _mean_of([fold.checked for fold in folds])
    rows = [
        f"{'':24}{'recipe':>9}{'found':>9}   gain",
        f"{'halves searched':24}{_cells(searched)}   {100 * (searched[1] - searched[0]):+.2f}",
        f"{'halves checked':24}{_cells(checked)}   {gain}",
    ]
    print("\n".join(["", *rows]))
    print(
        f"per cent, the mean over vehicles on the halves checked; {whole.protocol}; [95 % interval"
        f" of {DRAWS} paired draws of vehicles]"
    )
    for knob, value in zip(whole.knobs, point, strict=True):
        print(f"  {knob.title:40}{knob.default:>8g} -> {value:g}")
    if sure:
        print("taken: the gain on vehicles that had no part in the choice is above 0")
    else:
        print("kept: the recipe's own numbers, since no gain above 0 is sure")
    used = point if sure else default
    record = _record(whole, folds, gain, point, sure=sure)
    record |= {"seed": seed, "queries a vehicle": queries}
    path = write_chosen(plan, with_values(whole.chain, whole.knobs, used), record)
    print(f"wrote {path}")
    return path


def _record(
    whole: Part, folds: Sequence[Fold], gain: Gain, point: Point, *, sure: bool
) -> dict[str, Any]:
    """How the numbers were found, for the file."""
    found = {
        knob.title: {"recipe": knob.default, "chosen": value}
        for knob, value in zip(whole.knobs, point, strict=True)
        if value != knob.default
    }
    return {
        "kept": "chosen" if sure else "recipe",
        "changed": found if sure else {},
        "found": found,
        "protocol": str(whole.protocol),
        "gain": {"mean": gain.mean, "low": gain.low, "high": gain.high, "draws": DRAWS},
        "folds": [
            {
                "title": fold.title,
                "searched": list(fold.searched),
                "checked": list(fold.checked),
                "found": _named(whole.knobs, fold.point),
            }
            for fold in folds
        ],
        "validation": whole.describe(),
        "revision": revision(),
    }


def _named(knobs: Sequence[Knob], point: Point) -> dict[str, float]:
    return {knob.title: value for knob, value in zip(knobs, point, strict=True)}


def _describe_memory(data: Validation, num_stages: int) -> str:
    pairs = [*data.members.values(), *data.classifiers.values()]
    size = sum(part.feats.nbytes for pair in pairs for part in pair)
    query, gallery = data.first
    dist = 4 * len(query) * len(gallery) * len(data.members)
    most = (size + dist) * num_stages
    return f"features take {size / MIB:.1f} MiB, a search up to {most / MIB:.1f} MiB beside them"


def _mean_of(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    first, second = np.mean(pairs, axis=0)
    return float(first), float(second)


def _pair(scores: tuple[float, float]) -> str:
    return " -> ".join(f"{100 * score:.2f}" for score in scores)


def _cells(scores: tuple[float, float]) -> str:
    return "".join(f"{100 * score:9.2f}" for score in scores)


def _command() -> None:
    parser = recipe_parser("scripts.search", __doc__)
    parser.add_argument("--seed", type=int, default=0, help="of halves and bootstrap (0)")
    parser.add_argument("--queries", type=int, default=1, help="most queries of a vehicle (1)")
    parser.add_argument(
        "--splits", type=int, default=0, help="how often vehicles are halved (1, or 5 if few)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="most rounds over all numbers (3)")
    parsed = parser.parse_intermixed_args()
    main(
        parsed.config,
        parsed.overrides,
        seed=parsed.seed,
        queries=parsed.queries,
        splits=parsed.splits,
        rounds=parsed.rounds,
    )


if __name__ == "__main__":
    sys.exit(run_command(_command))
