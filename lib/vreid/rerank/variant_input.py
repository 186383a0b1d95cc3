"""What the variants of re-ranking begin with: checked features and exact neighbours."""

import numpy as np
import numpy.typing as npt
import torch

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.neighbours.found import Neighbours
from vreid.neighbours.search import plan_for
from vreid.neighbours.sets import FeatureSet, FeatureSets
from vreid.rerank.given import Array, as_rows
from vreid.rerank.sources import FeatureSource

_ROWS = 4096  # rows whose lengths are measured at once
_LENGTH_ERROR = 1e-6  # what float32 makes of length 1


def check_counts(k1: int, k2: int) -> None:
    """Refuse numbers of neighbours out of range.

    Raises:
        ConfigError: Naming both.
    """
    if k1 < 1 or k2 < 1:
        raise ConfigError(f"k1 is {k1}, k2 is {k2}; expected k1 >= 1 and k2 >= 1")


def euclidean_source(query_feats: Array, gallery_feats: Array) -> FeatureSource:
    """Squared Euclidean distances of features as they are.

    Raises:
        DataError: For features that do not fit each other, no rows, NaN or infinity.
    """
    feats = FeatureSets((FeatureSet(as_rows(query_feats), as_rows(gallery_feats)),))
    return FeatureSource(
        feats, plan_for(feats.num_all, torch.get_num_threads()), torch.device("cpu")
    )


def cosine_source(query_feats: Array, gallery_feats: Array) -> FeatureSource:
    """Squared Euclidean distances of features scaled to length 1, which are 2 - 2 cos.

    Features that have length 1 already are used as they are, without a copy.

    Raises:
        DataError: As `euclidean_source`, and for a row of zeros, which has no direction.
    """
    given = euclidean_source(query_feats, gallery_feats).feats.sets[0]
    return euclidean_source(
        _at_length_1(given.query, "query"), _at_length_1(given.gallery, "gallery")
    )


def neighbours(source: FeatureSource, k: int) -> Neighbours:
    """The k nearest of all N images among all, queries first; all N when there are fewer."""
    k = min(k, source.num_all)
    query, gallery = source.neighbours(k, k)
    return Neighbours(
        np.concatenate([query.idx, gallery.idx]),
        np.concatenate([query.dist, gallery.dist]),
        np.concatenate([query.largest, gallery.largest]),
    )


def _at_length_1(feats: FloatArray, part: str) -> FloatArray:
    lengths: npt.NDArray[np.float64] = np.concatenate(
        [
            torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64).numpy()
            for rows in torch.split(torch.from_numpy(feats), _ROWS)
        ]
    )
    zero = np.flatnonzero(lengths == 0)
    if len(zero):
        raise DataError(
            f"{part} features are all 0 in row {zero[0]}; they have no direction to compare by"
            " cosine: is the image readable, and the model trained?"
        )
    if np.abs(lengths - 1).max() <= _LENGTH_ERROR:
        return feats
    return np.asarray(feats / lengths[:, None].astype(np.float32), dtype=np.float32)
