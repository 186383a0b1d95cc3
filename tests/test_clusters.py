"""Pseudo-labels against loops, and DBSCAN on the sparse graph against the dense matrix."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import DBSCAN

from vreid.clusters import (
    attach,
    choose_identities,
    cluster_means,
    dense_clusters,
    number,
    score_clusters,
    within_groups,
)
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray


def graph_of(dist: FloatArray, most: float) -> sparse.csr_matrix:
    """What is near, zeros too."""
    rows, cols = np.nonzero(dist <= most)
    return sparse.csr_matrix(
        (dist[rows, cols], cols, np.searchsorted(rows, np.arange(len(dist) + 1))), shape=dist.shape
    )


def plane(num: int, seed: int) -> FloatArray:
    """Distances of points in the plane, in a few heaps; two of them are one point."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 4, (num, 2)) + 0.12 * rng.normal(size=(num, 2))
    points[1] = points[0]
    return np.asarray(np.linalg.norm(points[:, None] - points, axis=2), dtype=np.float32)


@pytest.mark.parametrize(("eps", "min_samples"), [(0.15, 4), (0.3, 10), (0.05, 2), (2.0, 1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_clusters_are_those_of_the_dense_matrix(eps: float, min_samples: int, seed: int) -> None:
    dist = plane(150, seed)
    found = dense_clusters(graph_of(dist, eps), eps=eps, min_samples=min_samples)
    dense = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(dist)
    np.testing.assert_array_equal(found, number(dense.astype(np.int64)))
    assert found.dtype == np.int64


def test_clusters_are_numbered_by_their_first_image() -> None:
    assert number(np.array([5, -1, 2, 5, 0, -1])).tolist() == [0, -1, 1, 0, 2, -1]
    assert number(np.array([-1, -1])).tolist() == [-1, -1]


def test_pairs_across_groups_are_taken_out() -> None:
    graph = graph_of(np.zeros((3, 3), dtype=np.float32), 1)
    group = np.array([0, 1, 0])
    row_of = np.repeat(np.arange(3), np.diff(graph.indptr))
    kept = within_groups(graph, group[row_of] != group[graph.indices])
    assert kept.indptr.tolist() == [0, 2, 3, 5]
    assert kept.indices.tolist() == [0, 2, 1, 0, 2]
    assert dense_clusters(kept, eps=0.5, min_samples=2).tolist() == [0, -1, 0]


def mined(feats: FloatArray, apart: float) -> list[int]:
    """The choice by loops over pairs."""

    def angle(i: int, j: int) -> float:
        left, right = feats[i].astype(np.float64), feats[j].astype(np.float64)
        cosine = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
        return math.acos(max(-1, min(1, cosine)))

    chosen = [0]
    while True:
        best, total = -1, 0.0
        for image in range(len(feats)):
            dists = [angle(image, other) for other in chosen]
            if image not in chosen and min(dists) >= apart and sum(dists) > total:
                best, total = image, sum(dists)
        if best < 0:
            return chosen
        chosen.append(best)


@pytest.mark.parametrize("apart", [0.2, 0.49, 1.2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_identities_are_chosen_as_by_loops(apart: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    feats = np.asarray(rng.normal(size=(40, 6)), dtype=np.float32) + np.float32(0.7)
    assert choose_identities(feats, apart=apart).tolist() == mined(feats, apart)


def test_copies_of_an_image_are_one_identity() -> None:
    feats = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    assert sorted(choose_identities(feats) // 4) == [0, 1, 2]
    with pytest.raises(DataError, match="no queries to take identities from"):
        choose_identities(feats[:0])
    with pytest.raises(ConfigError, match="apart is 0; expected an angle above 0"):
        choose_identities(feats, apart=0)


def test_images_go_to_the_nearest_identity_if_it_is_near() -> None:
    rng = np.random.default_rng(0)
    dist = np.asarray(rng.random((5, 60)), dtype=np.float32)
    wanted = []
    for column in dist.T.tolist():
        near = [(one, row) for row, one in enumerate(column) if one < 0.23]
        wanted.append(min(near)[1] if near else -1)
    assert attach(dist, near=0.23).tolist() == wanted
    assert {-1, 0, 4} <= set(wanted)


def test_means_of_clusters_have_length_1() -> None:
    rng = np.random.default_rng(0)
    feats = np.asarray(rng.normal(size=(30, 5)), dtype=np.float32)
    labels = np.arange(30) % 4 - 1
    means = cluster_means(feats, labels)
    for label in range(3):
        mean = feats[labels == label].mean(axis=0)
        np.testing.assert_allclose(means[label], mean / np.linalg.norm(mean), atol=1e-6)
    assert means.shape == (3, 5) and means.dtype == np.float32


def pair_shares(labels: IntArray, pids: IntArray) -> tuple[float, float]:
    """Precision and recall by all pairs."""
    both = same_cluster = same_vehicle = 0
    for i, j in combinations(np.flatnonzero(pids >= 0).tolist(), 2):
        cluster = labels[i] >= 0 and labels[i] == labels[j]
        vehicle = pids[i] == pids[j]
        both += cluster and vehicle
        same_cluster += cluster
        same_vehicle += vehicle
    return both / same_cluster, both / same_vehicle


def test_scores_count_pairs() -> None:
    rng = np.random.default_rng(3)
    labels, pids = rng.integers(-1, 6, 80), rng.integers(-1, 5, 80)
    found = score_clusters(labels, pids)
    assert (found.precision, found.recall) == pytest.approx(pair_shares(labels, pids))
    known = (labels >= 0) & (pids >= 0)
    largest = [np.bincount(pids[known & (labels == one)]).max() for one in range(6)]
    assert found.purity == pytest.approx(sum(largest) / known.sum())
    assert (found.num_clusters, found.num_identities) == (6, 5)


def test_scores_without_clusters_or_truth() -> None:
    none = np.full(4, -1)
    found = score_clusters(none, np.array([1, 1, 2, 2]))
    assert (found.num_clusters, found.num_identities, found.recall) == (0, 2, 0)
    assert math.isnan(found.purity) and math.isnan(found.precision)
    found = score_clusters(np.zeros(4, dtype=np.int64), none)
    assert found.num_identities == 0 and math.isnan(found.recall)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"eps is 0, min_samples 10; expected"):
        dense_clusters(graph_of(np.zeros((2, 2), dtype=np.float32), 1), eps=0)
