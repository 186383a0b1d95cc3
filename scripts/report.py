"""The report page of a recipe: ``python -m scripts.report CONFIG [key value …]``.

Reads what train, test and scoreboard left, and chain_gains and slices where they were run, and
writes ``<output>/<name>/report/index.html``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.chain_gains import gains_file
from scripts.plan import Plan
from scripts.scoreboard import known_identities
from scripts.slices import slices_file
from scripts.test import OUT
from vreid.build_data import build_split
from vreid.cli import run_recipe
from vreid.distance import DistMat
from vreid.files import read_json
from vreid.protocol import PROTOCOLS
from vreid.provenance import library_versions, revision
from vreid.report import RankedLists, Report, ScoreRow, TrainingRun, write_report
from vreid.report.gains import ChainGains
from vreid.report.slices import slice_table


def main(recipe: Path, overrides: Sequence[str] = ()) -> Path:
    """Write the page and return its path.

    Raises:
        DataError: When an earlier stage has not run.
    """
    plan = Plan.load(recipe, overrides)
    board = read_json(plan.base / "scores.json")
    split = build_split(plan.config.data)
    gains, slices = gains_file(plan), slices_file(plan)
    track2 = OUT / plan.config.name / "track2.txt"
    contact = Path(plan.config.data.root) / "contact_sheet.jpg"
    report = Report(
        title=f"{plan.config.name}: vehicle re-identification report",
        subtitle="; ".join(
            f"{len(getattr(split, part))} {word}"
            for part, word in (
                ("train", "training images"),
                ("query", "queries"),
                ("gallery", "gallery images"),
            )
        ),
        protocol=board["protocol"],
        scores=[ScoreRow(row["label"], row["group"], row["scores"]) for row in board["rows"]],
        runs=[
            TrainingRun(name, plan.run(name) / "metrics.jsonl")
            for name in (*plan.members, *plan.classifiers)
        ],
        cmc={
            f"{row['label']}, {row['group']}": np.array(row["cmc"])
            for row in board["rows"]
            if row["group"] in ("untrained", "single member") or row["label"] == "ensemble"
        },
        ranked=RankedLists(
            dist=DistMat.load(plan.result()),
            images={sample.name: sample.path for sample in (*split.query, *split.gallery)},
            identities=known_identities(plan),
            protocol=PROTOCOLS[plan.config.test.protocol].as_given(),
        ),
        contact=contact if contact.exists() else None,
        gains=ChainGains.from_dict(read_json(gains), source=gains) if gains.exists() else None,
        slices=slice_table(read_json(slices), source=slices) if slices.exists() else None,
        facts=facts(plan),
        track2=track2 if track2.exists() else None,
    )
    page = write_report(plan.base / "report", report)
    print(f"report: {page}")
    return page


def facts(plan: Plan) -> list[tuple[str, str]]:
    """Command, revision, versions and where the hashes are."""
    command = " ".join(["./scripts/test.sh", str(plan.recipe), *plan.overrides])
    manifest = OUT / plan.config.name / "track2.manifest.json"
    found = [("command", command), ("revision", revision())]
    found += list(library_versions().items())
    if manifest.exists():
        found += [(name, digest) for name, digest in read_json(manifest)["inputs"].items()]
    return found


if __name__ == "__main__":
    sys.exit(run_recipe("scripts.report", __doc__, main))
