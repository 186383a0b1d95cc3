"""Sums of distance files from disk to disk: no whole matrix is ever in memory.

A square distance of CityFlowV2's 32,341 test images takes 4.2 GB, and an ensemble adds many. Each
thread reads its blocks of rows into one buffer and adds them there. Reading beats mapping the files
into memory where memory is scarce: what is mapped counts as the program's own.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ensemble.members import Member, load_members
from vreid.distance import SCHEMA, DistMat, new_matrix
from vreid.errors import DataError
from vreid.features import FloatArray
from vreid.files import atomic_path, write_json
from vreid.fusion import Term, add_block, block_rows, check_weights, over_spans


def fuse_files(paths: Sequence[Path], weights: Sequence[float], *, out: Path) -> DistMat:
    """Write Σ weight * file, bit for bit `vreid.fusion.weighted_sum`, and map the result.

    Args:
        paths: At least one distance file; all with the same names, in the same order.
        weights: A finite weight for each; a file of weight 0 is not read beyond its names.
        out: The ``.npy`` to write, atomically; it may be one of the summands.

    Raises:
        ConfigError: For no files, and for a weight that is not finite.
        DataError: For a file that cannot be used, when names differ, and for NaN or infinity.
    """
    return _write(paths, weights, weights, out=out, kind="fused")


def average_files(paths: Sequence[Path], *, out: Path) -> DistMat:
    """Write the mean of files, bit for bit `vreid.fusion.mean`, and map the result.

    Raises:
        ConfigError: For no files.
        DataError: As `fuse_files`.
    """
    num = max(1, len(paths))
    return _write(
        paths, [1.0] * len(paths), [1 / num] * len(paths), out=out, kind="mean", divisor=num
    )


def _write(
    paths: Sequence[Path],
    weights: Sequence[float],
    recorded: Sequence[float],
    *,
    out: Path,
    kind: str,
    divisor: int = 1,
) -> DistMat:
    labels = [path.as_posix() for path in paths]
    check_weights(weights, labels)
    first, members = load_members(paths)
    summands = [pair for pair in zip(members, weights, strict=True) if pair[1] != 0]
    record = [
        {"label": label, "weight": weight, "kind": member.kind, "sources": member.sources}
        for member, weight, label in zip(members, recorded, labels, strict=True)
    ]
    with atomic_path(out) as temporary:
        new_matrix(temporary, (len(first.rows), len(first.cols)))  # filled below
        _sum_files(summands, first.rows, target=temporary, divisor=divisor)
        write_json(  # as DistMat.save, before the matrix has its final name
            out.with_suffix(".json"),
            {
                "schema": SCHEMA,
                "kind": kind,
                "num_query": first.num_query,
                "rows": first.rows,
                "cols": None if first.square else first.cols,
                "sources": {"fused": record},
            },
        )
    return DistMat.load(out, check_values=False)


def _sum_files(
    summands: Sequence[tuple[Member, float]],
    names: Sequence[str],
    *,
    target: Path,
    divisor: int,
) -> None:
    mapped = np.load(target, mmap_mode="r")
    num_rows, num_cols = mapped.shape
    begin = int(mapped.offset)

    def work(start: int, stop: int) -> None:
        step = block_rows(num_cols)
        total, buffer = np.empty((2, step, num_cols), dtype=np.float32)
        with ExitStack() as stack:
            # Each thread has files of its own, since reading moves a file's position.
            terms = [
                Term(member.path.as_posix(), weight, _reader(member, stack))
                for member, weight in summands
            ]
            stream = stack.enter_context(target.open("r+b"))
            stream.seek(begin + start * num_cols * 4)
            for first in range(start, stop, step):
                num = min(first + step, stop) - first
                add_block(
                    terms,
                    first,
                    first + num,
                    total=total[:num],
                    buffer=buffer[:num],
                    names=names,
                    divisor=divisor,
                )
                stream.write(total[:num].data)

    over_spans(work, num_rows, num_cols)


def _reader(member: Member, stack: ExitStack) -> Callable[[int, int, FloatArray], FloatArray]:
    """Rows of a mapped matrix, read from its file rather than from the map."""
    path, dist = member.path, member.dist
    if not isinstance(dist, np.memmap) or not dist.flags.c_contiguous:
        return lambda start, stop, _: dist[start:stop]  # columns first, from another program
    stream = stack.enter_context(path.open("rb", buffering=0))
    row_bytes = dist.shape[1] * 4
    begin = int(dist.offset)

    def read(start: int, stop: int, block: FloatArray) -> FloatArray:
        stream.seek(begin + start * row_bytes)
        rest = block.data.cast("B")
        while rest:
            num = stream.readinto(rest)
            if not num:
                raise DataError(f"{path}: ends within row {stop - 1}; make the distances again")
            rest = rest[num:]
        return block

    return read
