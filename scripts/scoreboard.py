"""Score every step of a recipe: ``python -m scripts.scoreboard CONFIG [key value …]``.

For data whose truth is known: what training, fusing, re-ranking and the ensemble each bring; for a
recipe with a chain, each of its stages, with the gain over the row of that name before. Writes
``<output>/<name>/scores.json``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.evaluate import Result, heading, protocol_lines, row
from scripts.plan import Plan
from scripts.sources import identities, score
from scripts.stages import run_stages, run_verb
from vreid.build_data import build_split
from vreid.cli import run_recipe
from vreid.data.truth import read_truth
from vreid.files import write_json
from vreid.protocol import PROTOCOLS

Row = tuple[str, Result]  # group, result


def main(recipe: Path, overrides: Sequence[str] = ()) -> Path:
    """Make what is missing, print the table and return the path of ``scores.json``.

    Raises:
        DataError: When a run is not trained, or the identities are not known.
    """
    plan = Plan.load(recipe, overrides)
    plan.check_trained()
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
        gains: Whether to add how far the first score is above that of the label's row before.
    """
    width = max(len(one.label) for _, one in rows) + 2
    print("\n" + heading(rows[0][1], width) + ("     gain" if gains else ""))
    shown = ""
    before: dict[str, float] = {}
    for group, one in rows:
        if group != shown:
            print(group)
            shown = group
        score = next(iter(one.scores.fractions().values()))
        gain = f" {100 * (score - before[one.label]):+8.2f}" if one.label in before else ""
        before[one.label] = score
        print(row(one, width, indent="  ") + (gain if gains else ""))
    print(f"per cent; {protocol}\n")


if __name__ == "__main__":
    sys.exit(run_recipe("scripts.scoreboard", __doc__, main))
