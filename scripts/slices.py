"""Scores of a recipe's result by slices: ``python -m scripts.slices CONFIG [key value …]``.

For data whose truth is known: matches seen from the same or the opposite side, in one scene or
across scenes, by day or at night; queries by their size; vehicles with a look-alike. What is not
known of the images is left out with a sentence, see `scripts.traits`. ``--dist`` scores another
distance of the recipe than its result. Writes ``<output>/<name>/slices.json``, which
`scripts.report` shows.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.plan import Plan
from scripts.scoreboard import known_identities
from scripts.sources import load_distance
from scripts.traits import read_traits
from vreid.bootstrap import DRAWS
from vreid.cli import recipe_parser
from vreid.errors import ConfigError, run_command
from vreid.files import write_json
from vreid.protocol import PROTOCOLS
from vreid.relevance import Relevance
from vreid.report.content import SliceRow, SliceTable
from vreid.slices import Slice, score_slices


def main(recipe: Path, overrides: Sequence[str] = (), *, dist: Path | None = None) -> Path:
    """Score the slices, print the table and return the path of ``slices.json``.

    Args:
        recipe: The recipe.
        overrides: ``key, value, …`` over it.
        dist: A distance between the recipe's queries and gallery; None for the result.

    Raises:
        ConfigError: When the recipe's protocol scores tracklets.
        DataError: When the distance is missing, is of other images, or identities are not known.
    """
    plan = Plan.load(recipe, overrides)
    protocol = PROTOCOLS[plan.config.test.protocol]
    if protocol.unit == "tracklet":
        raise ConfigError(
            f"the protocol {protocol.name} pools features over tracklets, which a distance knows"
            " nothing of; slices are of images"
        )
    source = dist or plan.result()
    mat, pids, camids = load_distance(source, known_identities(plan))
    mat = mat.query_gallery()
    known, queries = read_traits(plan, mat.rows, mat.cols), len(mat.rows)
    end = queries + len(mat.cols)
    relevance = Relevance(
        pids[:queries], pids[queries:end], camids[:queries], camids[queries:end], protocol
    )
    found = score_slices(
        mat.dist, relevance, query=known.query, gallery=known.gallery, draws=DRAWS, seed=0
    )
    columns = tuple(name for name in found[0].scores.fractions() if name != "mINP")
    rows = tuple(_row(one, columns) for one in found)
    table = SliceTable(str(source), str(found[0].scores.protocol), columns, rows, known.notes)
    print(table_text(table))
    return write_json(slices_file(plan), asdict(table))


def slices_file(plan: Plan) -> Path:
    """Where the slices of a recipe are."""
    return plan.base / "slices.json"


def table_text(table: SliceTable) -> str:
    """The table for a terminal, in per cent, with protocol and notes."""
    names = table.columns
    width = max(len(row.name) for row in table.rows) + 2
    head = [f"{'queries':>8}", f"{'pairs':>8}", *(f"{name:>8}" for name in names)]
    lines = [" ".join([" " * width, *head]) + f"   95 % interval of {names[0]}"]
    trait = ""
    for row in table.rows:
        if row.trait != trait:
            lines.append(row.trait)
            trait = row.trait
        cells = [f"{row.num_query:8d}", f"{row.num_pairs:8d}"]
        cells += [f"{100 * row.scores[name]:8.2f}" for name in names]
        ends = f"[{100 * row.interval.low:.2f}, {100 * row.interval.high:.2f}]"
        lines.append(" ".join([f"{'  ' + row.name:{width}}", *cells]) + f"   {ends}")
    lines += [f"per cent; {table.source}; {table.protocol}"]
    lines += [f"Intervals by the bootstrap over the queries of a slice, {DRAWS:,} draws."]
    return "\n".join([*lines, *table.notes])


def _row(one: Slice, columns: Sequence[str]) -> SliceRow:
    fractions = one.scores.fractions()
    return SliceRow(
        trait=one.trait,
        name=one.name,
        num_query=one.scores.num_query - one.scores.num_skipped,
        num_pairs=one.num_pairs,
        scores={name: fractions[name] for name in columns},
        interval=one.interval,
    )


def _command() -> None:
    parser = recipe_parser("scripts.slices", __doc__)
    parser.add_argument("--dist", type=Path, help="another distance of the recipe (.npy)")
    parsed = parser.parse_intermixed_args()
    main(parsed.config, parsed.overrides, dist=parsed.dist)


if __name__ == "__main__":
    sys.exit(run_command(_command))
