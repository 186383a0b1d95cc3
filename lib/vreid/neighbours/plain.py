"""Exact search in torch alone: on any device, and on the CPU where loops cannot be compiled.

Blocks of float32 products with a running top list of each row, a little longer than what is wanted.
The list is complete when its last value is worse than the k-th by more than the rounding errors of
both; a row where it is not, because too many images are equally far, is measured in full.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vreid import product
from vreid.errors import ConfigError
from vreid.features import FloatArray, IntArray
from vreid.neighbours.found import Index, Neighbours
from vreid.neighbours.sets import FeatureSet, FeatureSets, Wide, check_range
from vreid.neighbours.tiles import Progress

_ROWS = 2048
_COLS = 8192
_FAR = 24
_GATHERED = 1 << 24  # values gathered at once for exact distances on a device


def among_all(
    feats: FeatureSets,
    k: int,
    *,
    query_k: int,
    device: torch.device,
    progress: Progress | None = None,
) -> tuple[Neighbours, Neighbours]:
    """As `search.among_all`."""
    search = _Search(feats, device, (0, feats.num_all))
    shares = [feats.num_query / feats.num_all, 1.0]
    query = search.run(0, feats.num_query, query_k, _part_of(progress, 0.0, shares[0]))
    rest = search.run(feats.num_query, feats.num_all, k, _part_of(progress, shares[0], 1.0))
    return query, rest


def in_gallery(feats: FeatureSets, k: int, *, device: torch.device) -> Neighbours:
    """As `search.in_gallery`."""
    search = _Search(feats, device, (feats.num_query, feats.num_all))
    return search.run(0, feats.num_query, k, None)


def fill_distances(
    feats: FeatureSets, out: FloatArray, *, start: int, device: torch.device
) -> None:
    """As `blocks.fill_distances`, on a device."""
    rows = _Rows(feats, device)
    for top in range(0, len(out), _ROWS):
        end = min(top + _ROWS, len(out))
        for first in range(feats.num_query, feats.num_all, _COLS):
            last = min(first + _COLS, feats.num_all)
            block = 2 * rows.half_distances(start + top, start + end, first, last)
            span = slice(first - feats.num_query, last - feats.num_query)
            out[top:end, span] = block.cpu().numpy()
    if all(one.weight > 0 for one in feats.sets):
        np.maximum(out, 0, out=out)


def find_device(name: torch.device | str | None) -> torch.device:
    """The device of a name, the CPU for none.

    Raises:
        ConfigError: When there is none.
    """
    try:
        device = torch.device("cpu" if name is None else name)
    except RuntimeError:
        raise ConfigError(f"there is no device {name!r}; choose cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"the device is {name}, but torch finds no GPU here; leave it out")
    return device


def _part_of(progress: Progress | None, start: float, stop: float) -> Progress | None:
    if progress is None:
        return None
    return lambda share: progress(start + (stop - start) * share)


class _Rows:
    """Rows of all sets side by side, centred and scaled by √|weight|."""

    def __init__(self, feats: FeatureSets, device: torch.device) -> None:
        self.feats, self.device = feats, device
        self.centres = [torch.from_numpy(one.centre()).to(device) for one in feats.sets]
        self.kept = [self._copy(one) for one in feats.sets] if device.type != "cpu" else None
        signs = [torch.full((one.width,), float(np.sign(one.weight))) for one in feats.sets]
        self.signs = torch.cat(signs).to(device)
        spans = [(at, min(at + _COLS, feats.num_all)) for at in range(0, feats.num_all, _COLS)]
        squares = [self.take(*span).double().square() for span in spans]
        self.norms = torch.cat([part.sum(dim=1).sqrt() for part in squares])  # (N,)
        check_range(self.norms.cpu().numpy())
        self.halves = torch.cat([(part * self.signs).sum(dim=1) / 2 for part in squares])  # (N,)

    def _copy(self, one: FeatureSet) -> Tensor:
        parts = [torch.from_numpy(part).to(self.device) for part in (one.query, one.gallery)]
        return torch.cat(parts)

    def take(self, start: int, stop: int) -> Tensor:
        """(B, D) rows start..stop."""
        parts = []
        for number, one in enumerate(self.feats.sets):
            if self.kept is None:
                rows = torch.from_numpy(
                    np.concatenate([part for part, _ in one.parts(start, stop)])
                )
            else:
                rows = self.kept[number][start:stop]
            parts.append((rows - self.centres[number]) * float(np.sqrt(abs(one.weight))))
        return torch.cat(parts, dim=1)

    def half_distances(self, start: int, stop: int, first: int, last: int) -> Tensor:
        """(B, C) half distances of rows start..stop to rows first..last, in float32."""
        left, right = self.take(start, stop), self.take(first, last)
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # the error bounds are those of float32
        try:
            block = -((left * self.signs) @ right.t())
        finally:
            torch.set_float32_matmul_precision(precision)
        block += self.halves[start:stop, None].float()
        block += self.halves[first:last].float()
        return block

    def error(self, start: int, stop: int) -> Tensor:
        """(B,) bound of the error of `half_distances` against any row."""
        norms, largest = self.norms[start:stop], self.norms.max()
        # |x||y| for the product and its rounded inputs, the rest for the halves.
        spread = product.sum_error(self.feats.width + 8) * 1.01
        return spread * (norms * largest + norms.square() + largest.square())

    def measure(self, rows: Tensor, cols: Tensor) -> Tensor:
        """(B, m) exact distances of rows to their (B, m) columns, on the device.

        From the features as they were given, in float64: the same numbers as `FeatureSets.pairs`,
        up to the order of a float64 sum.
        """
        assert self.kept is not None
        total = torch.zeros(cols.shape, dtype=torch.float64, device=self.device)
        for one, kept in zip(self.feats.sets, self.kept, strict=True):
            step = max(1, _GATHERED // (cols.shape[1] * one.width))
            for start in range(0, len(rows), step):
                span = slice(start, start + step)
                gap = kept[cols[span]].double() - kept[rows[span]].double()[:, None]
                total[span] += one.weight * gap.square().sum(dim=2)
        return total


@dataclass
class _Lists:
    """(B, m) running values and columns."""

    values: Tensor
    cols: Tensor

    def merge(self, block: Tensor, first: int, length: int) -> None:
        values, cols = torch.topk(block, min(length, block.shape[1]), dim=1, largest=False)
        values = torch.cat([self.values, values], dim=1)
        cols = torch.cat([self.cols, cols + first], dim=1)
        kept = min(length, values.shape[1])
        self.values, order = torch.topk(values, kept, dim=1, largest=False)
        self.cols = torch.gather(cols, 1, order)


class _Search:
    def __init__(self, feats: FeatureSets, device: torch.device, cols: tuple[int, int]) -> None:
        self.feats, self.cols = feats, cols
        self.rows = _Rows(feats, device)
        self.device = device

    def run(self, start: int, stop: int, k: int, progress: Progress | None) -> Neighbours:
        """Neighbours of rows start..stop among the columns, numbered from the first column."""
        num_cols = self.cols[1] - self.cols[0]
        idx = np.empty((stop - start, k), dtype=np.int32)
        dist = np.empty((stop - start, k), dtype=np.float64)
        largest = np.empty(stop - start, dtype=np.float64)
        num_again = 0
        for top in range(start, stop, _ROWS):
            end = min(top + _ROWS, stop)
            near, far = self._lists(top, end, min(2 * k + 32, num_cols), min(_FAR, num_cols))
            error = self.rows.error(top, end)
            done = _complete(near, error, k, num_cols) & _complete(far, error, 1, num_cols)
            span = slice(top - start, end - start)
            rows = np.arange(top, end)
            idx[span], dist[span] = self._select(rows, near.cols, k)
            largest[span] = self._measure(rows, far.cols).max(axis=1)
            for local in np.flatnonzero(~done.cpu().numpy()):
                self._in_full(rows[local], k, idx[span][local], dist[span][local])
                everything = torch.arange(num_cols, device=self.device)[None]
                largest[span][local] = self._measure(rows[local : local + 1], everything).max()
                num_again += 1
            if progress is not None:
                progress((end - start) / (stop - start))  # of these rows
        return Neighbours(idx, dist, largest, num_again)

    def _lists(self, top: int, end: int, length: int, far_length: int) -> tuple[_Lists, _Lists]:
        empty = torch.empty(end - top, 0, device=self.device)
        near = _Lists(empty, empty.long())
        far = _Lists(empty, empty.long())
        for first in range(self.cols[0], self.cols[1], _COLS):
            block = self.rows.half_distances(top, end, first, min(first + _COLS, self.cols[1]))
            near.merge(block, first - self.cols[0], length)
            far.merge(-block, first - self.cols[0], far_length)
        return near, far

    def _select(self, rows: IntArray, cols: Tensor, k: int) -> tuple[Index, Wide]:
        cols = torch.sort(cols, dim=1).values
        exact = self._measure(rows, cols)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        chosen = np.take_along_axis(cols.cpu().numpy(), order, axis=1).astype(np.int32)
        return chosen, np.take_along_axis(exact, order, axis=1)

    def _in_full(self, row: int, k: int, idx: Index, dist: Wide) -> None:
        num_cols = self.cols[1] - self.cols[0]
        everything = torch.arange(num_cols, device=self.device)[None]
        idx[:], dist[:] = (part[0] for part in self._select(np.array([row]), everything, k))

    def _measure(self, rows: IntArray, cols: Tensor) -> Wide:
        """(B, m) exact distances of rows to columns."""
        if self.device.type == "cpu":
            images = cols.numpy().astype(np.int32) + np.int32(self.cols[0])
            indptr = np.arange(0, images.size + 1, images.shape[1])
            return self.feats.pairs(rows, indptr, images.ravel()).reshape(images.shape)
        there = torch.from_numpy(rows).to(self.device)
        return self.rows.measure(there, cols + self.cols[0]).cpu().numpy()


def _complete(lists: _Lists, error: Tensor, k: int, num_cols: int) -> Tensor:
    if lists.values.shape[1] == num_cols:
        return torch.ones(len(lists.values), dtype=torch.bool, device=lists.values.device)
    kth, last = lists.values[:, k - 1].double(), lists.values[:, -1].double()
    return last - error > kth + error
