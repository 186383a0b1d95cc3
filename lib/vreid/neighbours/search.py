"""Exact search on the CPU: rough products over all pairs, exact distances for the candidates.

The rough products are bfloat16 where that is faster and float32 elsewhere. Rows whose candidates do
not fit their list, such as those of an image with hundreds of near copies, are searched again in
float32 with more room, and if that is not enough, with room for all images. So the result is exact
whatever the features are; only the time depends on them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vreid import product
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Neighbours, measure
from vreid.neighbours.operand import Operand, make_operand
from vreid.neighbours.sets import FeatureSets, check_range
from vreid.neighbours.side import Side, empty_side
from vreid.neighbours.tiles import Pass, Progress, Task, rectangle, symmetric

_TILE = 2048  # rows of the largest tile: its product reaches the full rate, its result fits a cache
FAR_ROOM = 112
_AGAIN_ROOM = 4096
_AGAIN_ROWS = 512
_LAST_PLACES = 1 << 21  # of all lists of a side, when each has room for all images
_SAMPLED_ROWS = 64
_SAMPLED_COLS = 4096


@dataclass(frozen=True)
class Plan:
    """How a search uses memory.

    Attributes:
        step: Rows and columns of a tile.
        stored: Whether all rounded features are kept, or rounded again for each tile.
    """

    step: int
    stored: bool = True


def plan_for(num_all: int, num_threads: int) -> Plan:
    """A plan without regard to memory: large tiles, but some for each thread."""
    step = -(-num_all // (4 * num_threads))
    return Plan(min(_TILE, max(256, -(-step // 64) * 64)))


def room_for(k: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Places in lists of k: the band of candidates is a few times as long."""
    return 4 * k + 48


def again_bytes(num_all: int) -> int:
    """Memory of the lists of rows that are searched again, both sides."""
    places = max(_AGAIN_ROWS * min(_AGAIN_ROOM, num_all), min(_LAST_PLACES, num_all * num_all))
    return 2 * 8 * places


def among_all(
    feats: FeatureSets,
    k: int,
    *,
    plan: Plan,
    query_k: int | None = None,
    progress: Progress | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The nearest of each image among queries and gallery, itself included.

    Args:
        feats: The features of N images.
        k: How many for a gallery image, <= N.
        plan: How to use memory.
        query_k: How many for a query; k by default.
        progress: Called with the finished share of the pass.

    Returns:
        Neighbours of the Q queries and of the G gallery images, both numbered as in `feats`.
    """
    num_query, num_all = feats.num_query, feats.num_all
    wanted = np.full(num_all, k)
    wanted[:num_query] = k if query_k is None else query_k
    search = _Search(feats, k, (0, num_all), plan)
    search.run(wanted, symmetric(num_all, plan.step), progress)
    query = search.finish(slice(0, num_query), int(wanted[0]))
    return query, search.finish(slice(num_query, num_all), k)


def in_gallery(
    feats: FeatureSets, k: int, *, plan: Plan, progress: Progress | None = None
) -> Neighbours:
    """The nearest gallery images of each query, numbered 0..G-1."""
    num_query, num_all = feats.num_query, feats.num_all
    search = _Search(feats, k, (num_query, num_all), plan)
    tasks = rectangle(num_query, feats.num_gallery, plan.step)
    search.run(np.full(num_query, k), tasks, progress)
    return search.finish(slice(0, num_query), k)


def _typical(feats: FeatureSets, k: int, centres: tuple[FloatArray, ...]) -> float:
    """A low estimate of ½ D of the k-th neighbour, from some rows and columns."""
    rows = np.arange(0, feats.num_all, max(1, feats.num_all // _SAMPLED_ROWS))[:_SAMPLED_ROWS]
    cols = np.arange(0, feats.num_all, -(-feats.num_all // _SAMPLED_COLS))
    halves = np.zeros((len(rows), len(cols)), dtype=np.float32)
    for one, centre in zip(feats.sets, centres, strict=True):
        check_range(np.linalg.norm((one.take(rows) - centre).astype(np.float64), axis=1))
        left, right = one.take(rows) - centre, one.take(cols) - centre
        gaps = left @ right.T
        gaps *= -2
        gaps += np.einsum("nd,nd->n", left, left)[:, None] + np.einsum("nd,nd->n", right, right)
        halves += np.float32(one.weight / 2) * gaps
    place = min(len(cols) - 1, round(k * len(cols) / feats.num_all))
    return float(np.quantile(np.partition(halves, place, axis=1)[:, place], 0.1))


class _Search:
    """Lists of the first images, filled by a pass over some columns and then measured."""

    def __init__(self, feats: FeatureSets, k: int, cols: tuple[int, int], plan: Plan) -> None:
        self.feats, self.cols, self.step = feats, cols, plan.step
        dtype = torch.bfloat16 if product.bfloat16_pays() else torch.float32
        centres = tuple(one.centre() for one in feats.sets)
        self.operand = make_operand(
            feats, dtype, origin=_typical(feats, k, centres), centres=centres, stored=plan.stored
        )
        self.near: Side
        self.far: Side

    def run(
        self, wanted: npt.NDArray[np.integer], tasks: list[Task], progress: Progress | None
    ) -> None:
        """Fill the lists of images 0, 1, … that want so many neighbours each."""
        rows = np.arange(len(wanted))
        far_room = np.full(len(wanted), FAR_ROOM)
        self.near, self.far = _sides(self.operand, rows, wanted, room_for(wanted), far_room)

        def left(start: int, stop: int) -> Tensor:
            return self.operand.left(self.operand.right(start, stop))

        one = Pass(self.operand, self.cols, left, self.near, self.far, self.step)
        one.run(tasks, progress)

    def finish(self, span: slice, k: int) -> Neighbours:
        """Exact neighbours of consecutive images that want k each."""
        near, far = self.near.rows(span), self.far.rows(span)
        rows = np.arange(span.start, span.stop)
        found = measure(self.feats, rows, near, far, k, offset=self.cols[0])
        again = np.flatnonzero(near.full() | far.full())
        for start in range(0, len(again), _AGAIN_ROWS):
            local = again[start : start + _AGAIN_ROWS]
            self._again(found, rows, local, min(_AGAIN_ROOM, self._num_cols))
        return Neighbours(found.idx, found.dist, found.largest, len(again))

    @property
    def _num_cols(self) -> int:
        return self.cols[1] - self.cols[0]

    def _again(self, found: Neighbours, rows: IntArray, local: IntArray, room: int) -> None:
        """Search rows[local] again in float32 and put the result into `found`."""
        near, far = self._fine_pass(rows[local], found.idx.shape[1], room)
        again = measure(self.feats, rows[local], near, far, found.idx.shape[1], offset=self.cols[0])
        full = near.full() | far.full()
        ready = local[~full]
        found.idx[ready], found.dist[ready] = again.idx[~full], again.dist[~full]
        found.largest[ready] = again.largest[~full]
        left = local[full]
        step = max(1, _LAST_PLACES // self._num_cols)
        for start in range(0, len(left), step):
            # With room for all images nothing overflows.
            self._again(found, rows, left[start : start + step], self._num_cols)

    def _fine_pass(self, rows: IntArray, k: int, room: int) -> tuple[Side, Side]:
        """Lists of chosen images after a pass in float32 that rounds one block at a time."""
        fine = make_operand(
            self.feats,
            torch.float32,
            origin=self.operand.origin,
            centres=self.operand.centres,
            stored=False,
        )
        near, far = _sides(
            fine, rows, np.full(len(rows), k), np.full(len(rows), room), np.full(len(rows), room)
        )
        chosen = fine.left(torch.cat([fine.right(row, row + 1) for row in rows.tolist()]))
        one = Pass(fine, self.cols, lambda start, stop: chosen[start:stop], near, far, self.step)
        one.run(rectangle(len(rows), self._num_cols, self.step))
        return near, far


def _sides(
    operand: Operand,
    rows: IntArray,
    wanted: npt.NDArray[np.integer],
    near_room: npt.NDArray[np.integer],
    far_room: npt.NDArray[np.integer],
) -> tuple[Side, Side]:
    error = operand.error(operand.bounds.take(rows))
    shift = 16 if operand.dtype == torch.bfloat16 else 0
    shared = (error, operand.out_error, shift, operand.origin)
    near = empty_side(wanted, near_room, 1.0, *shared)
    return near, empty_side(np.ones_like(wanted), far_room, -1.0, *shared)
