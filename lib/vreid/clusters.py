"""Pseudo-labels: which images of unknown vehicles are taken for one, and how well that fits.

- Clusters of dense regions, DBSCAN (Ester, Kriegel, Sander, Xu, KDD 1996), which is scikit-learn's.
- Identity mining (He, Luo, Chen, Zhang, Zhang, Wang, Li, Jiang, "Multi-Domain Learning and Identity
  Mining for Vehicle Re-Identification", CVPR Workshops 2020, arXiv:2004.10547): queries far from
  each other become identities, and gallery images near one of them are attached. Their program
  stops at the number of test vehicles, which the organisers had told; here it goes on while there
  are queries far enough away.

Labels are 0..C-1, and `UNKNOWN` where an image has none.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.cluster import DBSCAN

from vreid.data.sample import UNKNOWN
from vreid.distance import normalize
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray


def dense_clusters(
    graph: sparse.csr_matrix, *, eps: float = 0.55, min_samples: int = 10
) -> IntArray:
    """DBSCAN: images reached through images that have enough others near them.

    Args:
        graph: (N, N) distances, of which those up to ``eps`` are stored, the diagonal too; from
            `vreid.rerank.near_pairs`.
        eps: The largest distance of neighbours.
        min_samples: Neighbours, the image itself counted, that make an image a core, >= 1.

    Returns:
        (N,) int64, numbered by first image; `UNKNOWN` for outliers.

    Raises:
        ConfigError: For numbers out of range.
    """
    if not 0 < eps < np.inf or min_samples < 1:
        raise ConfigError(
            f"eps is {eps}, min_samples {min_samples}; expected a number above 0 and at least 1"
        )
    found = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(graph)
    return number(np.asarray(found, dtype=np.int64))


def number(labels: IntArray) -> IntArray:
    """The same groups as 0..C-1 in the order of their first images; negative ones as `UNKNOWN`.

    >>> number(np.array([7, -1, 3, 7])).tolist()
    [0, -1, 1, 0]
    """
    known = np.flatnonzero(labels >= 0)
    _, first, inverse = np.unique(labels[known], return_index=True, return_inverse=True)
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    result = np.full(len(labels), UNKNOWN, dtype=np.int64)
    result[known] = numbers[inverse.ravel()]
    return result


def within_groups(graph: sparse.csr_matrix, apart: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    """The graph without the pairs of images that cannot be one vehicle.

    Args:
        graph: (N, N) from `vreid.rerank.near_pairs`.
        apart: (P,) for each stored pair, in the order of ``graph.data``.
    """
    kept = ~apart
    before = np.concatenate([[0], np.cumsum(kept)])
    return sparse.csr_matrix(
        (graph.data[kept], graph.indices[kept], before[graph.indptr]), shape=graph.shape
    )


def choose_identities(feats: FloatArray, *, apart: float = 0.49) -> IntArray:
    """Images that stand for a vehicle each: greedily, the farthest from those chosen so far.

    The first image comes first. Then, among the images at least ``apart`` from all chosen ones, the
    one with the largest sum of distances to them, the last among equals.

    Args:
        feats: (N, D) float32.
        apart: Smallest angle between two of them in radians, > 0.

    Returns:
        (K,) int64 images in the order of choice.

    Raises:
        ConfigError: For an angle that is not above 0.
        DataError: Without images.
    """
    if not apart > 0:  # nor NaN
        raise ConfigError(f"apart is {apart}; expected an angle above 0, in radians")
    if not len(feats):
        raise DataError("there are no queries to take identities from; give at least one")
    unit = normalize(feats)
    free = np.ones(len(unit), dtype=np.bool_)
    total = np.zeros(len(unit))
    chosen = [0]
    while True:
        # float64: two copies of an image are at 0 to eight places
        cosine = unit.astype(np.float64) @ unit[chosen[-1]].astype(np.float64)
        dist = np.arccos(np.clip(cosine, -1, 1))
        free &= dist >= apart
        free[chosen[-1]] = False
        total += dist
        if not free.any():
            return np.array(chosen, dtype=np.int64)
        rest = np.where(free, total, -np.inf)
        chosen.append(len(rest) - 1 - int(rest[::-1].argmax()))


def attach(dist: FloatArray, *, near: float = 0.23) -> IntArray:
    """The nearest identity of each image, if it is near.

    Args:
        dist: (K, G) distances of identities and images.
        near: An image is attached when it is nearer than this.

    Returns:
        (G,) int64 rows of ``dist``, the first among equals; `UNKNOWN` for images near none.
    """
    nearest = dist.argmin(axis=0).astype(np.int64)
    return np.where(dist.min(axis=0) < near, nearest, UNKNOWN)


def cluster_means(feats: FloatArray, labels: IntArray) -> FloatArray:
    """The mean feature of each cluster, at length 1: (C, D) float32.

    Args:
        feats: (N, D) float32.
        labels: (N,) 0..C-1, none of them empty, or `UNKNOWN`.
    """
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    starts = np.flatnonzero(np.diff(labels[order], prepend=UNKNOWN))
    sums = np.add.reduceat(feats[order].astype(np.float64), starts, axis=0)
    return normalize(np.asarray(sums, dtype=np.float32))


@dataclass(frozen=True)
class ClusterScores:
    """Clusters against true identities; shares are in [0, 1], NaN where there is nothing to count.

    Attributes:
        num_clusters: C.
        num_identities: True vehicles among all images, labelled or not.
        purity: Share of the labelled images that are of their cluster's most frequent vehicle.
        precision: Share of the pairs in one cluster that are of one vehicle.
        recall: Share of the pairs of one vehicle that are in one cluster; outliers count.
    """

    num_clusters: int
    num_identities: int
    purity: float
    precision: float
    recall: float


def score_clusters(labels: IntArray, pids: IntArray) -> ClusterScores:
    """Compare clusters with true identities; images of unknown vehicles do not count.

    Args:
        labels: (N,) clusters.
        pids: (N,) vehicles.
    """
    known = pids != UNKNOWN
    labels, pids = labels[known], pids[known]
    kept = labels != UNKNOWN
    cells, counts = np.unique(np.stack([labels[kept], pids[kept]]), axis=1, return_counts=True)
    clusters, first = np.unique(cells[0], return_index=True)
    largest = np.maximum.reduceat(counts, first).sum() if len(clusters) else 0
    together = _num_pairs(counts)
    return ClusterScores(
        num_clusters=len(clusters),
        num_identities=len(np.unique(pids)),
        purity=_share(int(largest), int(kept.sum())),
        precision=_share(together, _num_pairs(np.unique(labels[kept], return_counts=True)[1])),
        recall=_share(together, _num_pairs(np.unique(pids, return_counts=True)[1])),
    )


def _num_pairs(counts: npt.NDArray[np.int64]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
