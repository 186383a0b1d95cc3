"""Score every step of a recipe: ``python -m scripts.scoreboard CONFIG [key value …]``.

For data whose truth is known: what training, fusing, re-ranking and the ensemble each bring; for a
recipe with a chain, each of its stages, with the gain over the row of that name before and its
95 % interval; `scripts.chain_gains` tells more. Writes ``<output>/<name>/scores.json``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.chosen import with_chosen
from scripts.evaluate import Result, heading, protocol_lines, row
from scripts.plan import Plan
from scripts.sources import identities, score
from scripts.stages import run_stages, run_verb
from vreid.bootstrap import DRAWS, paired_gain
from vreid.build_data import build_split
from vreid.cli import run_recipe
from vreid.data.truth import read_truth
from vreid.files import write_json
from vreid.protocol import PROTOCOLS
from vreid.scores import FloatsArray

Row = tuple[str, Result]  # group, result


def main(recipe: Path, overrides: Sequence[str] = ()) -> Path:
    """Make what is missing, print the table and return the path of ``scores.json``.

    Raises:
        DataError: When a run is not trained, or the identities are not known.
    """
    plan = Plan.load(recipe, overrides)
    plan.check_trained()
    plan = with_chosen(plan)  # as `scripts.test`, which made the distances
    members = [str(plan.run(name)) for name in plan.members]
    extra = ["--checkpoint", "untrained", *overrides]
    run_verb(["scripts.extract", *members, "--data", str(recipe), *extra])
    run_stages(plan.ablation())
    return write_scores(plan)


def write_scores(plan: Plan) -> Path:
    """Score what the plan's stages made, print the table and return the path of ``scores.json``."""
    known = known_identities(plan)
    protocol = PROTOCOLS[plan.config.test.protocol]
    rows = [
        (group, Result(label, score(dist, known, protocol)))
        for group, label, dist in plan.scoreboard()
    ]
    line = " | ".join(protocol_lines([one for _, one in rows]))
    print_rows(rows, line, gains=bool(plan.config.chain))
    return write_json(
        plan.base / "scores.json",
        {
            "protocol": line,
            "rows": [
                {
                    "group": group,
                    "label": one.label,
                    "scores": one.scores.fractions(),
                    "cmc": one.scores.cmc[:50].tolist(),
                }
                for group, one in rows
            ],
        },
    )


def known_identities(plan: Plan) -> dict[str, tuple[int, int]]:
    """Name -> (pid, camid) of queries and gallery, from the truth or from the data set itself."""
    if plan.config.test.truth:
        truth = Path(plan.config.test.truth)
        return read_truth(truth / "query.csv", truth / "gallery.csv")
    split = build_split(plan.config.data)
    return identities((*split.query, *split.gallery))


def print_rows(rows: Sequence[Row], protocol: str, *, gains: bool = False) -> None:
    """The table in per cent, grouped, with its protocol below.

    Args:
        rows: Groups with their results.
        protocol: How they were scored.
        gains: Whether to add how far the first score is above that of the label's row before, with
            its interval.
    """
    width = max(len(one.label) for _, one in rows) + 2
    title = f"{'gain':>9} [95 % interval]" if gains else ""
    print("\n" + heading(rows[0][1], width) + title)
    shown = ""
    before: dict[str, FloatsArray] = {}
    for group, one in rows:
        if group != shown:
            print(group)
            shown = group
        gain = ""
        if gains and one.label in before:
            gain = f"   {paired_gain(one.scores.ap, before[one.label])}"
        before[one.label] = one.scores.ap
        print(row(one, width, indent="  ") + gain)
    note = (
        f"; gains in points with the interval of a paired bootstrap over queries, {DRAWS:,} draws"
    )
    print(f"per cent; {protocol}{note if gains else ''}\n")


if __name__ == "__main__":
    sys.exit(run_recipe("scripts.scoreboard", __doc__, main))
