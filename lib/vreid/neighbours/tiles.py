"""The pass over all pairs: square tiles of the distance matrix, each made once and forgotten.

A symmetric matrix needs only the tiles on and above its diagonal: the rows of a tile serve one half
and its columns the other. Each thread multiplies and scans a tile of its own, so that products and
scans of several tiles overlap and no thread waits for another but at the lists they share.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vreid import product
from vreid.neighbours.lists import scan_cols, scan_rows
from vreid.neighbours.operand import Operand
from vreid.neighbours.side import Side

Progress = Callable[[float], None]
# A tile: the block of rows, the block of columns, and whether its columns get their share too.
Task = tuple[int, int, bool]


@dataclass(frozen=True)
class Pass:
    """A pass of R left rows over rows of an operand.

    Attributes:
        operand: The right side.
        cols: The rows of the operand that are found, first and last + 1; candidates are numbered
            from the first.
        left: Gives rows start..stop of the left side.
        near, far: Lists of the left rows.
        step: Rows and columns of a tile.
    """

    operand: Operand
    cols: tuple[int, int]
    left: Callable[[int, int], Tensor]
    near: Side
    far: Side
    step: int

    def run(self, tasks: Sequence[Task], progress: Progress | None = None) -> None:
        """Do all tiles, on as many threads as torch uses here.

        Args:
            tasks: The tiles.
            progress: Called with the finished share of them.
        """
        num_blocks = 1 + max((max(task[:2]) for task in tasks), default=0)
        locks = [threading.Lock() for _ in range(num_blocks)]
        queue = _Queue(tasks, progress)
        num_workers = max(1, min(torch.get_num_threads(), len(tasks)))
        if num_workers == 1:
            self._work(queue, locks)
            return

        def work() -> None:
            torch.set_num_threads(1)  # of the products of this thread
            self._work(queue, locks)

        with ThreadPoolExecutor(num_workers) as pool:
            futures = [pool.submit(work) for _ in range(num_workers)]
            try:
                for future in futures:
                    future.result()
            finally:
                queue.close()

    def _work(self, queue: "_Queue", locks: Sequence[threading.Lock]) -> None:
        multiply = _product(self.operand.dtype)
        room = torch.empty(self.step * self.step, dtype=self.operand.dtype)
        left_block, left = -1, torch.empty(0)
        for row_block, col_block, both in queue:
            first, other = row_block * self.step, col_block * self.step
            if row_block != left_block:
                stop = min(first + self.step, len(self.near.used))
                left_block, left = row_block, self.left(first, stop)
            start, end = self.cols[0] + other, min(self.cols[0] + other + self.step, self.cols[1])
            right = self.operand.right(start, end)
            out = room[: len(left) * len(right)].view(len(left), len(right))
            tile = _patterns(multiply(left, right, out))
            with locks[row_block]:
                scan_rows(tile, self.near, self.far, first, other)
            if both:
                with locks[col_block]:
                    scan_cols(tile, self.near, self.far, first, other)


class _Queue:
    """The tiles that are left, for several threads."""

    def __init__(self, tasks: Sequence[Task], progress: Progress | None) -> None:
        self._tasks = list(reversed(tasks))
        self._num_tasks, self._num_done = len(tasks), 0
        self._progress = progress
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Task]:
        while True:
            with self._lock:
                if not self._tasks:
                    return
                task = self._tasks.pop()
            yield task
            with self._lock:
                self._num_done += 1
                if self._progress is not None:
                    self._progress(self._num_done / self._num_tasks)

    def close(self) -> None:
        """Take all tiles away: an error or the user stopped the pass."""
        with self._lock:
            self._tasks.clear()


def _product(dtype: torch.dtype) -> product.Product:
    if dtype == torch.float32:
        return product.float32_product(all_threads=False)
    return lambda left, right, out: torch.mm(left, right.t(), out=out)


def symmetric(num_rows: int, step: int) -> list[Task]:
    """The tiles on and above the diagonal.

    Those on it come first: each list then begins with a row of a tile, which lies together in
    memory, and not with a column.
    """
    num_blocks = -(-num_rows // step)
    diagonal = [(block, block, False) for block in range(num_blocks)]
    above = [(row, col, True) for row in range(num_blocks) for col in range(row + 1, num_blocks)]
    return diagonal + above


def rectangle(num_rows: int, num_cols: int, step: int) -> list[Task]:
    """The tiles of a matrix that is not symmetric."""
    rows, cols = range(-(-num_rows // step)), range(-(-num_cols // step))
    return [(row, col, False) for row in rows for col in cols]


def _patterns(tile: Tensor) -> npt.NDArray[np.signedinteger]:
    kind = torch.int16 if tile.dtype == torch.bfloat16 else torch.int32
    return tile.contiguous().view(kind).numpy()
