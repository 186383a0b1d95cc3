"""Distances: between rows of features, and as matrices that carry the names of both axes."""

from vreid.distance.made import distance, new_matrix, write_distance
from vreid.distance.matrix import SCHEMA, DistMat, check_same_axes
from vreid.distance.pairs import Metric, normalize, pairwise, top_k

__all__ = [
    "SCHEMA",
    "DistMat",
    "Metric",
    "check_same_axes",
    "distance",
    "new_matrix",
    "normalize",
    "pairwise",
    "top_k",
    "write_distance",
]
