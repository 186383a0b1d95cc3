"""Check a submission before it is sent: ``python -m submissions.check track2.txt --queries …``.

Prints every defect with its line, or one line that says that there is none.
"""

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from submissions.lists import add_sides, count_queries
from submissions.names import gallery_numbers
from submissions.track2_file import inspect
from vreid.errors import ConfigError, DataError, run_command
from vreid.tables import read_names


def main(track2: Path, *, queries: Path | int, gallery: Path | int, k: int = 100) -> Path:
    """Check a submission, print the result and return its path.

    Args:
        track2: The submission.
        queries: ``name_query.txt``, a ``.csv`` with a name column, or the number of queries.
        gallery: ``name_test.txt``, a ``.csv``, or the number of images, numbered from 1.
        k: Entries a line.

    Raises:
        DataError: When there are defects, after printing them, and for lists that cannot be used.
        ConfigError: For numbers below 1.
    """
    num_query = count_queries(queries)
    numbers = number_gallery(gallery)
    if min(k, num_query, len(numbers)) < 1:
        raise ConfigError(
            f"{num_query} queries, {len(numbers)} gallery images, k {k}; each must be at least 1"
        )
    submission = inspect(track2, num_query=num_query, numbers=numbers, k=k)
    if submission.defects:
        _print_lines(map(str, submission.defects))
        count = len(submission.defects)
        raise DataError(f"{track2}: {count} {'defect' if count == 1 else 'defects'}, listed above")
    ends = " (with Windows line ends, which do no harm)" if submission.windows_line_ends else ""
    print(f"ok: {track2}: {num_query} lines x {min(k, len(numbers))} entries{ends}")
    return track2


def _print_lines(lines: Iterable[str]) -> None:
    """Print, flushed so that an error line comes after; a reader such as head may stop early."""
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or exit flushes again


def number_gallery(gallery: Path | int) -> Collection[int]:
    """The gallery images' numbers: 1..G, or those in a list of names.

    Raises:
        DataError: For a list that cannot be used, or whose names have no number of their own.
    """
    if isinstance(gallery, int):
        return range(1, gallery + 1)
    return frozenset(gallery_numbers(read_names(gallery), str(gallery)))


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m submissions.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("track2", type=Path, help="the submission")
    add_sides(parser)
    parser.add_argument("--k", type=int, default=100, help="entries a line (default 100)")
    args = parser.parse_args(argv)
    main(args.track2, queries=args.queries, gallery=args.gallery, k=args.k)


if __name__ == "__main__":
    sys.exit(run_command(command))
