"""Re-ranking against its dense peers: ``python -m benchmarks.rerank [--sizes …] [--ways …]``.

For each size of a data set and each way: seconds, extra memory, ratios to the library and to the
floor (the bare products of all pairs, see `benchmarks.floor`), agreement with the original, and how
time and memory grow with the number of images. Each way runs in a fresh process, in turns with the
library there, so that ratios hold whatever else the machine does. A way that needs more memory than
there is, by its own estimate, is not started, and the table says what it would need.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import dense
from benchmarks.features_made import SIZES, Made, Size, find_size, make_features
from benchmarks.floor import half_product, product_rates
from benchmarks.harness import Measured, Ways, measure
from benchmarks.memory import GIB
from benchmarks.reports import Report, command_line, markdown_table
from benchmarks.rerank_tables import (
    DIFFERS,
    FLOOR,
    MEANING,
    OURS,
    TOP_K,
    WARM,
    Row,
    describe,
    make_report,
)
from vreid.errors import ConfigError, run_command
from vreid.rerank import k_reciprocal

PEERS: dict[str, Callable[..., Any]] = {
    "original": partial(dense.original, stable=False),
    "chunked": partial(dense.original, stable=False, chunked=True),
    "half": partial(dense.original, stable=False, half=True),
    "jaccard": dense.jaccard,
    "gnn": dense.gnn,
}
SAME_AS_ORIGINAL = ("original", "chunked", "half")
TOP_BYTES = 4 * GIB  # of (Q, G) distances, above which only the best TOP_K of each query are made
SHORT = 20_000  # images up to which a peer gets several turns; above it takes minutes


def main(
    sizes: Sequence[str],
    ways: Sequence[str],
    *,
    rounds: int = 3,
    limit: float = 1800.0,
    dim: int = 2048,
    offset: bool = True,
    device: str = "",
    command: str = "python -m benchmarks.rerank",
) -> Report:
    """Measure all ways at all sizes, print a line for each, and return the report."""
    check_ways(ways)
    found = [find_size(name) for name in sizes]
    rates = product_rates(dim=dim)
    backend = max(rates, key=lambda name: rates[name])
    print(
        "product rates, GFLOP/s: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    )
    rows = []
    for size in found:
        with tempfile.TemporaryDirectory() as folder:
            for way in (OURS, *(way for way in ways if way != OURS)):
                inputs = {"backend": backend, "dim": dim, "offset": offset, "device": device}
                row = run(size, way, inputs, rounds=rounds, limit=limit, folder=Path(folder))
                rows.append(row)
                print(describe(row), flush=True)
    return make_report(rows, rates, command=command, dim=dim, offset=offset)


def check_ways(ways: Sequence[str]) -> None:
    """Refuse names that are not ways.

    Raises:
        ConfigError: Listing the ways.
    """
    unknown = [way for way in ways if way not in MEANING]
    if unknown:
        raise ConfigError(f"no way named {unknown[0]!r}; the ways are {', '.join(MEANING)}")


def build_ways(
    size: Size,
    way: str,
    *,
    top_k: int,
    backend: str,
    dim: int,
    offset: bool,
    device: str = "",
) -> Ways:
    """The ways that take turns in one process: our own with the floor, a peer with our own."""
    made = make_features(size, dim=dim, offset=offset)
    if way != OURS:
        return {
            way: partial(PEERS[way], made.query, made.gallery),
            OURS: partial(ours, made, top_k, device),
        }
    # The operands are another set of the same shape: held before the memory is taken.
    together = np.concatenate([made.query, made.gallery])
    floor = half_product(together, backend=backend)
    del together
    return {OURS: partial(ours, made, top_k, device), FLOOR: floor}


def ours(made: Made, top_k: int, device: str) -> Any:
    """The library's result: all distances, or with ``top_k`` > 0 the best of each query."""
    function: Any = k_reciprocal
    options: dict[str, Any] = {"top_k": top_k} if top_k else {}
    if device:
        options["device"] = device
    return function(made.query, made.gallery, **options)


def best_only(size: Size) -> int:
    """`TOP_K` for a size whose (Q, G) distances exceed `TOP_BYTES`, else 0."""
    return TOP_K if 4 * size.num_query * size.num_gallery > TOP_BYTES else 0


def run(
    size: Size,
    way: str,
    inputs: Mapping[str, Any],
    *,
    rounds: int,
    limit: float,
    folder: Path,
) -> Row:
    """Measure one way at one size, and compare its result with the library's in the folder."""
    top_k = best_only(size)
    result = folder / f"{way}.npy"
    comparable = top_k == 0 and way in (OURS, *SAME_AS_ORIGINAL)
    measured = measure(
        partial(build_ways, size, way, top_k=top_k, **inputs),
        warm=partial(
            build_ways, find_size(str(min(WARM, size.num_all))), way, top_k=top_k, **inputs
        ),
        rounds=rounds if way == OURS or size.num_all <= SHORT else 1,
        needs=needs(way, size, inputs["dim"]),
        limit=limit,
        keep=result if comparable else None,
    )
    row = _row(size, way, top_k, measured)
    if not comparable or way == OURS or measured.note or not (folder / f"{OURS}.npy").exists():
        return row
    error, differing, same = compare(folder / f"{OURS}.npy", result)
    return replace(row, max_error=error, num_differing=differing, same_lists=same)


def needs(way: str, size: Size, dim: int) -> int:
    """Bytes that a way needs by its own estimate, its features not counted twice."""
    features = 4 * size.num_all * dim
    if way == OURS:
        result = 0 if best_only(size) else 4 * size.num_query * size.num_gallery
        return 2 * features + result
    return dense.needs(way, size.num_all, dim)


def _row(size: Size, way: str, top_k: int, measured: Measured) -> Row:
    seconds = measured.seconds
    return Row(
        size=size.name,
        way=way,
        num_query=size.num_query,
        num_gallery=size.num_gallery,
        top_k=top_k if way == OURS else 0,
        seconds=seconds.get(way),
        ours=seconds.get(OURS),
        floor=seconds.get(FLOOR),
        peak=measured.peak,
        warmup=measured.warmup,
        threads=measured.threads,
        digest=measured.digest,
        note=measured.note,
    )


def compare(ours_path: Path, other_path: Path) -> tuple[float, int, float]:
    """Largest difference, entries that differ by > `DIFFERS`, share of equal first lists."""
    left, right = np.load(ours_path, mmap_mode="r"), np.load(other_path, mmap_mode="r")
    largest, differing, same = 0.0, 0, 0
    for start in range(0, len(left), 256):
        rows = slice(start, start + 256)
        difference = np.abs(left[rows] - right[rows])
        largest = max(largest, float(difference.max()))
        differing += int(np.count_nonzero(difference > DIFFERS))
        lists = [np.argsort(part[rows], axis=1, kind="stable")[:, :TOP_K] for part in (left, right)]
        same += int(np.count_nonzero(np.all(lists[0] == lists[1], axis=1)))
    return largest, differing, same / len(left)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rerank", description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", default=list(SIZES), help="data sets, or numbers of images"
    )
    parser.add_argument("--ways", nargs="+", default=list(MEANING), help=", ".join(MEANING))
    parser.add_argument("--rounds", type=int, default=3, help="turns; the best counts")
    parser.add_argument(
        "--limit", type=float, default=1800.0, help="seconds a way may take at a size"
    )
    parser.add_argument("--dim", type=int, default=2048, help="width of the features")
    parser.add_argument("--centred", action="store_true", help="features without common offset")
    parser.add_argument("--device", default="", help="of the library's way, such as cuda")
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
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
        offset=not options.centred,
        device=options.device,
        command=command_line("benchmarks.rerank", sys.argv[1:]),
    )
    for table in report.tables:
        print(f"\n{markdown_table(table)}")
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
