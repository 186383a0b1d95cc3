"""Distances of N images as a weighted sum over sets of features, each pair when it is asked for.

D[i, j] = Σ weight · |xᵢ - xⱼ|² over the sets. One set of weight 1 is the plain squared Euclidean
distance; vehicle features with those of cameras and orientations at negative weights are the fused
distance of VOC-ReID (Zhu, Luo, Fu, Ji, CVPR Workshops 2020, arXiv:2004.09164), which then never
exists as an N x N matrix.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.blocks import centre_of
from vreid.compiled import available, compiled, over_rows, reordered
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray

Wide = npt.NDArray[np.float64]
_SHORTEST, _LONGEST = 1e-16, 1e17  # lengths whose squares are far from the ends of float32
_GATHERED = 1 << 22  # values gathered at once without compiled loops, 32 MB of float64


@dataclass(frozen=True)
class FeatureSet:
    """One set of features of all images and its weight.

    Attributes:
        query: (Q, D) float32.
        gallery: (G, D) float32.
        weight: Finite, not 0; negative to push images apart that are alike in this set.
    """

    query: FloatArray
    gallery: FloatArray
    weight: float = 1.0

    @property
    def width(self) -> int:
        """D."""
        return int(self.query.shape[1])

    def parts(self, start: int, stop: int) -> list[tuple[FloatArray, int]]:
        """Rows start..stop of queries and gallery as one numbering: views and where each begins."""
        num_query = len(self.query)
        query = self.query[start:stop]
        gallery = self.gallery[max(0, start - num_query) : max(0, stop - num_query)]
        return [(part, at) for part, at in ((query, 0), (gallery, len(query))) if len(part)]

    def take(self, idx: npt.NDArray[np.integer]) -> FloatArray:
        """The rows of an index array of any shape, (..., D)."""
        idx = np.asarray(idx, dtype=np.int64)
        num_query = len(self.query)
        found = np.empty((*idx.shape, self.width), dtype=np.float32)
        query_mask = idx < num_query
        found[query_mask] = self.query[idx[query_mask]]
        found[~query_mask] = self.gallery[idx[~query_mask] - num_query]
        return found

    def centre(self) -> FloatArray:
        """(D,) the mean of some rows. Distances do not change under translation."""
        return centre_of(self.query, self.gallery)


@dataclass(frozen=True)
class FeatureSets:
    """Sets of features of the same N = Q + G images, queries first.

    Attributes:
        sets: At least one, all with the same Q and G.
    """

    sets: tuple[FeatureSet, ...]

    def __post_init__(self) -> None:
        if not self.sets:
            raise ConfigError("there are no features to compare; give at least one set")
        for number, one in enumerate(self.sets):
            where = "" if len(self.sets) == 1 else f" of set {number}"
            _check(one, where)
            sizes = (len(one.query), len(one.gallery))
            if sizes != (self.num_query, self.num_gallery):
                raise DataError(
                    f"set {number} has {sizes[0]} queries and {sizes[1]} gallery images, set 0 has"
                    f" {self.num_query} and {self.num_gallery}; all sets describe the same images"
                )

    @property
    def num_query(self) -> int:
        """Q."""
        return len(self.sets[0].query)

    @property
    def num_gallery(self) -> int:
        """G."""
        return len(self.sets[0].gallery)

    @property
    def num_all(self) -> int:
        """N = Q + G."""
        return self.num_query + self.num_gallery

    @property
    def width(self) -> int:
        """Columns of all sets together."""
        return sum(one.width for one in self.sets)

    def some_queries(self, queries: IntArray) -> "FeatureSets":
        """The same gallery with some of the queries."""
        return FeatureSets(
            tuple(FeatureSet(one.query[queries], one.gallery, one.weight) for one in self.sets)
        )

    def pairs(self, rows: IntArray, indptr: IntArray, cols: npt.NDArray[np.int32]) -> Wide:
        """Exact distances of chosen pairs.

        Every pair is summed in float64 in one fixed order of its own, so that a distance depends on
        the two images alone: not on blocks, threads or the library that multiplies matrices.

        Args:
            rows: (B,) image numbers.
            indptr: (B + 1,) the pairs of row b are ``cols[indptr[b]:indptr[b + 1]]``.
            cols: (P,) int32 image numbers.

        Returns:
            (P,) float64.
        """
        total = np.zeros(len(cols), dtype=np.float64)
        for one in self.sets:
            if available():
                _add_compiled(one, rows, indptr, cols, total)
            else:
                _add_gathered(one, rows, indptr, cols, total)
        return total


def feature_sets(query_feats: FloatArray, gallery_feats: FloatArray) -> FeatureSets:
    """One set of weight 1.

    Raises:
        DataError: For shapes that do not fit each other, no rows, NaN or infinity.
    """
    return FeatureSets((FeatureSet(query_feats, gallery_feats),))


def _check(one: FeatureSet, where: str) -> None:
    if not np.isfinite(one.weight) or one.weight == 0:
        raise ConfigError(
            f"the weight of the features{where} is {one.weight}; expected a finite one"
        )
    if one.query.ndim != 2 or one.query.shape[1:] != one.gallery.shape[1:]:
        raise DataError(
            f"query features{where} have shape {one.query.shape}, gallery features"
            f" {one.gallery.shape}; expected the same number of columns"
        )
    for part, feats in (("query", one.query), ("gallery", one.gallery)):
        if feats.dtype != np.float32 or not feats.flags.c_contiguous:
            raise DataError(
                f"{part} features{where} are {feats.dtype}; expected float32, row after row"
            )
        if not len(feats):
            raise DataError(f"there are no {part} features{where}")
        step = max(1, (1 << 22) // max(1, one.width))
        for start in range(0, len(feats), step):
            # A sum is not finite where one value is not; only then it pays to look at each.
            with np.errstate(over="ignore", invalid="ignore"):
                total = feats[start : start + step].sum()
            if np.isfinite(total):
                continue
            finite_mask = np.isfinite(feats[start : start + step]).all(axis=1)
            if not finite_mask.all():
                row = start + int(finite_mask.argmin())
                raise DataError(f"{part} features{where} hold NaN or infinity in row {row}")


def check_range(norms: Wide) -> None:
    """Refuse features whose squared distances float32 cannot hold.

    Args:
        norms: (N,) lengths of the centred rows.

    Raises:
        DataError: Saying how long the longest is.
    """
    longest = float(norms.max())
    if longest != 0 and not _SHORTEST < longest < _LONGEST:
        raise DataError(
            f"the longest centred feature has length {longest:.3g}; squared distances of such"
            f" features do not fit float32: scale them to between {_SHORTEST:g} and {_LONGEST:g}"
        )


@reordered
def squared_distance(left: FloatArray, right: FloatArray) -> float:
    """Σ (left - right)² of two rows in float64."""
    total = 0.0
    for col in range(left.shape[0]):
        gap = np.float64(left[col]) - np.float64(right[col])
        total += gap * gap
    return total


@compiled
def _add_pairs(
    query: FloatArray,
    gallery: FloatArray,
    weight: float,
    rows: IntArray,
    indptr: IntArray,
    cols: npt.NDArray[np.int32],
    total: Wide,
    start: int,
    stop: int,
) -> None:
    num_query = query.shape[0]
    for at in range(start, stop):
        row = rows[at]
        left = query[row] if row < num_query else gallery[row - num_query]
        for pair in range(indptr[at], indptr[at + 1]):
            col = cols[pair]
            right = query[col] if col < num_query else gallery[col - num_query]
            total[pair] += weight * squared_distance(left, right)


def _add_compiled(
    one: FeatureSet, rows: IntArray, indptr: IntArray, cols: npt.NDArray[np.int32], total: Wide
) -> None:
    def work(start: int, stop: int) -> None:
        _add_pairs(one.query, one.gallery, one.weight, rows, indptr, cols, total, start, stop)

    over_rows(work, len(rows))


def _add_gathered(
    one: FeatureSet, rows: IntArray, indptr: IntArray, cols: npt.NDArray[np.int32], total: Wide
) -> None:
    row_of = np.repeat(rows, np.diff(indptr))
    step = max(1, _GATHERED // max(1, one.width))
    for start in range(0, len(cols), step):
        span = slice(start, start + step)
        gap = one.take(row_of[span]).astype(np.float64) - one.take(cols[span])
        total[span] += one.weight * np.einsum("pd,pd->p", gap, gap)
