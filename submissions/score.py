"""Score a submission against known identities: ``python -m submissions.score track2.txt …``.

The challenge's rules: the first K entries count, and no image is left out as junk. Of a submission
only the listed entries are known, so mAP is over these as well.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from submissions.lists import count_short, read_lists
from submissions.names import gallery_numbers, row_of_key
from vreid.data.sample import UNKNOWN
from vreid.data.truth import COLUMNS
from vreid.errors import DataError, run_command
from vreid.metrics import Scores, evaluate_ranked
from vreid.protocol import AICITY, Denominator
from vreid.tables import read_columns


def main(
    track2: Path, *, query: Path, gallery: Path, k: int = 100, denominator: Denominator = "all"
) -> Scores:
    """Score a submission.

    Args:
        track2: The submission.
        query: CSV with the columns name, vehicle_id and camera_id; its order is that of the lines.
        gallery: CSV with the same columns; an image's number is the one in its name. Vehicle ids
            may be any text and are compared as they are.
        k: Entries that mAP@K looks at, >= 1.
        denominator: What AP@K is divided by, see `Protocol`.

    Raises:
        DataError: For tables that cannot be used, and for a submission that a score would be
            meaningless for.
        ConfigError: For a k below 1.
    """
    protocol = dataclasses.replace(AICITY, top_k=k, denominator=denominator)
    query_rows, gallery_rows = read_columns(query, COLUMNS), read_columns(gallery, COLUMNS)
    row_of_key([name for name, *_ in query_rows], str(query))
    numbers = gallery_numbers([name for name, *_ in gallery_rows], str(gallery))
    lists = read_lists(track2, num_query=len(query_rows), numbers=numbers, k=k)
    num_short = count_short(lists, min(k, len(numbers)))
    if num_short:
        print(
            f"note: {num_short} lines list fewer than {min(k, len(numbers))} images;"
            " matches that are not listed count as not found",
            file=sys.stderr,
        )
    ids = _identities(query_rows, query) + _identities(gallery_rows, gallery)
    pids = np.unique(ids, return_inverse=True)[1].astype(np.int64)  # (Q + G,)
    num_query = len(query_rows)
    return evaluate_ranked(
        lists,
        query_pids=pids[:num_query],
        gallery_pids=pids[num_query:],
        query_camids=np.full(num_query, UNKNOWN),  # the protocol looks at no camera
        gallery_camids=np.full(len(numbers), UNKNOWN),
        protocol=protocol,
    )


def _identities(rows: Sequence[tuple[str, ...]], where: Path) -> list[str]:
    for name, vehicle_id, _ in rows:
        if vehicle_id in ("", str(UNKNOWN)):
            raise DataError(
                f"{where}: image {name} has no vehicle id (found {vehicle_id!r}); a score needs"
                " the identity of every image"
            )
    return [vehicle_id for _, vehicle_id, _ in rows]


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line, run `main` and print the scores."""
    parser = argparse.ArgumentParser(
        prog="python -m submissions.score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("track2", type=Path, help="the submission")
    columns = ",".join(COLUMNS)
    parser.add_argument("--query", type=Path, required=True, help=f"CSV {columns}")
    parser.add_argument("--gallery", type=Path, required=True, help=f"CSV {columns}")
    parser.add_argument("--k", type=int, default=100, help="entries that count (default 100)")
    parser.add_argument(
        "--denominator",
        choices=("all", "min"),
        default="all",
        help="divide by all relevant images or by min(K, relevant) (default all)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    scores = main(
        args.track2,
        query=args.query,
        gallery=args.gallery,
        k=args.k,
        denominator=args.denominator,
    )
    print(json.dumps(scores.as_dict()) if args.json else scores.table())


if __name__ == "__main__":
    sys.exit(run_command(command))
