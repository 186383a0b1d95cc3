"""Where the distances to be re-ranked come from: features, or a matrix that is there already."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

from vreid.blocks import fill_squared
from vreid.compiled import available
from vreid.features import FloatArray, IntArray
from vreid.neighbours import plain, search
from vreid.neighbours.found import Index, Neighbours
from vreid.neighbours.sets import FeatureSets, Wide
from vreid.neighbours.tiles import Progress


class Source(Protocol):
    """Distances among N images of which the first Q are queries.

    Attributes:
        symmetric: Whether d(i, j) = d(j, i).
    """

    symmetric: ClassVar[bool]

    @property
    def num_query(self) -> int:
        """Q."""

    @property
    def num_all(self) -> int:
        """N."""

    def neighbours(self, k: int, query_k: int) -> tuple[Neighbours, Neighbours]:
        """Of the queries (query_k each) and of the gallery (k each), among all images."""

    def gallery_neighbours(self, queries: IntArray, k: int) -> tuple[Index, Wide]:
        """(B, k) nearest gallery images of some queries, numbered 0..G-1, and their distances."""

    def pairs(self, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        """See `FeatureSets.pairs`."""

    def fill(self, out: FloatArray, start: int) -> None:
        """Write the (B, G) distances of queries start, start + 1, …"""


@dataclass(frozen=True)
class FeatureSource:
    """Distances of features, computed where they are needed.

    Attributes:
        feats: The features.
        plan: How the search uses memory.
        device: Where it runs.
        progress: Called with its finished share.
    """

    feats: FeatureSets
    plan: search.Plan
    device: torch.device
    progress: Progress | None = None
    symmetric: ClassVar[bool] = True

    @property
    def num_query(self) -> int:
        """Q."""
        return self.feats.num_query

    @property
    def num_all(self) -> int:
        """N."""
        return self.feats.num_all

    @property
    def _compiled(self) -> bool:
        return self.device.type == "cpu" and available()

    def neighbours(self, k: int, query_k: int) -> tuple[Neighbours, Neighbours]:
        """See `Source`."""
        if self._compiled:
            return search.among_all(
                self.feats, k, plan=self.plan, query_k=query_k, progress=self.progress
            )
        found = plain.among_all(
            self.feats, k, query_k=query_k, device=self.device, progress=self.progress
        )
        return found

    def gallery_neighbours(self, queries: IntArray, k: int) -> tuple[Index, Wide]:
        """See `Source`."""
        some = self.feats.some_queries(queries)
        if self._compiled:
            found = search.in_gallery(some, k, plan=self.plan)
        else:
            found = plain.in_gallery(some, k, device=self.device)
        return found.idx, found.dist

    def pairs(self, rows: IntArray, indptr: IntArray, cols: Index) -> Wide:
        """See `Source`."""
        return self.feats.pairs(rows, indptr, cols)

    def fill(self, out: FloatArray, start: int) -> None:
        """See `Source`."""
        if self.device.type != "cpu":
            plain.fill_distances(self.feats, out, start=start, device=self.device)
            return
        for number, one in enumerate(self.feats.sets):
            query = one.query[start : start + len(out)]
            fill_squared(query, one.gallery, out, weight=one.weight, add=number > 0)
