"""Fusion of submissions: ``python -m submissions.fuse A.txt B.txt --weights 1 0.5 … --out F.txt``.

Lists of different teams, of which the places are all that is known: reciprocal rank fusion or the
Borda count, see `vreid.rank_fusion`, with a weight for each file. A line of the result holds images
that some list names, and so may be short. One file alone is rewritten with plain numbers, and cut
to ``--top`` entries. Distances fuse better: ``python -m ensemble.ranks``.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from submissions.lists import (
    add_sides,
    count_queries,
    count_short,
    gallery_names,
    read_lists,
    write_lists,
)
from submissions.names import gallery_numbers
from vreid.errors import ConfigError, run_command
from vreid.features import IntArray
from vreid.rank_fusion import RankLists, fuse_ranks

Rule = Literal["reciprocal", "borda"]

_BLOCK_ROWS = 64  # queries whose distances to the whole gallery are held at once


def main(
    tracks2: Sequence[Path],
    *,
    queries: Path | int,
    gallery: Path | int,
    out: Path,
    rule: Rule = "reciprocal",
    weights: Sequence[float] | None = None,
    k: float = 60.0,
    top: int = 100,
) -> Path:
    """Fuse submissions and return the file of the result; its manifest goes beside it.

    Args:
        tracks2: At least one submission, of the same queries and gallery.
        queries: ``name_query.txt``, a ``.csv`` with a name column, or the number of queries.
        gallery: ``name_test.txt``, a ``.csv``, or the number of images, numbered from 1.
        out: The text file to write.
        rule, k: See `vreid.rank_fusion.fuse_ranks`.
        weights: One for each file; None for 1.
        top: Entries a line.

    Raises:
        ConfigError: For options out of range.
        DataError: For files that cannot be used.
    """
    if rule not in get_args(Rule):
        raise ConfigError(f"rule is {rule!r}; choose one of {', '.join(get_args(Rule))}")
    if top < 1:
        raise ConfigError(f"top is {top}; expected at least 1")
    weights = [1.0] * len(tracks2) if weights is None else weights
    if len(weights) != len(tracks2):
        raise ConfigError(
            f"there are {len(weights)} weights for {len(tracks2)} files; give one for each, or none"
        )
    names, num_query = gallery_names(gallery), count_queries(queries)
    numbers = gallery_numbers(names, str(gallery))
    teams = [
        read_lists(path, num_query=num_query, numbers=numbers, k=min(top, len(names)))
        for path in tracks2
    ]
    labels = [path.as_posix() for path in tracks2]
    fused = list(_fuse(teams, names, labels, rule=rule, weights=weights, k=k, top=top))
    fusion = {"rule": rule, "weights": list(weights), "k": k, "top": top, "files": labels}
    inputs = [*tracks2, *(one for one in (queries, gallery) if isinstance(one, Path))]
    write_lists(fused, names, out, inputs=inputs, options={"fused": fusion})
    short = count_short(fused, min(top, len(names)))
    note = f"; {short} lines are short, no file lists more for them" if short else ""
    print(f"wrote {out} ({len(fused)} lines of {len(tracks2)} files{note})")
    return out


def _fuse(
    teams: Sequence[Sequence[IntArray]],
    names: tuple[str, ...],
    labels: Sequence[str],
    *,
    rule: Rule,
    weights: Sequence[float],
    k: float,
    top: int,
) -> Iterator[IntArray]:
    """The fused list of each query, a block of queries at a time."""
    for start in range(0, len(teams[0]), _BLOCK_ROWS):
        blocks = [lists[start : start + _BLOCK_ROWS] for lists in teams]
        parts = [_as_ranked(block, names, start) for block in blocks]
        fused = fuse_ranks(parts, labels, rule=rule, weights=weights, k=k)
        for row, dist in enumerate(fused.dist):
            listed = [block[row] for block, weight in zip(blocks, weights, strict=True) if weight]
            cols = np.unique(np.concatenate(listed))  # in order, so that equal ones stay so
            yield cols[np.argsort(dist[cols], kind="stable")[:top]]


def _as_ranked(lists: Sequence[IntArray], names: tuple[str, ...], start: int) -> RankLists:
    """Lists with their places as distances; short ones end with -1."""
    longest = max(1, *map(len, lists)) if lists else 1
    idx = np.full((len(lists), longest), -1, dtype=np.int64)
    for row, one in enumerate(lists):
        idx[row, : len(one)] = one
    places = np.broadcast_to(np.arange(1, longest + 1, dtype=np.float32), idx.shape)
    rows = tuple(f"line {start + row + 1}" for row in range(len(lists)))
    return RankLists(idx, places, rows, names)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m submissions.fuse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tracks2", type=Path, nargs="+", metavar="FILE", help="submissions")
    add_sides(parser)
    parser.add_argument("--rule", choices=get_args(Rule), default="reciprocal")
    parser.add_argument("--weights", type=float, nargs="+", help="one for each file (default 1)")
    parser.add_argument("--k", type=float, default=60.0, help="constant of reciprocal (60)")
    parser.add_argument("--top", type=int, default=100, help="entries a line (default 100)")
    parser.add_argument("--out", type=Path, required=True, help="the text file to write")
    args = parser.parse_args(argv)
    main(
        args.tracks2,
        queries=args.queries,
        gallery=args.gallery,
        out=args.out,
        rule=args.rule,
        weights=args.weights,
        k=args.k,
        top=args.top,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
