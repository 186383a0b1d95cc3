"""What each ingredient brings: ``python -m scripts.ablate PLAN [key value …] [--seeds 0 1 2]``.

PLAN is a file of ``configs/ablations/``, see `scripts.ablation_plan`; ``key value`` pairs go over
its base. Every variant is trained once a seed into ``<output>/ablation/<plan>/<variant>-<seed>``
and measured on the test part by the recipe's protocol: one network, neither re-ranked nor fused.
Writes ``table.md``, ``results.json`` and ``bars.svg``.

Trainings that are finished are kept, a stopped one goes on, and the same command with more seeds
adds them. What fails is written down while the others go on; the exit code is 2 then.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from scripts.ablation import Failure, Outcome, headline_name
from scripts.ablation_plan import Ablation, read_ablation
from scripts.ablation_table import Findings
from scripts.compare import count_parameters
from scripts.extract import Part, extract_run
from scripts.measure import RECORD, read_cost, run_measured
from scripts.plan import Plan
from scripts.scoreboard import known_identities
from scripts.sources import Identity, score
from scripts.stages import StageError
from vreid.errors import ConfigError, UserError, run_command
from vreid.files import write_json, write_text
from vreid.options import DataOptions
from vreid.protocol import PROTOCOLS
from vreid.runs import is_finished, open_run


def main(
    plan_file: Path,
    overrides: Sequence[str] = (),
    *,
    seeds: Sequence[int] = (),
    only: Sequence[str] = (),
    out: Path | None = None,
) -> Path:
    """Train and measure every variant of a plan with every seed, one after the other.

    Args:
        plan_file: The plan.
        overrides: ``key, value, …`` over the base of all variants.
        seeds: Instead of the plan's. Finished trainings of other seeds stay in the table.
        only: Variants to train, ``base`` among them; empty for all. The others are in the table
            where they are finished.
        out: Folder of the results; None for that of the trainings.

    Returns:
        The path of the table.

    Raises:
        ConfigError: When the plan or a name is wrong; nothing was trained then.
        StageError: At the end, when a training failed.
    """
    plan = read_ablation(plan_file, overrides, seeds=seeds)
    unknown = [name for name in only if name not in plan.configs]
    if unknown:
        names = ", ".join(plan.configs)
        raise ConfigError(f"{plan_file}: no variant {unknown[0]!r}; it has {names}")
    plan.write_recipes()
    work, target = _Work(plan), out or plan.folder
    for number, variant in enumerate(plan.configs, start=1):
        asked = plan.seeds if not only or variant in only else ()
        for seed in sorted({*asked, *finished_seeds(plan, variant)}):
            title = f"variant {number}/{len(plan.configs)} {variant} seed {seed}"
            if work.run(variant, seed, title):
                write(work.findings(), target)  # something to read while the others train
    if not work.outcomes:
        raise StageError(f"{plan_file}: nothing was measured; {_failed(work.failures)}")
    path = write(work.findings(), target)
    print(f"\n{path.read_text(encoding='utf-8')}\n{path}")
    if work.failures:
        raise StageError(f"{_failed(work.failures)}; the others are in {path}")
    return path


def finished_seeds(plan: Ablation, variant: str) -> list[int]:
    """Seeds a variant was trained with to the end, also those that are not asked for now.

    Trainings with other options than the plan's are none of its own.
    """
    found = []
    for run in plan.folder.glob(f"{variant}-*"):
        suffix = run.name.removeprefix(f"{variant}-")
        if suffix.isdecimal() and is_finished(run):
            try:
                open_run(run, plan.config(variant, int(suffix)))
            except ConfigError as error:
                print(f"left out: {error}")
            else:
                found.append(int(suffix))
    return found


def write(findings: Findings, target: Path) -> Path:
    """Write table, numbers and bars, and return the path of the table."""
    write_text(target / "bars.svg", findings.bars().decode())
    write_json(target / "results.json", findings.as_dict())
    return write_text(target / "table.md", findings.table())


class _Work:
    """Trainings one after the other, and what they came to."""

    def __init__(self, plan: Ablation) -> None:
        self.plan = plan
        self.protocol = PROTOCOLS[plan.target.test.protocol]
        self.outcomes: list[Outcome] = []
        self.failures: list[Failure] = []
        self._loaded: dict[DataOptions, list[Part]] = {}  # the runs share one test part

    def findings(self) -> Findings:
        """What is known so far."""
        return Findings(self.plan, tuple(self.outcomes), tuple(self.failures))

    def run(self, variant: str, seed: int, title: str) -> bool:
        """Train and measure; whether a new outcome came out of a new training."""
        run = self.plan.run_dir(variant, seed)
        was_finished = is_finished(run)
        try:
            print(f"{title}: {'finished before' if was_finished else 'training'}", flush=True)
            self._train(variant, seed)
            outcome = self._measure(variant, seed)
        except UserError as error:
            sentence = str(error)
        except Exception as error:  # one network's trouble must not end the work of a night
            sentence = f"{type(error).__name__}: {error}"
        else:
            self.outcomes.append(outcome)
            print(f"{title}: {_line(outcome)}", flush=True)
            return not was_finished
        self.failures.append(Failure(variant, seed, " ".join(sentence.split())))
        print(f"{title}: failed: {sentence}", flush=True)
        return False

    def _train(self, variant: str, seed: int) -> None:
        run = self.plan.run_dir(variant, seed)
        if is_finished(run):
            open_run(run, self.plan.config(variant, seed))  # sees that it is the same training
            return
        words = ["scripts.train", str(self.plan.recipe(variant)), "--member", run.name]
        sentence = run_measured(words, run / RECORD)
        if sentence:
            raise StageError(sentence)

    def _measure(self, variant: str, seed: int) -> Outcome:
        run = self.plan.run_dir(variant, seed)
        extract_run(run, self._loaded, data=self.plan.target_recipe, overrides=(), checkpoint="")
        return Outcome(
            variant=variant,
            seed=seed,
            scores=score(run, self._identities, self.protocol),
            parameters=count_parameters(run),
            cost=read_cost(run / RECORD),
        )

    @cached_property
    def _identities(self) -> dict[str, Identity]:
        return known_identities(Plan(self.plan.target_recipe, (), self.plan.target))


def _line(outcome: Outcome) -> str:
    name, scores = headline_name(outcome.scores), outcome.scores
    cost = "" if outcome.cost is None else f", {outcome.cost.cpu_seconds:.0f} CPU s"
    return f"{name} {100 * scores.headline:.2f}, rank-1 {100 * scores.rank(1):.2f}{cost}"


def _failed(failures: Sequence[Failure]) -> str:
    names = ", ".join(f"{one.variant}-{one.seed}" for one in failures)
    last = f" ({failures[-1].sentence})" if failures else ""
    return f"{len(failures)} trainings failed: {names or 'none'}{last}"


def _command() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ablate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("plan", type=Path, help="such as configs/ablations/toycity.yml")
    parser.add_argument("overrides", nargs="*", metavar="key value", help="options over the base")
    parser.add_argument("--seeds", nargs="+", type=int, default=[], help="instead of the plan's")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="train these alone")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of table, numbers and bars")
    parsed = parser.parse_intermixed_args()
    seeds, only = parsed.seeds, parsed.only
    main(parsed.plan, parsed.overrides, seeds=seeds, only=only, out=parsed.out)


if __name__ == "__main__":
    sys.exit(run_command(_command))
