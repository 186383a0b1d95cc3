"""What a re-ranking is given: features, weighted sets of them, or a square distance; checked."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.neighbours.sets import FeatureSet, FeatureSets
from vreid.neighbours.tiles import Progress
from vreid.rerank.dense import DenseSource

Array: TypeAlias = npt.NDArray[np.float32] | torch.Tensor
# Features of all images, or those of the queries and of the gallery; and their weight.
Weighted: TypeAlias = tuple[Array | tuple[Array, Array], float]
Given: TypeAlias = DistMat | FloatArray | Sequence[Weighted]


def check_parameters(k1: int, k2: int, lambda_: float, top_k: int | None) -> None:
    """Refuse parameters out of range.

    Raises:
        ConfigError: Naming all of them.
    """
    if k1 < 1 or k2 < 1 or not 0 <= lambda_ <= 1:
        raise ConfigError(
            f"k1 is {k1}, k2 is {k2}, lambda is {lambda_};"
            " expected k1 >= 1, k2 >= 1 and lambda in [0, 1]"
        )
    if top_k is not None and top_k < 1:
        raise ConfigError(f"top_k is {top_k}; expected at least 1, or none for the whole matrix")


def as_rows(feats: Array) -> FloatArray:
    """Features as a C-ordered float32 array; a copy only where they are not."""
    if isinstance(feats, torch.Tensor):
        feats = feats.detach().cpu().numpy()
    if feats.dtype.kind not in "fiu":
        raise DataError(f"features are {feats.dtype}; expected float32")
    return np.ascontiguousarray(feats, dtype=np.float32)


def dense_source(
    dist: Given, num_query: int | None, progress: Progress | None
) -> DenseSource | None:
    """The source of a square matrix; None for sets of features."""
    if isinstance(dist, DistMat):
        if dist.num_query is None:
            raise DataError(
                "re-ranking looks for neighbours among queries and gallery together and needs a"
                " square distance; this one is query x gallery"
            )
        return DenseSource(dist.dist, dist.num_query, dist.rows, progress)
    if not isinstance(dist, np.ndarray):
        return None
    if dist.ndim != 2 or dist.shape[0] != dist.shape[1]:
        raise DataError(
            "re-ranking looks for neighbours among queries and gallery together and needs a"
            f" square distance; this one has shape {dist.shape}"
        )
    if dist.dtype != np.float32:
        raise DataError(f"distances are {dist.dtype}; expected float32")
    return DenseSource(dist, _checked_count(num_query, len(dist)), None, progress)


def weighted_sets(sets: Sequence[Weighted], num_query: int | None) -> FeatureSets:
    """Sets of features from pairs of features and weight; those of weight 0 are left out."""
    made = []
    for feats, weight in sets:
        if isinstance(feats, tuple):
            query, gallery = as_rows(feats[0]), as_rows(feats[1])
        else:
            rows = as_rows(feats)
            count = _checked_count(num_query, len(rows))
            query, gallery = rows[:count], rows[count:]
        if weight != 0:
            made.append(FeatureSet(query, gallery, float(weight)))
    return FeatureSets(tuple(made))


def _checked_count(num_query: int | None, num_all: int) -> int:
    if num_query is None:
        raise TypeError("say with num_query= how many of the images are queries")
    if not 0 < num_query < num_all:
        raise DataError(
            f"num_query is {num_query} of {num_all} images; expected 1 to {num_all - 1}"
        )
    return num_query
