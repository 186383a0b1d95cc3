"""Which gallery images are matches of a query, and which are junk, by identities and cameras."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.protocol import Protocol


@dataclass(frozen=True, eq=False)
class Relevance:
    """Identities and cameras of both sides under the rules of a protocol.

    The gallery is grouped by identity once, so that the images of a query's vehicle are found
    without looking at the others.

    Attributes:
        query_pids, query_camids: (Q,) identities and cameras.
        gallery_pids, gallery_camids: (G,) likewise.
        protocol: Says what is junk.

    Raises:
        DataError: For lengths that differ, an unknown identity, and an unknown camera where cameras
            matter.
    """

    query_pids: IntArray
    gallery_pids: IntArray
    query_camids: IntArray
    gallery_camids: IntArray
    protocol: Protocol

    def __post_init__(self) -> None:
        for part in ("query", "gallery"):
            pids, camids = getattr(self, f"{part}_pids"), getattr(self, f"{part}_camids")
            if pids.shape != camids.shape:
                raise DataError(f"{part} has {pids.shape} identities and {camids.shape} cameras")
            _refuse_unknown(pids, f"{part} image", "identity", "scores need labels")
            if self.protocol.junk != "none":
                hint = f"the protocol {self.protocol.name} leaves images out by camera"
                _refuse_unknown(camids, f"{part} image", "camera", hint)

    def same_vehicle(
        self, queries: slice
    ) -> tuple[IntArray, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """The gallery images of the vehicles of some queries, S in all.

        Returns:
            cols: (S,) gallery indices, query after query, ascending within a query.
            rows: (S,) which of these queries each belongs to, from 0.
            junk_mask: (S,) which of them are junk for it.
        """
        by_pid, starts, stops = self._grouped
        counts = stops[queries] - starts[queries]  # (B,)
        rows = np.repeat(np.arange(len(counts)), counts)
        shifts = starts[queries] - (np.cumsum(counts) - counts)  # from a place in S to by_pid
        cols = by_pid[np.arange(len(rows)) + shifts[rows]]
        if self.protocol.junk == "none":
            return cols, rows, np.zeros(len(cols), dtype=np.bool_)
        return cols, rows, self.gallery_camids[cols] == self.query_camids[queries][rows]

    def num_relevant(self, query_idx: int) -> int:
        """How many matches a query has, junk left out."""
        cols, _, junk_mask = self.same_vehicle(slice(query_idx, query_idx + 1))
        return len(cols) - int(np.count_nonzero(junk_mask))

    def hits(self, query_idx: int, ranked: IntArray) -> IntArray:
        """Ranks of the matches in a list of gallery indices, from 0, junk left out."""
        same_mask = self.gallery_pids[ranked] == self.query_pids[query_idx]
        if self.protocol.junk == "none":
            return np.flatnonzero(same_mask)
        same_camera = self.gallery_camids[ranked] == self.query_camids[query_idx]
        return np.flatnonzero(same_mask[~(same_mask & same_camera)])

    @cached_property
    def _grouped(self) -> tuple[IntArray, IntArray, IntArray]:
        """Gallery indices by (identity, index), and where each query's identity begins and ends."""
        by_pid = np.argsort(self.gallery_pids, kind="stable").astype(np.int64)
        pids = self.gallery_pids[by_pid]
        starts = np.searchsorted(pids, self.query_pids, side="left").astype(np.int64)
        return by_pid, starts, np.searchsorted(pids, self.query_pids, side="right").astype(np.int64)


def _refuse_unknown(column: IntArray, where: str, what: str, hint: str) -> None:
    unknown_idx = np.flatnonzero(column == UNKNOWN)
    if len(unknown_idx):
        raise DataError(
            f"{where} {unknown_idx[0]} and {len(unknown_idx) - 1} more have no known {what}"
            f" ({UNKNOWN}); {hint}"
        )
