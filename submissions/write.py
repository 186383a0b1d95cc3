"""Write a submission for AI City Track 2: ``python -m submissions.write DIST.npy --queries …``.

One line for each query, in the order of the challenge's ``name_query.txt``: the numbers of the
nearest gallery images, best first. A number is the one in the image's file name (000123.jpg is
123); taking the row + 1 instead, as public code does, is right only by luck.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from submissions.manifest import manifest_path, write_manifest
from submissions.names import gallery_numbers, match_rows
from vreid.distance import DistMat
from vreid.errors import ConfigError, run_command
from vreid.files import hash_file, write_text
from vreid.provenance import hash_inputs
from vreid.ranking import nearest
from vreid.tables import read_names


def main(
    dist: Path,
    out: Path,
    *,
    query_names: Path,
    gallery_names: Path,
    top: int = 100,
    inputs: Sequence[Path] = (),
) -> Path:
    """Write the submission and its manifest and return the submission's path.

    Args:
        dist: Distances, ``.npy``; of a square one the query x gallery part is taken.
        out: The text file to write; the manifest goes beside it.
        query_names: ``name_query.txt``, or a ``.csv`` with a name column.
        gallery_names: ``name_test.txt``, or a ``.csv`` with a name column.
        top: Entries a line; fewer when the gallery is smaller.
        inputs: Further files whose hashes go into the manifest: configurations, weights.

    Raises:
        DataError: When the images of the distances are not those of the lists, and for gallery
            names without a number of their own.
    """
    if top < 1:
        raise ConfigError(f"top is {top}; expected at least 1")
    hashes = hash_inputs([dist, query_names, gallery_names, *inputs])
    mat = DistMat.load(dist).query_gallery()
    queries, gallery = read_names(query_names), read_names(gallery_names)
    rows = match_rows(mat.rows, queries, where=(f"{dist} (queries)", str(query_names)))
    match_rows(mat.cols, gallery, where=(f"{dist} (gallery)", str(gallery_names)))
    numbers = np.array(gallery_numbers(mat.cols, str(dist)))  # (G,) in the order of the columns
    ranked = numbers[nearest(mat.dist, top)]  # (Q, top)
    lines = (" ".join(map(str, ranked[row])) for row in rows)
    write_text(out, "".join(f"{line}\n" for line in lines))
    write_manifest(
        out,
        {
            "submission": {"path": out.as_posix(), "sha256": hash_file(out)},
            "inputs": hashes,
            "top": top,
            "kind": mat.kind,
            "sources": dict(mat.sources),
        },
    )
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m submissions.write",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dist", type=Path, help="distances, .npy")
    parser.add_argument("--queries", type=Path, required=True, help="name_query.txt or a .csv")
    parser.add_argument("--gallery", type=Path, required=True, help="name_test.txt or a .csv")
    parser.add_argument("--out", type=Path, required=True, help="the text file to write")
    parser.add_argument("--top", type=int, default=100, help="entries a line (default 100)")
    parser.add_argument(
        "--inputs",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="configurations and weights whose hashes go into the manifest",
    )
    args = parser.parse_args(argv)
    main(
        args.dist,
        args.out,
        query_names=args.queries,
        gallery_names=args.gallery,
        top=args.top,
        inputs=args.inputs,
    )
    print(f"wrote {args.out} and {manifest_path(args.out)}; check it with")
    print(
        f"  python -m submissions.check {args.out} --queries {args.queries}"
        f" --gallery {args.gallery} --k {args.top}"
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
