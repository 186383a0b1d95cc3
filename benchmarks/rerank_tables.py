"""The tables and curves of the re-ranking benchmark."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.memory import GIB, gib
from benchmarks.reports import Panel, Report, Table

OURS, FLOOR = "vreid", "floor"
MEANING = {
    OURS: "this project's `vreid.rerank.k_reciprocal`",
    "original": "the published dense form, all rows sorted at once",
    "chunked": "the same, rows sorted by blocks",
    "half": "the published form in half precision",
    "jaccard": "the Jaccard distance of unsupervised training (another definition)",
    "gnn": "graph neural network re-ranking (another definition)",
}
TOP_K = 100  # what a submission needs
WARM = 3000  # images on which each way is run before
DIFFERS = 1e-5  # a difference that is more than rounding


@dataclass(frozen=True)
class Row:
    """One way at one size.

    Attributes:
        size, way: Names.
        num_query, num_gallery, top_k: What was computed; top_k 0 for all distances.
        seconds: None where it did not finish, and then ``note`` says why.
        ours: Seconds of the library in turns with it.
        floor: Seconds of the floor in turns with the library, in its own row only.
        peak, warmup, threads, digest, note: See `benchmarks.harness.Measured`.
        max_error: Largest difference to the library's result, where the definition is the same.
        num_differing: Entries that differ by more than `DIFFERS`.
        same_lists: Share of the queries whose first `TOP_K` are the library's in the same order.
    """

    size: str
    way: str
    num_query: int
    num_gallery: int
    top_k: int
    seconds: float | None
    ours: float | None
    floor: float | None
    peak: int
    warmup: float
    threads: int
    digest: str
    note: str
    max_error: float | None = None
    num_differing: int | None = None
    same_lists: float | None = None

    @property
    def num_all(self) -> int:
        """N."""
        return self.num_query + self.num_gallery


def describe(row: Row) -> str:
    """A row as a line for the terminal."""
    place = f"{row.size:18} {row.way:10}"
    if row.seconds is None:
        return f"{place} {row.note}"
    ratios = f"x {_ratio(row.seconds, row.ours)} of {OURS}, x {_ratio(row.seconds, row.floor)} of"
    times = f"{row.seconds:9.2f} s  {gib(row.peak):>9}"
    return f"{place} {times}  {ratios} the floor, once {row.warmup:.1f} s"


def make_report(
    rows: Sequence[Row], rates: Mapping[str, float], *, command: str, dim: int, offset: bool
) -> Report:
    """Tables and curves of the rows."""
    best = max(rates, key=lambda name: rates[name])
    common = "; a common offset gives a mean cosine of about 0.8" if offset else ""
    text = [
        f"Made features of {dim:,} dimensions in the sizes of the public data sets{common}; k1 20,"
        " k2 6, λ 0.3. *Extra memory* is what the process grew by at its worst moment, with its"
        " result and without its features. *Turns* are taken in one process: a peer with this"
        " project, this project with the floor. *Once a process*: by how much the first call,"
        f" on {WARM:,} images, was longer than the next (compilation, self-tests). Threads:"
        f" {max((row.threads for row in rows), default=0)}.",
        f"The *floor* is the bare matrix product of half of all pairs by {best}, the fastest here: "
        + ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in rates.items())
        + ".",
        "\n".join(f"- `{way}`: {MEANING[way]}" for way in dict.fromkeys(row.way for row in rows)),
    ]
    return Report(
        name="rerank",
        title="Re-ranking",
        command=command,
        text=text,
        tables=[_main_table(rows), _growth_table(rows), _agreement_table(rows)],
        panels=_panels(rows),
        rows=[asdict(row) for row in rows],
    )


def _main_table(rows: Sequence[Row]) -> Table:
    lines = []
    for row in rows:
        name = row.size if row.size.isdecimal() else f"{row.size} ({row.num_all:,})"
        if row.seconds is None:
            lines.append([name, row.way, "–", row.note, "–", "–", "–"])
            continue
        way = f"{row.way}, top {row.top_k}" if row.top_k else row.way
        times = [f"{row.seconds:.2f}", gib(row.peak)]
        ratios = [
            "1" if row.way == OURS else _ratio(row.seconds, row.ours),
            _ratio(row.seconds, row.floor),
        ]
        lines.append([name, way, *times, *ratios, f"{row.warmup:.1f}"])
    head = ["size (N)", "way", "s", "extra memory", "x vreid in turns", "x floor in turns"]
    return Table("Time and memory", [*head, "once a process, s"], lines)


def _growth_table(rows: Sequence[Row]) -> Table:
    lines = []
    for way in dict.fromkeys(row.way for row in rows):
        done = [row for row in rows if row.way == way and row.seconds is not None]
        if len({row.num_all for row in done}) < 2:
            continue
        sizes = [row.num_all for row in done]
        seconds = growth(sizes, [row.seconds or 0.0 for row in done])
        peaks = growth(sizes, [row.peak for row in done])
        span = f"{min(sizes):,} to {max(sizes):,}"
        lines.append([way, str(len(done)), span, f"{seconds:.2f}", f"{peaks:.2f}"])
    note = "Slope of the line through log time or log memory against log N, by least squares."
    return Table("Growth exponents", ["way", "sizes", "N", "time", "memory"], lines, note)


def _agreement_table(rows: Sequence[Row]) -> Table:
    lines = [
        [
            row.size,
            row.way,
            f"{row.max_error:.1e}",
            f"{row.num_differing:,} of {row.num_query * row.num_gallery:,}",
            f"{100 * (row.same_lists or 0):.1f} %",
        ]
        for row in rows
        if row.max_error is not None
    ]
    head = [
        "size",
        "way",
        "largest difference",
        f"differ by > {DIFFERS:.0e}",
        f"same first {TOP_K}",
    ]
    note = (
        "Against this project's result. The published sort and its float32 distances leave the"
        " order of near ties open; an image that changes places at the border of k1, k1/2 or k2"
        " moves some entries by about 0.01."
    )
    return Table("Agreement", head, lines, note)


def _panels(rows: Sequence[Row]) -> list[Panel]:
    done = [row for row in rows if row.seconds is not None]
    ways = list(dict.fromkeys(row.way for row in done))
    seconds = {
        way: [(row.num_all, row.seconds or 0.0) for row in done if row.way == way] for way in ways
    }
    floors = [(row.num_all, row.floor) for row in done if row.floor is not None]
    memory = {
        way: [(row.num_all, row.peak / GIB) for row in done if row.way == way] for way in ways
    }
    if floors:
        seconds[FLOOR] = floors
    xlabel = "images N, queries and gallery together"
    return [
        Panel("Time", xlabel, "seconds", seconds),
        Panel("Extra memory", xlabel, "GiB", memory),
    ]


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent p of values ~ sizes ** p by least squares in logarithms; NaN below two sizes.

    >>> round(growth([10, 100, 1000], [3, 300, 30000]), 6)
    2.0
    """
    if len(set(sizes)) < 2 or min(values) <= 0:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _ratio(seconds: float, base: float | None) -> str:
    return (
        "–"
        if base is None
        else f"{seconds / base:.2f}"
        if seconds < 100 * base
        else f"{seconds / base:.0f}"
    )
