"""Evaluation against its peers: ``python -m benchmarks.evaluate [--sizes …] [--ways …]``.

For each size of a data set and each way of scoring it: seconds, extra memory and the mAP it found.
Each way first runs alone in a fresh process, which gives its memory; those that were quick enough
then take turns in one process, which gives the seconds. A way that needs more memory than there is,
by its own estimate, or more time than the limit, is left out with a sentence that says so.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.evaluators import (
    FROM_FEATURES,
    MEANING,
    OURS,
    PAIR_BYTES,
    PEER_MODULES,
    Found,
    build_ways,
)
from benchmarks.features_made import SIZES, Size, find_size
from benchmarks.harness import Measured, measure
from benchmarks.memory import gib
from benchmarks.reports import Report, Table, command_line, markdown_table
from vreid.errors import ConfigError, run_command

QUICK = 20.0  # seconds alone up to which a way takes turns with the others


@dataclass(frozen=True)
class Row:
    """One way at one size.

    Attributes:
        size, way: Names.
        num_query, num_gallery: Q and G.
        seconds: The best turn; None where it did not finish, and then ``note`` says why.
        turns: How often it was timed.
        ours: Seconds of `OURS` at this size.
        map, rank1: The scores it found, in [0, 1]; None where it does not compute them.
        peak, warmup, threads, note: See `benchmarks.harness.Measured`.
    """

    size: str
    way: str
    num_query: int
    num_gallery: int
    seconds: float | None
    turns: int
    ours: float | None
    map: float | None
    rank1: float | None
    peak: int
    warmup: float
    threads: int
    note: str


def main(
    sizes: Sequence[str],
    ways: Sequence[str],
    *,
    rounds: int = 5,
    limit: float = 600.0,
    dim: int = 2048,
    command: str = "python -m benchmarks.evaluate",
) -> Report:
    """Measure all ways at all sizes, print a line for each, and return the report.

    Raises:
        ConfigError: For a name that is not a size or not a way.
    """
    unknown = [way for way in ways if way not in MEANING]
    if unknown:
        raise ConfigError(f"no way named {unknown[0]!r}; the ways are {', '.join(MEANING)}")
    rows = []
    for size in [find_size(name) for name in sizes]:
        for row in run_size(size, ways, rounds=rounds, limit=limit, dim=dim):
            rows.append(row)
            print(describe(row), flush=True)
    return make_report(rows, command=command, dim=dim)


def run_size(size: Size, ways: Sequence[str], *, rounds: int, limit: float, dim: int) -> list[Row]:
    """Each way alone, then the quick ones in turns."""
    warm = find_size("600")
    with tempfile.TemporaryDirectory() as folder:
        alone: dict[str, Measured] = {}
        found: dict[str, Found] = {}
        for way in ways:
            result = Path(folder) / f"{way}.npy"
            alone[way] = _alone(size, way, warm=warm, limit=limit, dim=dim, keep=result)
            found[way] = np.load(result) if result.exists() else np.full(2, np.nan)
    seconds = {way: one.seconds[way] for way, one in alone.items() if not one.note}
    quick = tuple(way for way in seconds if seconds[way] <= QUICK)
    together = Measured()
    if quick and rounds > 1:
        together = measure(
            partial(build_ways, size, quick, dim),
            warm=partial(build_ways, warm, quick, dim),
            rounds=rounds,
            limit=limit + 2 * rounds * sum(seconds[way] for way in quick),
        )
    seconds |= together.seconds
    return [
        Row(
            size=size.name,
            way=way,
            num_query=size.num_query,
            num_gallery=size.num_gallery,
            seconds=seconds.get(way),
            turns=rounds if way in together.seconds else 1,
            ours=seconds.get(OURS),
            map=None if np.isnan(found[way][0]) else float(found[way][0]),
            rank1=None if np.isnan(found[way][1]) else float(found[way][1]),
            peak=one.peak,
            warmup=one.warmup,
            threads=one.threads,
            note=one.note,
        )
        for way, one in alone.items()
    ]


def _alone(size: Size, way: str, *, warm: Size, limit: float, dim: int, keep: Path) -> Measured:
    if way in PEER_MODULES and importlib.util.find_spec(PEER_MODULES[way]) is None:
        return Measured(note="not installed")
    num_pairs = size.num_query * size.num_gallery
    matrix = 0 if way in FROM_FEATURES else 4 * num_pairs
    return measure(
        partial(build_ways, size, (way,), dim),
        warm=partial(build_ways, warm, (way,), dim),
        needs=4 * size.num_all * dim + matrix + PAIR_BYTES.get(way, 0) * num_pairs,
        limit=limit,
        keep=keep,
    )


def describe(row: Row) -> str:
    """A row as a line for the terminal."""
    place = f"{row.size:17} {row.way:24}"
    if row.seconds is None:
        return f"{place} left out: {row.note}"
    scores = f"mAP {_per_cent(row.map)}  rank-1 {_per_cent(row.rank1)}"
    ratio = "" if row.ours is None else f"  x {row.seconds / row.ours:.1f}"
    return (
        f"{place} {row.seconds:9.3f} s{ratio:>9}  {gib(row.peak):>9}  {scores}"
        f"  first call {row.warmup:.1f} s"
    )


def make_report(rows: Sequence[Row], *, command: str, dim: int) -> Report:
    """The rows as a table."""
    lines = []
    for row in rows:
        name = f"{row.size} ({row.num_query:,} x {row.num_gallery:,})"
        if row.seconds is None:
            lines.append([name, row.way, "–", "–", row.note, "–", "–", "–"])
            continue
        ratio = "–" if row.ours is None else f"{row.seconds / row.ours:.1f}"
        scores = [_per_cent(row.map), _per_cent(row.rank1)]
        once = " (once)" if row.turns == 1 else ""
        times = [f"{row.seconds:.3f}{once}", ratio, gib(row.peak)]
        lines.append([name, row.way, *times, *scores, f"{row.warmup:.1f}"])
    head = ["size (Q x G)", "way", "s", f"x {OURS}", "extra memory", "mAP, %", "rank-1, %"]
    text = [
        f"Made features of {dim:,} dimensions in the sizes of the public data sets, scored by the"
        " rules of Market-1501. *Extra memory* is what the process grew by at its worst moment,"
        " without features and distance matrix where a way is given these. Seconds are the best of"
        " several turns in one process; ways that take too long for that ran once.",
        "\n".join(f"- `{way}`: {MEANING[way]}" for way in dict.fromkeys(row.way for row in rows)),
    ]
    return Report(
        name="evaluate",
        title="Evaluation",
        command=command,
        text=text,
        tables=[Table("Time and memory", [*head, "first call, s"], lines)],
        rows=[asdict(row) for row in rows],
    )


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate", description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), help="data sets, or images N")
    parser.add_argument("--ways", nargs="+", default=list(MEANING), help=", ".join(MEANING))
    parser.add_argument("--rounds", type=int, default=5, help="turns; the best counts")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds a way may take")
    parser.add_argument("--dim", type=int, default=2048, help="width of the features")
    parser.add_argument("--out", type=Path, help="write the report as JSON")
    return parser.parse_args(arguments)


def command() -> None:
    """Run from the command line."""
    options = parse(sys.argv[1:])
    report = main(
        options.sizes,
        options.ways,
        rounds=options.rounds,
        limit=options.limit,
        dim=options.dim,
        command=command_line("benchmarks.evaluate", sys.argv[1:]),
    )
    for table in report.tables:
        print(f"\n{markdown_table(table)}")
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
