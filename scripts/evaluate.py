"""Score runs or distances: ``python -m scripts.evaluate RUN|DIST.npy … [--protocol market]``.

Identities come from the features of a run, from ``--data CONFIG``, or from ``--query`` and
``--gallery``: CSV tables ``name,vehicle_id,camera_id`` such as a data set's truth. ``--metric`` may
be given several times and compares distances between features; ``--pairs`` adds how well one
threshold for all queries tells vehicles apart.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from scripts.sources import Identity, identities, score, score_all_pairs
from vreid.build_data import build_split
from vreid.cli import split_words
from vreid.config import load_config
from vreid.data.truth import read_truth
from vreid.distance import Metric
from vreid.errors import run_command
from vreid.files import write_json
from vreid.pairs import PairScores
from vreid.protocol import PROTOCOLS, Protocol
from vreid.scores import Scores

SPREAD = "± of the draws"


@dataclass(frozen=True)
class Result:
    """The scores of one source, and those of its pairs where they were asked for."""

    label: str
    scores: Scores
    pairs: PairScores | None = None


def main(
    sources: Sequence[Path],
    *,
    protocol: Protocol,
    query: Path | None = None,
    gallery: Path | None = None,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    metrics: Sequence[Metric] = ("sqeuclidean",),
    pairs: bool = False,
    out: Path | None = None,
) -> list[Result]:
    """Score each source and print one table with its protocol line.

    Args:
        sources: Run directories with features, or ``.npy`` distance files.
        protocol: How to score.
        query: Table of the queries' identities.
        gallery: Table of the gallery's identities.
        data: Recipe whose data set knows the identities.
        overrides: ``key, value, …`` over that recipe.
        metrics: Distances between the features of runs, a row each.
        pairs: Whether pairs are scored too.
        out: Where to write the numbers as JSON.

    Raises:
        DataError: When identities are missing.
    """
    known: dict[str, Identity] = {}
    if query is not None and gallery is not None:
        known = read_truth(query, gallery)
    elif data is not None:
        split = build_split(load_config(data, overrides).data)
        known = identities((*split.query, *split.gallery))
    results = []
    for source in sources:
        for metric in metrics if source.is_dir() else metrics[:1]:
            label = f"{source} {metric}" if source.is_dir() and len(metrics) > 1 else str(source)
            scores = score(source, known, protocol, metric=metric)
            found = score_all_pairs(source, known, protocol, metric=metric) if pairs else None
            results.append(Result(label, scores, found))
    print_table(results)
    if out is not None:
        rows = [as_row(one) for one in results]
        write_json(out, {"protocol": " | ".join(protocol_lines(results)), "results": rows})
    return results


def as_row(result: Result) -> dict[str, object]:
    """A result as a flat dictionary, its pairs below ``pairs``."""
    found = {} if result.pairs is None else {"pairs": result.pairs.as_dict()}
    return {"label": result.label, **result.scores.as_dict(), **found}


def print_table(results: Sequence[Result]) -> None:
    """One row a source in per cent, the spread over draws and the protocol below."""
    width = max(len(one.label) for one in results)
    width = max(width, len(SPREAD)) if any(one.scores.stds for one in results) else width
    print(heading(results[0], width))
    for one in results:
        print(row(one, width))
        if one.scores.stds:
            stds = [f"{100 * value:8.2f}" for value in one.scores.stds.values()]
            print(" ".join([f"{SPREAD:{width}}", *stds]))
    print("\n".join(f"per cent; {line}" for line in protocol_lines(results)))
    for one in results:
        if one.scores.num_skipped:
            print(f"{one.label}: {one.scores.num_skipped} queries without a match were skipped")
        if one.pairs is not None:
            print(f"{one.label}, pairs\n{one.pairs.table()}")


def protocol_lines(results: Sequence[Result]) -> list[str]:
    """The protocol of the results, or, where they differ, each with the sources it is of."""
    labels: dict[str, list[str]] = {}
    for one in results:
        labels.setdefault(str(one.scores.protocol), []).append(one.label)
    if len(labels) == 1:
        return list(labels)
    return [f"{', '.join(names)}: {line}" for line, names in labels.items()]


def heading(result: Result, width: int) -> str:
    """Names of the scores over their columns, behind labels of ``width`` characters."""
    return " ".join([" " * width, *(f"{name:>8}" for name in result.scores.fractions())])


def row(result: Result, width: int, *, indent: str = "") -> str:
    """A label and its scores in per cent."""
    cells = [f"{100 * value:8.2f}" for value in result.scores.fractions().values()]
    return " ".join([f"{indent + result.label:{width}}", *cells])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="RUN|DIST.npy … [key value …]")
    parser.add_argument("--protocol", choices=list(PROTOCOLS), default="market")
    parser.add_argument("--query", type=Path, help="CSV name,vehicle_id,camera_id of the queries")
    parser.add_argument("--gallery", type=Path, help="the same of the gallery")
    parser.add_argument("--data", type=Path, help="recipe whose data set knows the identities")
    parser.add_argument(
        "--metric",
        action="append",
        choices=get_args(Metric),
        help="distance between features (sqeuclidean); once more for another row",
    )
    parser.add_argument("--pairs", action="store_true", help="AUC and TPR@FPR of pairs too")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    return parser.parse_intermixed_args()


def _command() -> None:
    parsed = _parse()
    sources, pairs = split_words(
        parsed.words,
        lambda word: Path(word).is_dir() or word.endswith(".npy"),
        wanted="neither a run directory nor a distance file (.npy)",
    )
    main(
        sources,
        protocol=PROTOCOLS[parsed.protocol],
        query=parsed.query,
        gallery=parsed.gallery,
        data=parsed.data,
        overrides=pairs,
        metrics=parsed.metric or ("sqeuclidean",),
        pairs=parsed.pairs,
        out=parsed.out,
    )


if __name__ == "__main__":
    sys.exit(run_command(_command))
