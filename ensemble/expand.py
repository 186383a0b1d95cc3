"""Query expansion and database-side augmentation of features.

``python -m ensemble.expand QUERY.npz GALLERY.npz --queries 5 --out FOLDER`` averages each query
with its 5 nearest gallery images; ``--weights sim --alpha 3`` makes that alpha-QE. ``--database 5``
does the same to each gallery image, before the queries are expanded. ``--among all`` looks for
neighbours among queries and gallery together, and augments both. k counts the neighbours beside the
image itself.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from ensemble.parts import changed, check_folder, load_pair, save_pair
from vreid.errors import ConfigError, run_command
from vreid.expand import Among, Weighting, expand_both


def main(
    query: Path,
    gallery: Path,
    *,
    out: Path,
    queries: int = 0,
    database: int = 0,
    among: Among = "gallery",
    weights: Weighting = "mean",
    alpha: float = 3.0,
) -> Path:
    """Expand features and return the folder of the new ones, at length 1.

    Args:
        query: Features of the queries, ``.npz``.
        gallery: Features of the gallery, ``.npz``.
        out: The folder for ``query.npz`` and ``gallery.npz``.
        queries: Neighbours of a query that it is averaged with; 0 for none.
        database: Neighbours of a gallery image that it is averaged with; 0 for none.
        among: Whether neighbours are looked for in the gallery or among all images.
        weights, alpha: See `vreid.expand.expand_queries`.

    Raises:
        ConfigError: For options out of range, and when nothing is asked for.
        DataError: For files that cannot be used or do not fit each other.
    """
    check_folder(out)
    if not queries and not database:
        raise ConfigError("nothing to expand; give --queries or --database a number of neighbours")
    parts = load_pair(query, gallery)
    moved = expand_both(
        parts[0].feats,
        parts[1].feats,
        queries=queries,
        database=database,
        among=among,
        weights=weights,
        alpha=alpha,
    )
    options: dict[str, Any] = {"queries": queries, "database": database, "among": among}
    options |= {"weights": weights, "alpha": alpha} if weights == "sim" else {"weights": weights}
    new = [
        changed(part, feats, "ensemble.expand", options, query, gallery)
        for part, feats in zip(parts, moved, strict=True)
    ]
    return save_pair(new[0], new[1], out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.expand",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", type=Path, help="features of the queries, .npz")
    parser.add_argument("gallery", type=Path, help="features of the gallery, .npz")
    parser.add_argument("--queries", type=int, default=0, metavar="K", help="expand the queries")
    parser.add_argument("--database", type=int, default=0, metavar="K", help="augment the gallery")
    parser.add_argument(
        "--among",
        choices=get_args(Among),
        default="gallery",
        help="where neighbours are looked for",
    )
    parser.add_argument("--weights", choices=get_args(Weighting), default="mean")
    parser.add_argument("--alpha", type=float, default=3.0, help="power for sim (default 3)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args(argv)
    main(
        args.query,
        args.gallery,
        out=args.out,
        queries=args.queries,
        database=args.database,
        among=args.among,
        weights=args.weights,
        alpha=args.alpha,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
