"""The exact nearest neighbours of each image, without a matrix of all distances."""

import numpy as np
import numpy.typing as npt
import torch

from vreid.compiled import available
from vreid.features import FloatArray, IntArray
from vreid.neighbours import plain, search
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets

__all__ = ["FeatureSet", "FeatureSets", "feature_sets", "nearest_neighbours"]


def nearest_neighbours(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    k: int,
    *,
    device: torch.device | str | None = None,
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """The k nearest gallery rows of each query by squared Euclidean distance.

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        k: How many; all G when it is larger.
        device: Where to search; the CPU by default.

    Returns:
        (Q, k) int64 gallery indices, nearest first, equal distances by smaller index, and (Q, k)
        float64 their distances.

    Raises:
        ConfigError: For a device that is not there.
        DataError: For shapes that do not fit, NaN or infinity.
    """
    feats = feature_sets(
        np.ascontiguousarray(query_feats, dtype=np.float32),
        np.ascontiguousarray(gallery_feats, dtype=np.float32),
    )
    k = min(k, feats.num_gallery)
    where = plain.find_device(device)
    if where.type == "cpu" and available():
        plan = search.plan_for(feats.num_all, torch.get_num_threads())
        found = search.in_gallery(feats, k, plan=plan)
    else:
        found = plain.in_gallery(feats, k, device=where)
    return found.idx.astype(np.int64), found.dist
