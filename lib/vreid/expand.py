"""Expansion: each image's feature moves towards its nearest neighbours before the search.

For queries: average query expansion (Chum, Philbin, Sivic, Isard, Zisserman, "Total Recall:
Automatic Query Expansion with a Generative Feature Model for Object Retrieval", ICCV 2007), and
alpha-QE, whose weights are similarities to a power (Radenović, Tolias, Chum, "Fine-tuning CNN Image
Retrieval with No Human Annotation", TPAMI 2019, arXiv:1711.02512). For the gallery: database-side
augmentation (Arandjelović, Zisserman, "Three things everyone should know to improve object
retrieval", CVPR 2012), also with weights that fall with the rank (Gordo, Almazán, Revaud, Larlus,
"End-to-end Learning of Deep Visual Representations for Image Retrieval", IJCV 2017,
arXiv:1610.07940).

Neighbours are exact, equal distances go by smaller index, and no matrix of all distances exists.
``k`` always counts the neighbours beside the image itself: a "mean of the top 6" that finds the
image itself first is ``k=5``.
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vreid.distance import normalize
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.neighbours import nearest_neighbours

Weighting = Literal["mean", "sim", "rank"]
Among = Literal["gallery", "all"]

_BLOCK_VALUES = 1 << 20  # 8 MB of float64 a block of rows


def expand_queries(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    *,
    k: int,
    weights: Weighting = "mean",
    alpha: float = 3.0,
    renormalize: bool = True,
) -> FloatArray:
    """Query expansion: the weighted mean of each query and its k nearest gallery images.

    f'_q = (f_q + Σ_r w_r f_r) / (1 + Σ_r w_r) over the neighbours r = 1..k, nearest first, where
    w_r is

    - ``mean``: 1;
    - ``sim``: max(cos(f_q, f_r), 0)^alpha, alpha-QE, meant for features of length 1; alpha 0 is
      ``mean``;
    - ``rank``: (k - r) / k, so that the last neighbour has weight 0.

    Corner cases:

    - k larger than the gallery: all of it, and k stands for its size.
    - k = 0: the queries as they are (or at length 1).

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        k: Neighbours beside the query itself, >= 0.
        weights: See above.
        alpha: The power of the similarity, >= 0, for ``sim``.
        renormalize: Whether the results are scaled to length 1.

    Returns:
        (Q, D) float32.

    Raises:
        ConfigError: For options out of range.
        DataError: When the widths differ or there is no gallery.
    """
    _check_options(k, weights, alpha)
    _check_widths(query_feats, gallery_feats)
    k = min(k, len(gallery_feats))
    idx = _nearest(query_feats, gallery_feats, k)
    return _expand(query_feats, gallery_feats, idx, weights, alpha, renormalize)


def expand_queries_among_all(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    *,
    k: int,
    weights: Weighting = "mean",
    alpha: float = 3.0,
    renormalize: bool = True,
) -> FloatArray:
    """Query expansion with the k nearest among the other queries and the gallery together.

    Args, returns and errors as `expand_queries`.
    """
    _check_options(k, weights, alpha)
    _check_widths(query_feats, gallery_feats)
    feats = np.concatenate([query_feats, gallery_feats])
    idx = _nearest_others(query_feats, feats, k)
    return _expand(query_feats, feats, idx, weights, alpha, renormalize)


def augment_database(
    feats: FloatArray,
    *,
    k: int,
    weights: Weighting = "mean",
    alpha: float = 3.0,
    renormalize: bool = True,
) -> FloatArray:
    """Database-side augmentation: the weighted mean of each image and its k nearest others.

    Given queries and gallery stacked, it moves both sides at once. Every neighbour enters as it was
    before the augmentation.

    Args:
        feats: (N, D) float32.
        k: Neighbours beside the image itself, >= 0; all N - 1 when it is larger.
        weights, alpha, renormalize: See `expand_queries`.

    Returns:
        (N, D) float32.

    Raises:
        ConfigError: For options out of range.
        DataError: When there are no features.
    """
    _check_options(k, weights, alpha)
    _check_widths(feats, feats)
    return _expand(feats, feats, _nearest_others(feats, feats, k), weights, alpha, renormalize)


def expand_both(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    *,
    queries: int = 0,
    database: int = 0,
    among: Among = "gallery",
    weights: Weighting = "mean",
    alpha: float = 3.0,
) -> tuple[FloatArray, FloatArray]:
    """The gallery augmented, then the queries expanded, each where it is asked for.

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        queries: Neighbours of a query that it is averaged with; 0 for none.
        database: Neighbours of a gallery image that it is averaged with; 0 for none.
        among: Where neighbours are looked for: in the gallery, or among all images. With ``all``
            the augmentation moves the queries too.
        weights, alpha: See `expand_queries`.

    Returns:
        (Q, D) and (G, D) float32, at length 1 where they moved.
    """
    if database and among == "all":
        both = np.concatenate([query_feats, gallery_feats])
        both = augment_database(both, k=database, weights=weights, alpha=alpha)
        query_feats, gallery_feats = both[: len(query_feats)], both[len(query_feats) :]
    elif database:
        gallery_feats = augment_database(gallery_feats, k=database, weights=weights, alpha=alpha)
    if queries:
        expand = expand_queries if among == "gallery" else expand_queries_among_all
        query_feats = expand(query_feats, gallery_feats, k=queries, weights=weights, alpha=alpha)
    return query_feats, gallery_feats


def _check_options(k: int, weights: Weighting, alpha: float) -> None:
    if k < 0:
        raise ConfigError(f"k is {k}; expected the number of neighbours, at least 0")
    if weights not in get_args(Weighting):
        choices = ", ".join(get_args(Weighting))
        raise ConfigError(f"weights is {weights!r}; choose one of {choices}")
    if not 0 <= alpha < np.inf:
        raise ConfigError(f"alpha is {alpha}; expected a power, at least 0")


def _check_widths(feats: FloatArray, others: FloatArray) -> None:
    if feats.ndim != 2 or feats.shape[1:] != others.shape[1:]:
        raise DataError(
            f"query features have shape {feats.shape}, gallery features {others.shape};"
            " expected the same number of columns"
        )
    if not len(others):
        raise DataError("there are no features to find neighbours among; give at least one image")


def _nearest(feats: FloatArray, others: FloatArray, k: int) -> IntArray:
    if k == 0 or not len(feats):
        return np.empty((len(feats), 0), dtype=np.int64)
    idx: IntArray = nearest_neighbours(feats, others, k)[0]
    return idx


def _nearest_others(feats: FloatArray, among: FloatArray, k: int) -> IntArray:
    """(B, k) nearest rows of ``among``, which begins with ``feats``, a row itself left out."""
    k = min(k, len(among) - 1)
    if k == 0:
        return _nearest(feats, among, 0)
    idx: IntArray = nearest_neighbours(feats, among, k + 1)[0]  # (B, k + 1)
    others_mask = idx != np.arange(len(feats))[:, None]
    # After more than k duplicates of smaller index a row is not in its own list: the last one goes.
    others_mask[others_mask.all(axis=1), -1] = False
    return np.reshape(idx[others_mask], (len(feats), k))


def _expand(
    feats: FloatArray,
    others: FloatArray,
    idx: IntArray,
    weights: Weighting,
    alpha: float,
    renormalize: bool,
) -> FloatArray:
    """The weighted mean of each row of (B, D) and its neighbours (B, k) among (N, D)."""
    result = np.empty_like(feats)
    step = max(1, _BLOCK_VALUES // max(1, feats.shape[1]))
    for start in range(0, len(feats), step):
        own = feats[start : start + step].astype(np.float64)  # (b, D)
        total = own.copy()
        sums = np.ones((len(own), 1))
        for rank, cols in enumerate(idx[start : start + step].T, start=1):
            block = others[cols].astype(np.float64)  # (b, D): one neighbour at a time
            if weights == "sim":
                scale = np.maximum(_cosine(own, block), 0) ** alpha
            else:
                scale = np.full(len(own), 1.0 if weights == "mean" else 1 - rank / idx.shape[1])
            total += scale[:, None] * block
            sums += scale[:, None]
        result[start : start + step] = total / sums
    return normalize(result) if renormalize else result


def _cosine(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cosine of matching rows of (B, D); 0 where one is zero."""
    products = np.einsum("bd,bd->b", a, b)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(products / np.maximum(lengths, 1e-12))
