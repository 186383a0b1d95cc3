"""What each stage of a chain brings: ``python -m scripts.chain_gains CONFIG [key value …]``.

For trained runs of a recipe with a chain, on data whose truth is known. Adds the stages one by one,
and turns each off in turn (with what depends on it: ``tracklets`` goes with ``spread``,
``branches`` with ``average``). Prints the gains in the headline and in rank-1 with their 95 %
intervals (paired bootstrap over queries), time and peak memory of each stage, and a sentence for
each that does not help. Writes ``<output>/<name>/gains/gains.json``, ``gains.md`` and
``waterfall.svg``; `scripts.report` shows them. Stages whose inputs are as before are not run again.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.chain_table import gains_table
from scripts.chain_variants import Variant, variants
from scripts.chosen import with_chosen
from scripts.graph.build import Graph, Row
from scripts.plan import Plan
from scripts.scoreboard import known_identities
from scripts.sources import Identity, score
from scripts.stages import Stage, run_stages, run_verb, stage_cost
from vreid.bootstrap import DRAWS, Gain, paired_gain
from vreid.cli import recipe_parser
from vreid.errors import ConfigError, UserError, run_command
from vreid.files import write_json, write_text
from vreid.options.chain_features import PredictedCameras
from vreid.protocol import PROTOCOLS, Protocol
from vreid.report.gains import ChainGains, StageGain
from vreid.report.waterfall import gains_waterfall
from vreid.scores import FloatsArray

UNCHANGED = "changes no score by itself"


@dataclass(frozen=True, eq=False)
class Point:
    """Per-query values (Q,) of one state of the chain: of the headline, and of rank-1."""

    ap: FloatsArray
    hits: FloatsArray

    @property
    def means(self) -> tuple[float, float]:
        """The headline and rank-1."""
        return float(np.nanmean(self.ap)), float(np.nanmean(self.hits))


def main(recipe: Path, overrides: Sequence[str] = (), *, draws: int = DRAWS, seed: int = 0) -> Path:
    """Make what is missing, print the tables and return the path of ``gains.json``.

    Args:
        recipe: A recipe with a chain.
        overrides: ``key, value, …`` over it.
        draws: Of the bootstrap, at least 1.
        seed: Of the bootstrap.

    Raises:
        ConfigError: When the recipe has no chain.
        DataError: When a run is not trained, or the identities are not known.
        StageError: When a stage fails.
    """
    plan = Plan.load(recipe, overrides)
    if draws < 1:
        raise ConfigError(f"--draws is {draws}; give at least 1")
    runs = [str(run) for run in plan.check_trained()]
    plan = with_chosen(plan)  # as `scripts.test`, which makes the same distances
    if not plan.config.chain:
        raise ConfigError(
            f"{recipe}: the recipe has no chain, whose stages could be added one by one; give it a"
            " chain, or see what its steps bring with python -m scripts.scoreboard"
        )
    run_verb(["scripts.extract", *runs, "--data", str(recipe), *overrides])
    if any(isinstance(one, PredictedCameras) for one in plan.config.chain):
        run_verb(["camera.predict", str(plan.run("camera")), "--data", str(recipe), *overrides])
    gains = _Work(plan, draws, seed).gains()
    folder = gains_file(plan).parent
    write_text(folder / "waterfall.svg", gains_waterfall(gains).decode())
    table = gains_table(gains, f"Stages of {plan.config.name}")
    print(f"\n{table}\n{write_text(folder / 'gains.md', table)}")
    return write_json(gains_file(plan), gains.as_dict())


def gains_file(plan: Plan) -> Path:
    """Where the numbers of a recipe are."""
    return plan.base / "gains" / "gains.json"


class _Work:
    """Runs and scores the chain and its variants."""

    def __init__(self, plan: Plan, draws: int, seed: int) -> None:
        self.plan, self.draws, self.seed = plan, draws, seed
        self._known: Mapping[str, Identity] = known_identities(plan)
        self._protocol: Protocol = PROTOCOLS[plan.config.test.protocol]

    def gains(self) -> ChainGains:
        """Everything there is to know."""
        graph = self.plan.graph()
        print("".join(f"{note}\n" for note in graph.notes), end="")
        run_stages(graph.stages, measured=True)
        groups = _groups(graph.rows)
        run_stages(_needed(graph, [path for paths in groups.values() for path in paths]))
        points = {title: self._point(paths) for title, paths in groups.items()}
        whole = list(points.values())[-1]
        off = [self._off(one, whole) for one in variants(self.plan.config.chain)]
        first = score(next(iter(groups.values()))[0], self._known, self._protocol)
        return ChainGains(
            headline=next(iter(first.fractions())),
            protocol=str(first.protocol),
            num_query=int(np.count_nonzero(~np.isnan(whole.ap))),
            draws=self.draws,
            seed=self.seed,
            steps=tuple(self._steps(graph, points)),
            off=tuple(off),
        )

    def _steps(self, graph: Graph, points: Mapping[str, Point]) -> list[StageGain]:
        start, *_ = points
        before = points[start]
        plain = [one for one in graph.stages if not _belongs(one, graph)]
        found = [_with_cost(StageGain(start, *before.means), plain)]
        for title, stages in graph.parts.items():
            after = points.get(title)
            if after is None:
                row = StageGain(title, *before.means, note=UNCHANGED)
            else:
                row = StageGain(title, *after.means, *self._compare(after, before))
                before = after
            found.append(_with_cost(row, stages))
        return found

    def _off(self, variant: Variant, whole: Point) -> StageGain:
        if variant.reason:
            return StageGain(variant.title, None, None, note=variant.reason)
        print(f"without {variant.title}:", flush=True)
        try:
            graph = self.plan.graph(without=variant.places)
            paths = list(_groups(graph.rows).values())[-1]
            run_stages(_needed(graph, paths, made=graph.stages))
            point = self._point(paths)
        except UserError as error:
            reason = f"cannot be turned off: {' '.join(str(error).split())}"
            return StageGain(variant.title, None, None, note=reason)
        return StageGain(variant.title, *point.means, *self._compare(whole, point))

    def _compare(self, ours: Point, base: Point) -> tuple[Gain, Gain]:
        return (
            paired_gain(ours.ap, base.ap, draws=self.draws, seed=self.seed),
            paired_gain(ours.hits, base.hits, draws=self.draws, seed=self.seed),
        )

    def _point(self, paths: Sequence[Path]) -> Point:
        """The mean over the lines of a step."""
        scores = [score(path, self._known, self._protocol) for path in paths]
        return Point(
            np.mean([one.ap for one in scores], axis=0),
            np.mean([one.rank_1_hits() for one in scores], axis=0),
        )


def _groups(rows: Sequence[Row]) -> dict[str, list[Path]]:
    """Title of a step -> the distances of its lines, without their mean, which is the last."""
    found: dict[str, list[Path]] = {}
    for title, _, path in rows:
        found.setdefault(title, []).append(path)
    return {title: paths[:-1] if len(paths) > 1 else paths for title, paths in found.items()}


def _needed(graph: Graph, paths: Sequence[Path], made: Sequence[Stage] = ()) -> list[Stage]:
    """The stages that lead to some distances, out of those beyond the chain and of ``made``."""
    wanted = set(paths)
    found = []
    for one in reversed([*made, *graph.extra]):
        pair = {one.output, one.output.with_name("query.npz")}  # features are written as a pair
        if wanted & (pair if one.output.name == "gallery.npz" else {one.output}):
            wanted |= set(one.inputs)
            found.append(one)
    return found[::-1]


def _belongs(one: Stage, graph: Graph) -> bool:
    return any(one in stages for stages in graph.parts.values())


def _with_cost(row: StageGain, stages: Sequence[Stage]) -> StageGain:
    """The row with what its stages took together; without, where there are none to measure."""
    costs = [stage_cost(one) for one in stages]
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return row
    return replace(
        row,
        cpu_seconds=sum(cost.cpu_seconds for cost in known),
        wall_seconds=sum(cost.wall_seconds for cost in known),
        peak_bytes=max(cost.peak_bytes for cost in known),
    )


def _command() -> None:
    parser = recipe_parser("scripts.chain_gains", __doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"of the bootstrap ({DRAWS})")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (0)")
    parsed = parser.parse_intermixed_args()
    main(parsed.config, parsed.overrides, draws=parsed.draws, seed=parsed.seed)


if __name__ == "__main__":
    sys.exit(run_command(_command))
