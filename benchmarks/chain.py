"""The challenge chain after extraction, stage by stage: ``python -m benchmarks.chain``.

Features of three members and of both classifiers are made in CityFlowV2's size (see
`benchmarks.chain_made`); then recipes run as `scripts.test` runs them: every stage is a command of
its own, up to the checked ``track2.txt``. Each command's wall time, CPU time and peak memory are
the kernel's own account of it (`scripts.measure`); hashing between the stages is told apart. The
limits are 6 GiB for any process and 3 minutes for a whole chain, on two cores. Files take up to
5 GiB in a temporary folder, which is removed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chain_made import (
    Scenery,
    make_scenery,
    write_classifier,
    write_images,
    write_lists,
    write_member,
)
from benchmarks.chain_tables import BETWEEN, Outcome, Row, make_report
from benchmarks.memory import peak_bytes, reset_peak
from benchmarks.reports import Report, command_line, markdown_table
from scripts.plan import Plan
from scripts.stages import Stage, run_stages, run_verb, stage, stage_cost
from scripts.test import write_names
from vreid.errors import run_command

RECIPES = ("aicity21", "aicity21-dmt", "aicity20")
FOLDER = Path(__file__).parents[1] / "configs" / "recipes"
NAME = "chain"  # of all recipes here, so that they share the features
WARM = 0.03  # scale of a first round that is not measured, for compiled code


def main(
    recipes: Sequence[str] = RECIPES,
    *,
    scale: float = 1.0,
    dim: int = 2048,
    rounds: int = 1,
    warm: bool = True,
    command: str = "python -m benchmarks.chain",
) -> Report:
    """Run recipes on made features and return the report.

    Args:
        recipes: Names in ``configs/recipes``.
        scale: Share of CityFlowV2's images.
        dim: Width of the features.
        rounds: How often each chain runs; the one of the least wall time counts.
        warm: Whether a small round of the first recipe goes before.
        command: The command line for the report.

    Raises:
        ConfigError: For a recipe or a scale that cannot be.
        StageError: When a stage fails.
    """
    if warm:
        _run_all(recipes[:1], make_scenery(min(scale, WARM)), dim=dim, rounds=1)
    scenery = make_scenery(scale)
    outcomes = _run_all(recipes, scenery, dim=dim, rounds=rounds)
    return make_report(outcomes, scenery, dim=dim, rounds=rounds, command=command)


def _run_all(
    recipes: Sequence[str], scenery: Scenery, *, dim: int, rounds: int
) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory(prefix="chain-") as name:
        folder = Path(name)
        plans = {recipe: load_plan(recipe, folder) for recipe in recipes}
        write_inputs(list(plans.values()), scenery, folder, dim=dim)
        outcomes = {}
        for recipe, plan in plans.items():
            found = [_run(recipe, plan, folder) for _ in range(rounds)]
            outcomes[recipe] = min(found, key=lambda outcome: outcome.wall)
        return outcomes


def load_plan(recipe: str, folder: Path) -> Plan:
    """A recipe whose features and results are in the folder."""
    words = ["name", NAME, "output", str(folder / "runs"), "data.root", str(folder / "data")]
    return Plan.load(FOLDER / f"{recipe}.yml", words)


def write_inputs(plans: Sequence[Plan], scenery: Scenery, folder: Path, *, dim: int) -> None:
    """Write all that extraction would leave, and the images."""
    members = dict.fromkeys(name for plan in plans for name in plan.members)
    for seed, name in enumerate(members):
        write_member(scenery, plans[0].run(name) / "features", dim=dim, seed=seed)
    labels = {"camera": scenery.camids, "orientation": scenery.angles}
    for name in dict.fromkeys(name for plan in plans for name in plan.classifiers):
        write_classifier(scenery, labels[name], plans[0].run(name) / "features", dim=dim)
    write_lists(scenery, folder)
    write_images(scenery, folder / "data")


def _run(recipe: str, plan: Plan, folder: Path) -> Outcome:
    made = plan.base / "distances"
    shutil.rmtree(made, ignore_errors=True)
    reset_peak()
    clock = Clock.now()
    stages = plan.stages()
    run_stages(stages, measured=True)
    last = submit_stages(plan, made)
    run_stages(last, measured=True)
    spent = clock.until(Clock.now())
    rows = [_row(recipe, one) for one in (*stages, *last)]
    wall = spent.wall - sum(row.wall for row in rows)
    cpu = spent.ours - sum(row.cpu for row in rows)
    rows.append(Row(recipe, BETWEEN, "scripts.test", wall, cpu, peak_bytes(), 0))
    tables = [str(folder / f"{part}.csv") for part in ("query", "gallery")]
    words = ["submissions.score", str(last[0].output), "--query", tables[0], "--gallery", tables[1]]
    run_verb(words)  # shows that the chain made sense
    disk = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    shutil.rmtree(made)
    return Outcome(rows, spent.wall, spent.ours, max(0.0, spent.machine - spent.ours), disk)


def submit_stages(plan: Plan, folder: Path) -> list[Stage]:
    """Writing and checking the submission; the lists of names are written now."""
    lists = [write_names(plan, part) for part in ("query", "gallery")]
    track2, sides = folder / "track2.txt", ["--queries", lists[0], "--gallery", lists[1]]
    inputs = [plan.result(), *lists]
    write = stage("submissions.write", plan.result(), *sides, inputs=inputs, output=track2)
    check = tuple(str(word) for word in ("submissions.check", track2, *sides))
    return [write, Stage(check, (track2, *lists), folder / "checked")]  # which is not written


def _row(recipe: str, one: Stage) -> Row:
    cost = stage_cost(one)
    assert cost is not None
    pair = [one.output, one.output.with_name("query.npz")]
    parts = pair if one.output.name == "gallery.npz" else pair[:1]
    size = sum(path.stat().st_size for path in parts if path.exists())
    costs = cost.wall_seconds, cost.cpu_seconds, cost.peak_bytes
    return Row(recipe, step_of(one), one.words[0], *costs, size)


def step_of(one: Stage) -> str:
    """The step that a command belongs to, from its file: ``a.3-rerank.npy`` is ``3-rerank``.

    >>> step_of(Stage((), (), Path("a.2-blend/gallery.npz")))
    '2-blend'
    """
    name = one.output.parent.name if one.output.name == "gallery.npz" else one.output.stem
    return name.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Clock:
    """Seconds of three clocks.

    Attributes:
        wall: On the wall.
        ours: CPU time of this process and of those that it waited for.
        machine: CPU time of everything on the machine; 0 where it is not told.
    """

    wall: float
    ours: float
    machine: float

    @classmethod
    def now(cls) -> "Clock":
        """Read them."""
        return cls(time.monotonic(), sum(os.times()[:4]), machine_seconds())

    def until(self, later: "Clock") -> "Clock":
        """What passed."""
        return Clock(later.wall - self.wall, later.ours - self.ours, later.machine - self.machine)


def machine_seconds(path: Path = Path("/proc/stat")) -> float:
    """CPU seconds of all processes since the machine started: all but idling and waiting."""
    try:
        counts = [int(word) for word in path.read_text(encoding="ascii").split("\n")[0].split()[1:]]
    except (OSError, ValueError):
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = counts[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chain", description=__doc__)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--scale", type=float, default=1.0, help="share of CityFlowV2 (1)")
    parser.add_argument("--dim", type=int, default=2048, help="width of the features (2048)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each chain (1)")
    parser.add_argument("--cold", action="store_true", help="no small round before")
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
    return parser.parse_args(arguments)


def command() -> None:
    """Run from the command line."""
    options = parse(sys.argv[1:])
    report = main(
        options.recipes,
        scale=options.scale,
        dim=options.dim,
        rounds=options.rounds,
        warm=not options.cold,
        command=command_line("benchmarks.chain", sys.argv[1:]),
    )
    for table in report.tables:
        print(f"\n{markdown_table(table)}")
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
