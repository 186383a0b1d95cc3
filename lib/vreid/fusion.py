"""Fusion: weighted sums of distance matrices over the same images, one block of rows at a time.

A negative weight is meant: distances of cameras and of orientations enter with one, so that
pictures that look alike only because of one camera or one view move apart (Zhu, Luo, Fu, Ji,
"VOC-ReID: Vehicle Re-identification based on Vehicle-Orientation-Camera", CVPR Workshops 2020,
arXiv:2004.09164). There the weights are literals; here they are arguments and are recorded.

The sum is that of the expression ``w1 * d1 + w2 * d2 + …`` in float32, bit for bit: blocks that
stay in a core's cache make it several times faster than adding whole matrices, and change nothing.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from vreid.distance import DistMat, check_same_axes
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray

_BLOCK_VALUES = 1 << 17  # 512 KB: the sum and one summand fit a core's cache of 1 MB
_THREADS = 4  # copying is bound by memory; more threads than these do not make it faster


@dataclass(frozen=True)
class Term:
    """One summand.

    Attributes:
        label: What it is called in messages, a file name as a rule.
        weight: What it is multiplied with; not 0.
        read: Gives rows start..stop as (B, C) float32. It may put them into the (B, C) array that
            it is handed, and return that, or return another.
    """

    label: str
    weight: float
    read: Callable[[int, int, FloatArray], FloatArray]


def weighted_sum(
    mats: Sequence[DistMat], weights: Sequence[float], *, labels: Sequence[str]
) -> DistMat:
    """Σ weight * matrix, summed in float32 and in the given order.

    Corner cases:

    - A matrix of weight 0 is not read, but its names are still checked.
    - A weight of 1 multiplies nothing.
    - The result may hold negative numbers; re-ranking says how it treats them.

    Args:
        mats: At least one matrix; all with the same names on both axes, in the same order. They
            may be memory-mapped.
        weights: A finite weight for each.
        labels: A label (a file name) for each, for messages and for the record of sources.

    Raises:
        ConfigError: For no matrices, and for a weight that is not finite.
        DataError: When names differ, such as "cannot fuse a.npy with b.npy: gallery differs at
            column 17: 000018.jpg and 000180.jpg"; for NaN or infinity, naming matrix and image.
    """
    check_weights(weights, labels)
    check_same_axes(mats, labels)
    sources = _describe(mats, weights, labels)
    return _like(mats[0], _sum(mats, weights, labels), kind="fused", sources=sources)


def mean(mats: Sequence[DistMat], labels: Sequence[str]) -> DistMat:
    """The arithmetic mean of matrices, as for the members of an ensemble after re-ranking.

    The float32 sum of `weighted_sum` with weights of 1, divided by their number.

    Raises:
        ConfigError: For no matrices.
        DataError: As `weighted_sum`.
    """
    ones = [1.0] * len(mats)
    check_weights(ones, labels)
    check_same_axes(mats, labels)
    total = _sum(mats, ones, labels, divisor=len(mats))
    sources = _describe(mats, [1 / len(mats)] * len(mats), labels)
    return _like(mats[0], total, kind="mean", sources=sources)


def check_weights(weights: Sequence[float], labels: Sequence[str]) -> None:
    """Refuse a sum of nothing, and weights that are out of range.

    Raises:
        ConfigError: For no weights, and for one that is not finite as float32.
    """
    if not weights:
        raise ConfigError("there is nothing to fuse; give at least one distance matrix")
    largest = float(np.finfo(np.float32).max)
    for label, weight in zip(labels, weights, strict=True):
        if not (math.isfinite(weight) and abs(weight) <= largest):
            raise ConfigError(f"the weight of {label} is {weight}; expected a finite number")


def _describe(
    mats: Sequence[DistMat], weights: Sequence[float], labels: Sequence[str]
) -> dict[str, Any]:
    record = [
        {"label": label, "weight": weight, "kind": mat.kind, "sources": dict(mat.sources)}
        for mat, weight, label in zip(mats, weights, labels, strict=True)
    ]
    return {"fused": record}


def add_block(
    terms: Sequence[Term],
    start: int,
    stop: int,
    *,
    total: FloatArray,
    buffer: FloatArray,
    names: Sequence[str],
    divisor: int = 1,
) -> None:
    """Put Σ weight * rows start..stop, divided by a number, into an array.

    Only the sum is looked at for NaN and infinity, since any in a summand shows in it; the summands
    are read again to say which one it was.

    Args:
        terms: The summands, in order; zeros when there are none.
        start, stop: The rows.
        total: (stop - start, C) float32, written.
        buffer: (stop - start, C) float32, used.
        names: The names of all rows, for messages.
        divisor: What the sum is divided by.

    Raises:
        DataError: Naming the summand and the row that hold NaN or infinity.
    """
    if not terms:
        total.fill(0)
    with np.errstate(over="ignore", invalid="ignore"):  # found and named below
        for idx, term in enumerate(terms):
            block = term.read(start, stop, buffer if idx else total)
            weight = np.float32(term.weight)
            if weight != 1:
                block = np.multiply(block, weight, out=buffer if idx else total)
            if idx:
                np.add(total, block, out=total)
            elif block is not total:
                np.copyto(total, block)
        if divisor != 1:
            np.divide(total, np.float32(divisor), out=total)
    finite_mask = np.isfinite(total)
    if not finite_mask.all():
        first = start + int(np.argmin(finite_mask.all(axis=1)))
        raise _not_finite(terms, start, stop, buffer=buffer, names=names, row=first)


def _not_finite(
    terms: Sequence[Term],
    start: int,
    stop: int,
    *,
    buffer: FloatArray,
    names: Sequence[str],
    row: int,
) -> DataError:
    for term in terms:
        finite_mask = np.isfinite(term.read(start, stop, buffer)).all(axis=1)
        if not finite_mask.all():
            row = start + int(np.argmin(finite_mask))
            return DataError(
                f"{term.label}: distances of {names[row]} (row {row}) hold NaN or infinity;"
                " make them again"
            )
    return DataError(
        f"the sum for {names[row]} (row {row}) is beyond the range of float32;"
        " scale the distances or the weights down"
    )


def block_rows(num_cols: int) -> int:
    """How many rows a block holds."""
    return max(1, _BLOCK_VALUES // max(1, num_cols))


def over_spans(work: Callable[[int, int], None], num_rows: int, num_cols: int) -> None:
    """Call ``work(start, stop)`` on ranges of several blocks that cover all rows, on threads.

    An error of the first range that has one is raised, whichever thread met its own first.
    """
    step = block_rows(num_cols)
    step *= max(1, -(-num_rows // (4 * _THREADS * step)))
    spans = [(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(lambda span: work(*span), spans):
            pass


def _sum(
    mats: Sequence[DistMat], weights: Sequence[float], labels: Sequence[str], *, divisor: int = 1
) -> FloatArray:
    terms = [
        Term(label, weight, _rows_of(mat.dist))
        for mat, weight, label in zip(mats, weights, labels, strict=True)
        if weight != 0
    ]
    num_rows, num_cols = len(mats[0].rows), len(mats[0].cols)
    total = np.empty((num_rows, num_cols), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        step = block_rows(num_cols)
        buffer = np.empty((step, num_cols), dtype=np.float32)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            add_block(
                terms,
                first,
                last,
                total=total[first:last],
                buffer=buffer[: last - first],
                names=mats[0].rows,
                divisor=divisor,
            )

    over_spans(work, num_rows, num_cols)
    return total


def _rows_of(dist: FloatArray) -> Callable[[int, int, FloatArray], FloatArray]:
    return lambda start, stop, _: dist[start:stop]


def _like(mat: DistMat, dist: FloatArray, *, kind: str, sources: dict[str, Any]) -> DistMat:
    return DistMat(dist, mat.rows, mat.cols, mat.num_query, kind, sources)
