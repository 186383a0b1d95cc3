"""Adding distance files against NumPy's own way: ``python -m benchmarks.fuse``.

Sixteen 1,103 x 31,238 float32 matrices, the size of the AI City Challenge's 2021 winning ensemble:
2.2 GB in a temporary folder, removed afterwards. The plain way is ``total = np.load(first)`` and
``total += np.load(other)``; ours also compares the names of all files and refuses NaN. Both give
the same bytes, which is asserted. Rounds alternate; the best counts, since noise only slows down.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.reports import Report, Table
from ensemble.streamed import fuse_files
from vreid.distance import DistMat
from vreid.features import FloatArray
from vreid.fusion import weighted_sum


def main(
    num_files: int = 16,
    num_rows: int = 1103,
    num_cols: int = 31238,
    *,
    rounds: int = 4,
    out_report: Path | None = None,
) -> Report:
    """Measure sums in memory and from file to file, and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), num_files, num_rows, num_cols)
        out = Path(folder) / "sum.npy"
        weights = [1.0] * num_files
        labels = [path.as_posix() for path in paths]

        def ours_in_memory() -> FloatArray:
            mats = [DistMat.load(path, check_values=False) for path in paths]
            return weighted_sum(mats, weights, labels=labels).dist

        def plain_to_file() -> FloatArray:
            np.save(out, add_plainly(paths))
            total: FloatArray = np.load(out, mmap_mode="r")
            return total

        text = f"{num_files} files of {num_rows} x {num_cols} float32, added with weights of 1."
        print(text)
        rows = [
            compare("in memory", lambda: add_plainly(paths), ours_in_memory, out, rounds),
            compare(
                "file to file",
                plain_to_file,
                lambda: fuse_files(paths, weights, out=out).dist,
                out,
                rounds,
            ),
        ]
    report = Report(
        name="fuse",
        title="Fusion of distance files",
        command="python -m benchmarks.fuse",
        text=[f"{text} Plain: `total = np.load(first); total += np.load(next)`; same bytes."],
        tables=[Table("Seconds", ["way", "plain", "ours", "ratio"], rows)],
    )
    if out_report is not None:
        report.save(out_report)
    return report


def write_files(folder: Path, num_files: int, num_rows: int, num_cols: int) -> list[Path]:
    """Random distance files with names, one after the other."""
    rng = np.random.default_rng(0)
    rows = tuple(f"image_query/{row + 1:06}.jpg" for row in range(num_rows))
    cols = tuple(f"image_test/{col + 1:06}.jpg" for col in range(num_cols))
    return [
        DistMat(rng.random((num_rows, num_cols), dtype=np.float32), rows, cols).save(
            folder / f"{idx:02}.npy"
        )
        for idx in range(num_files)
    ]


def add_plainly(paths: Sequence[Path]) -> FloatArray:
    """The sum as everyone writes it."""
    total: FloatArray = np.load(paths[0])
    for path in paths[1:]:
        total += np.load(path)
    return total


def compare(
    title: str,
    plain: Callable[[], FloatArray],
    ours: Callable[[], FloatArray],
    out: Path,
    rounds: int,
) -> list[str]:
    """Check that both ways give the same bytes, time them in turn, and return the row of both."""
    expected = plain().tobytes()
    if ours().tobytes() != expected:
        raise AssertionError(f"{title}: the sums differ")
    del expected  # what is held here would be missing there
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for way, work in enumerate((plain, ours)):
            out.unlink(missing_ok=True)
            start = time.perf_counter()
            result = work()
            best[way] = min(best[way], time.perf_counter() - start)
            del result
    print(
        f"{title:13} plain {best[0]:.3f} s, ours {best[1]:.3f} s,"
        f" x {best[0] / best[1]:.2f}, same bytes"
    )
    return [title, f"{best[0]:.3f}", f"{best[1]:.3f}", f"x {best[0] / best[1]:.2f}"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--rows", type=int, default=1103)
    parser.add_argument("--cols", type=int, default=31238)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
    options = parser.parse_args()
    main(
        options.files,
        options.rows,
        options.cols,
        rounds=options.rounds,
        out_report=options.out,
    )
