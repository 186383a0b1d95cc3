"""The table, the numbers and the bars of an ablation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.ablation import (
    RANK_1,
    Difference,
    Failure,
    Outcome,
    Row,
    Spread,
    headline_name,
    make_rows,
    protocol_of,
)
from scripts.ablation_plan import BASE, Ablation
from scripts.markdown import markdown_table
from vreid.errors import DataError
from vreid.report.bars import Bar, bar_chart

NONE = "–"
GAINS = {"on": "gained by adding it", "off": "lost by taking it away"}
SIGNS = {
    "on": "Gained is the score of the variant less that of the base of the same seed.",
    "off": "The base has all ingredients, each variant leaves one out. Lost is the score of the"
    " base less that of the variant of the same seed: what the ingredient brings.",
}
KINDS = {
    "interval": "[a, b]: 95 % t-interval of the mean of the paired differences. About one in twenty"
    " such intervals leaves out 0 by chance, though the ingredient has no effect.",
    "range": "(a to b): the differences of two seeds, too few for an interval.",
    "single": "(one seed): nothing is known of the spread.",
}


@dataclass(frozen=True)
class Findings:
    """All that an ablation found.

    Attributes:
        plan: What was asked.
        outcomes: Measured trainings, all by one protocol.
        failures: Trainings that failed.

    Raises:
        DataError: When there is no outcome, or they are of several protocols: no number is shown
            without its protocol.
    """

    plan: Ablation
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]

    def __post_init__(self) -> None:
        if not self.outcomes:
            raise DataError(f"{self.plan.path}: no training was measured; there is no table")
        protocol_of(self.outcomes)

    @property
    def protocol(self) -> str:
        """The line of the protocol."""
        return protocol_of(self.outcomes)

    @property
    def headline(self) -> str:
        """The name of the score that is compared."""
        return headline_name(self.outcomes[0].scores)

    def rows(self) -> list[Row]:
        """The variants that have outcomes."""
        return make_rows(self.outcomes, list(self.plan.configs), mode=self.plan.mode)

    def table(self) -> str:
        """The table in Markdown, its protocol line and its notes below."""
        rows = self.rows()
        kinds = {found.kind for row in rows for found in row.differences.values()}
        notes = [f"Per cent, mean ± standard deviation over seeds; {self.protocol}."]
        notes.append(
            f"Measured on the test part of {self.plan.target.data.root} with one network, neither"
            " re-ranked nor fused. CPU and wall seconds (median over seeds) and peak memory are"
            " those of the training's process; parameters include the classifier."
        )
        notes += [SIGNS[self.plan.mode], *(text for kind, text in KINDS.items() if kind in kinds)]
        lines = [f"# Ablation {self.plan.name}", "", self._grid(rows), "", *_spaced(notes)]
        lines += self._changes(rows)
        if self.failures:
            lines += ["", "Failed:", ""]
            lines += [f"- {one.variant}, seed {one.seed}: {one.sentence}" for one in self.failures]
        return "\n".join(lines) + "\n"

    def _grid(self, rows: Sequence[Row]) -> str:
        names = (self.headline, RANK_1)
        word = GAINS[self.plan.mode].split()[0]
        head = ["variant", "seeds", *names, *(f"{name} {word}" for name in names)]
        head += ["CPU s", "wall s", "peak MiB", "parameters"]
        return markdown_table(head, [_cells(row, names) for row in rows])

    def _changes(self, rows: Sequence[Row]) -> list[str]:
        lines = ["", f"Base: {self.plan.recipe(BASE)}. The variants set:", ""]
        shown = [row.variant for row in rows if row.variant != BASE]
        lines += [f"- {name}: {', '.join(self.plan.given[name])}" for name in shown]
        known = {*shown, BASE, *(one.variant for one in self.failures)}
        left = [name for name in self.plan.configs if name not in known]
        return [*lines, "", f"Not trained: {', '.join(left)}."] if left else lines

    def as_dict(self) -> dict[str, Any]:
        """For JSON; scores are fractions."""
        return {
            "plan": self.plan.name,
            "mode": self.plan.mode,
            "protocol": self.protocol,
            "unit": "fractions",
            "headline": self.headline,
            "rows": [
                {
                    "variant": row.variant,
                    "options": list(self.plan.given.get(row.variant, ())),
                    "scores": {key: vars(value) for key, value in row.scores.items()},
                    "differences": {key: vars(value) for key, value in row.differences.items()},
                }
                for row in self.rows()
            ],
            "outcomes": [one.as_dict() for one in self.outcomes],
            "failures": [vars(one) for one in self.failures],
        }

    def bars(self) -> bytes:
        """Bars of the differences in the headline; of the headline itself while there are none."""
        rows, name = self.rows(), self.headline
        failed = {one.variant for one in self.failures} - {row.variant for row in rows}
        notes = [Bar(variant, math.nan, note="failed") for variant in failed]
        if any(row.differences for row in rows):
            bars = [_gain_bar(row, row.differences[name]) for row in rows if row.differences]
            label = f"{GAINS[self.plan.mode]}: {name} (points)\n"
            label += "dots: seeds; whiskers: 95 % t-interval of their mean"
        else:
            bars = [_score_bar(row, row.scores[name]) for row in rows]
            label = f"{name} (%)\ndots: seeds; whiskers: standard deviation"
        order = {variant: idx for idx, variant in enumerate(self.plan.configs)}
        bars = sorted([*bars, *notes], key=lambda one: order[one.label])
        return bar_chart(bars, xlabel=f"{label}\n{self.protocol.split(';')[0]}")


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    cpu, wall, peak = (row.cost(key) for key in ("cpu_seconds", "wall_seconds", "peak_bytes"))
    return [
        row.variant,
        " ".join(str(one.seed) for one in row.outcomes),
        *(_spread(row.scores[name]) for name in names),
        *(_difference(row.differences.get(name)) for name in names),
        NONE if cpu is None else f"{cpu:.0f}",
        NONE if wall is None else f"{wall:.0f}",
        NONE if peak is None else f"{peak / 2**20:.0f}",
        f"{row.outcomes[0].parameters:,}",
    ]


def _spread(found: Spread) -> str:
    std = "" if found.std is None else f" ± {100 * found.std:.2f}"
    return f"{100 * found.mean:.2f}{std}"


def _difference(found: Difference | None) -> str:
    if found is None:
        return NONE
    low, high = f"{100 * found.low:+.2f}", f"{100 * found.high:+.2f}"
    ends = {"interval": f"[{low}, {high}]", "range": f"({low} to {high})", "single": "(one seed)"}
    return f"{100 * found.mean:+.2f} {ends[found.kind]}"


def _gain_bar(row: Row, found: Difference) -> Bar:
    has_ends = found.kind == "interval"
    return Bar(
        label=row.variant,
        value=100 * found.mean,
        low=100 * found.low if has_ends else None,
        high=100 * found.high if has_ends else None,
        dots=[100 * value for value in found.by_seed.values()],
        note=f"{100 * found.mean:+.1f}".replace("-", "−"),
    )


def _score_bar(row: Row, found: Spread) -> Bar:
    std = found.std or 0.0
    return Bar(
        label=row.variant,
        value=100 * found.mean,
        low=None if found.std is None else 100 * (found.mean - std),
        high=None if found.std is None else 100 * (found.mean + std),
        dots=[100 * one.scores.headline for one in row.outcomes],
        note=f"{100 * found.mean:.1f}",
    )


def _spaced(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs with an empty line between them."""
    return "\n\n".join(paragraphs).splitlines()
