"""Fusion: weighted sums of distance matrices over the same images.

A negative weight is meant: distances of cameras and of orientations enter with one, so that
pictures that look alike only because of one camera or one view move apart (Zhu, Luo, Fu, Ji,
"VOC-ReID: Vehicle Re-identification based on Vehicle-Orientation-Camera", CVPR Workshops 2020,
arXiv:2004.09164). There the weights are literals; here they are arguments and are recorded.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from vreid.distance import DistMat, check_same_axes
from vreid.errors import ConfigError

_BLOCK_VALUES = 1 << 22  # 32 MB of float64 a block of rows


def weighted_sum(
    mats: Sequence[DistMat], weights: Sequence[float], *, labels: Sequence[str]
) -> DistMat:
    """Σ weight * matrix, summed in float64 and in the given order.

    Corner cases:

    - A matrix of weight 0 changes nothing, bit for bit, but its names are still checked.
    - The result may hold negative numbers; re-ranking says how it treats them.

    Args:
        mats: At least one matrix; all with the same names on both axes, in the same order.
        weights: A finite weight for each.
        labels: A label (a file name) for each, for messages and for the record of sources.

    Raises:
        ConfigError: For no matrices, and for a weight that is not finite.
        DataError: When names differ, such as "cannot fuse a.npy with b.npy: gallery differs at
            column 17: 000018.jpg and 000180.jpg".
    """
    if not mats:
        raise ConfigError("there is nothing to fuse; give at least one distance matrix")
    for label, weight in zip(labels, weights, strict=True):
        if not math.isfinite(weight):
            raise ConfigError(f"the weight of {label} is {weight}; expected a finite number")
    check_same_axes(mats, labels)
    parts = [(mat.dist, weight) for mat, weight in zip(mats, weights, strict=True) if weight != 0]
    num_rows, num_cols = mats[0].dist.shape
    total = np.zeros((num_rows, num_cols), dtype=np.float32)
    step = max(1, _BLOCK_VALUES // max(1, num_cols))
    for start in range(0, num_rows, step):
        span = slice(start, start + step)
        total[span] = sum(
            np.multiply(dist[span], weight, dtype=np.float64) for dist, weight in parts
        )
    return DistMat(
        dist=total,
        rows=mats[0].rows,
        cols=mats[0].cols,
        num_query=mats[0].num_query,
        kind="fused",
        sources={
            "fused": [
                {"label": label, "weight": weight, "kind": mat.kind, "sources": dict(mat.sources)}
                for mat, weight, label in zip(mats, weights, labels, strict=True)
            ]
        },
    )


def mean(mats: Sequence[DistMat], labels: Sequence[str]) -> DistMat:
    """The arithmetic mean of matrices, as for the members of an ensemble after re-ranking.

    Raises:
        ConfigError: For no matrices.
        DataError: When names differ.
    """
    total = weighted_sum(mats, [1 / max(1, len(mats))] * len(mats), labels=labels)
    return dataclasses.replace(total, kind="mean")
