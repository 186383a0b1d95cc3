"""Compare finished runs by their validation: ``python -m scripts.compare RUN … [--out DIR]``.

Prints a table of the runs, and writes it with a bar chart to DIR where one is given. Each run gets
a ``training_log.csv``: by epoch, the mean training loss of the logged steps, the last learning rate
and the validation scores. It has no validation loss: the vehicles of the validation are none of the
classes that were trained, so that a classification loss is not defined for them.
"""

import argparse
import csv
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.extract import untrained
from scripts.markdown import markdown_table
from scripts.measure import RECORD, read_cost
from vreid.config import load_config
from vreid.errors import DataError, run_command
from vreid.files import write_text
from vreid.options import Config
from vreid.report.bars import Bar, bar_chart
from vreid.report.metrics_log import Line, columns, read_metrics_log
from vreid.report.training import TOTAL, is_fraction, print_name
from vreid.runs import finished_facts, is_finished, read_metrics

NOT_SCORES = ("epoch", "step")


@dataclass(frozen=True)
class RunFacts:
    """One finished run.

    Attributes:
        path: Its directory.
        config: Its options.
        parameters: Of the whole network, the classifier included.
        epochs: Trained.
        best_epoch: After which the best validation was; 0 when there was none.
        scores: Fractions of the best validation by their name in the log.
        protocol: The line of that validation; empty when there was none.
        seconds: Time on the clock; None where it is not known.
    """

    path: Path
    config: Config
    parameters: int
    epochs: int
    best_epoch: int
    scores: dict[str, float]
    protocol: str
    seconds: float | None


def main(runs: Sequence[Path], *, out: Path | None = None) -> Path | None:
    """Print the table of some runs, and write their training logs.

    Args:
        runs: Run directories.
        out: Folder for ``table.md`` and ``bars.svg``.

    Returns:
        The path of ``table.md``, if it was written.

    Raises:
        DataError: For a run that is not finished, or when validations followed several protocols
            or data sets: their scores cannot stand in one table.
    """
    facts = [read_run(run) for run in runs]
    text = table(facts)
    print(text, end="")
    for run in runs:
        print(f"{write_text(run / 'training_log.csv', training_log(run))}")
    if out is None:
        return None
    drawn = [one for one in facts if one.scores]
    if drawn:
        first = next(iter(drawn[0].scores))
        bars = [_bar(one, first) for one in drawn]
        label = f"best validation {print_name(first)} (%), one run each"
        svg = bar_chart(bars, xlabel=f"{label}\n{drawn[0].protocol.split(';')[0]}")
        write_text(out / "bars.svg", svg.decode())
    return write_text(out / "table.md", text)


def read_run(run: Path) -> RunFacts:
    """The facts of a finished run.

    Raises:
        DataError: When it is not finished.
    """
    if not is_finished(run):
        raise DataError(f"{run}: no finished run here (finished.json is missing); train it first")
    config, facts = load_config(run / "config.yml"), finished_facts(run)
    best_epoch = int(facts.get("best_epoch") or 0)
    lines = read_metrics(run / "metrics.jsonl")
    evals = [line for line in lines if line.get("kind") == "eval"]
    best: dict[str, Any] = next((line for line in evals if line["epoch"] == best_epoch), {})
    scores = {key: float(best[key]) for key in best if is_fraction(key)}
    if scores and not best.get("protocol"):
        raise DataError(
            f"{run}/metrics.jsonl: the validation after epoch {best_epoch} has no protocol"
        )
    return RunFacts(
        path=run,
        config=config,
        parameters=count_parameters(run),
        epochs=int(facts.get("epochs", config.solver.max_epochs)),
        best_epoch=best_epoch,
        scores=scores,
        protocol=str(best.get("protocol", "")),
        seconds=_seconds(run, facts),
    )


def count_parameters(run: Path) -> int:
    """Parameters of a run's network, the classifier included."""
    config = load_config(run / "config.yml", ["device", "cpu"])
    model = untrained(config, run / "best.pt")
    return sum(parameter.numel() for parameter in model.parameters())


def table(facts: Sequence[RunFacts]) -> str:
    """The runs in Markdown, their scores in per cent, with the protocol line below.

    Raises:
        DataError: When their validations cannot be compared.
    """
    protocols = {one.protocol: one.path for one in facts if one.protocol}
    if len(protocols) > 1:
        found = "; ".join(f"{path}: {line}" for line, path in protocols.items())
        raise DataError(f"runs that were validated differently cannot be compared ({found})")
    names = list(dict.fromkeys(key for one in facts for key in one.scores))
    head = ["run", "backbone", "attention", "parameters", "epochs", "best epoch"]
    head += [*(print_name(name) for name in names), "seconds"]
    rows = [
        [
            str(one.path),
            one.config.model.backbone + ("-IBN-a" if one.config.model.ibn else ""),
            one.config.model.attention,
            f"{one.parameters:,}",
            str(one.epochs),
            str(one.best_epoch or "–"),
            *(f"{100 * one.scores[name]:.2f}" if name in one.scores else "–" for name in names),
            "–" if one.seconds is None else f"{one.seconds:.0f}",
        ]
        for one in facts
    ]
    notes = [f"Per cent, best validation of one run each; {line}." for line in protocols] or [
        "No validation."
    ]
    notes.append("Seconds are those on the clock; parameters include the classifier.")
    return "\n\n".join([markdown_table(head, rows), *notes]) + "\n"


def training_log(run: Path) -> str:
    """The training by epoch as CSV: ``epoch,train_loss,learning_rate`` and the validation scores.

    - Epochs without a validation have empty cells there.
    - Losses that are not finite are left out of the mean.
    """
    log = read_metrics_log(run / "metrics.jsonl")
    scores = [key for key in columns(log.evals) if key not in NOT_SCORES]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["epoch", "train_loss", "learning_rate", *scores])
    validations = {line["epoch"]: line for line in log.evals}
    for epoch in sorted({line["epoch"] for line in (*log.train, *log.evals)}):
        steps = [line for line in log.train if line["epoch"] == epoch]
        found = validations.get(epoch, {})
        rate = steps[-1].get("lr", "") if steps else ""
        writer.writerow(
            [int(epoch), _mean_loss(steps), rate, *(found.get(key, "") for key in scores)]
        )
    return stream.getvalue()


def _mean_loss(steps: Sequence[Line]) -> float | str:
    losses = [line[TOTAL] for line in steps if math.isfinite(line.get(TOTAL, math.nan))]
    return round(fmean(losses), 6) if losses else ""


def _seconds(run: Path, facts: dict[str, Any]) -> float | None:
    """Of all starts where they were measured, else what the run itself noted of its last one."""
    cost = read_cost(run / RECORD)
    noted = facts.get("seconds_of_last_start")
    if cost is not None:
        return cost.wall_seconds
    return None if noted is None else float(noted)


def _bar(one: RunFacts, key: str) -> Bar:
    value = 100 * one.scores.get(key, math.nan)
    return Bar(one.path.name, value, note=f"{value:.1f}")


def _command() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run directory")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where table and bars are written")
    parsed = parser.parse_args()
    main(parsed.runs, out=parsed.out)


if __name__ == "__main__":
    sys.exit(run_command(_command))
