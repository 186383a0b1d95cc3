"""A square distance matrix as the source: NumPy's, or a file mapped into memory.

The definition divides each column by its largest value and then transposes, so the distances of
image i are column i. Columns are read a block at a time, three times in all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vreid.errors import DataError
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index, Neighbours
from vreid.neighbours.sets import Wide
from vreid.neighbours.tiles import Progress
from vreid.ranking import nearest

_BLOCK_VALUES = 1 << 24  # 64 MB of float32 a block of columns


@dataclass(frozen=True)
class DenseSource:
    """A square matrix.

    Attributes:
        dist: (N, N) float32, queries first.
        num_query: Q.
        names: (N,) names of the images for messages; None when there are none.
        progress: Called with the finished share of the search.
    """

    dist: FloatArray
    num_query: int
    names: tuple[str, ...] | None = None
    progress: Progress | None = None
    symmetric: ClassVar[bool] = False

    @property
    def num_all(self) -> int:
        """N."""
        return len(self.dist)

    def neighbours(self, k: int, query_k: int) -> tuple[Neighbours, Neighbours]:
        """See `Source`."""
        query = self._search(0, self.num_query, query_k)
        return query, self._search(self.num_query, self.num_all, k)

    def gallery_neighbours(self, queries: IntArray, k: int) -> tuple[Index, Wide]:
        """See `Source`."""
        idx = np.empty((len(queries), k), dtype=np.int32)
        dist = np.empty((len(queries), k), dtype=np.float64)
        for at, query in enumerate(queries):
            row = np.array(self.dist[self.num_query :, query])[None]
            idx[at] = nearest(row, k)[0]
            dist[at] = row[0, idx[at]]
        return idx, dist

    def pairs(self, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        """See `Source`."""
        found = np.empty(len(cols), dtype=np.float64)
        order = np.argsort(rows, kind="stable")
        at = 0
        for start, block in self._blocks(0, self.num_all):
            while at < len(order) and rows[order[at]] < start + len(block):
                row = order[at]
                span = slice(indptr[row], indptr[row + 1])
                found[span] = block[rows[row] - start, cols[span]]
                at += 1
            if at == len(order):
                break
        return found

    def fill(self, out: FloatArray, start: int) -> None:
        """See `Source`."""
        for first, block in self._blocks(start, start + len(out)):
            out[first - start : first - start + len(block)] = block[:, self.num_query :]

    def _blocks(self, first: int, last: int) -> Iterator[tuple[int, FloatArray]]:
        """Columns first..last as rows, (B, N) at a time."""
        step = max(1, _BLOCK_VALUES // self.num_all)
        for start in range(first, last, step):
            yield start, np.ascontiguousarray(self.dist[:, start : min(start + step, last)].T)

    def _search(self, first: int, last: int, k: int) -> Neighbours:
        idx = np.empty((last - first, k), dtype=np.int32)
        dist = np.empty((last - first, k), dtype=np.float64)
        largest = np.empty(last - first, dtype=np.float64)
        for start, block in self._blocks(first, last):
            self._refuse_not_finite(start, block)
            span = slice(start - first, start - first + len(block))
            idx[span] = nearest(block, k)
            dist[span] = np.take_along_axis(block, idx[span], axis=1)
            largest[span] = block.max(axis=1)
            if self.progress is not None:
                self.progress((start + len(block)) / self.num_all)
        return Neighbours(idx, dist, largest)

    def _refuse_not_finite(self, start: int, block: FloatArray) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):
                return
        finite_mask = np.isfinite(block)
        if finite_mask.all():
            return
        col, row = np.argwhere(~finite_mask)[0]
        name = f"row {row}" if self.names is None else f"{self.names[row]} (row {row})"
        raise DataError(f"distances of {name} hold NaN or infinity in column {start + col}")
