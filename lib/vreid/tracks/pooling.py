"""Pooling: the images of a tracklet share what is known of their vehicle.

- The plain mean, and the blend of an image with its tracklet's mean, as in the winning entry of the
  AI City Challenge 2021; the second-placed one counts large images only, which ``weights`` allow.
- Weights that fall with the distance between two images of a tracklet, each image keeping a feature
  of its own (Huynh, Nguyen et al., "A Strong Baseline for Vehicle Re-Identification", CVPR
  Workshops 2021, arXiv:2104.10850).
- Weights that fall with the distance to the queries near the tracklet (Luo, Chen et al., "An
  Empirical Study of Vehicle Re-Identification on the AI City Challenge", CVPR Workshops 2021,
  arXiv:2105.09701, the winner).

Distances are squared Euclidean ones. Sums are made in float64.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vreid.distance import normalize
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray
from vreid.tracks.groups import members, num_tracks

_BLOCK_VALUES = 1 << 22  # 32 MB of float64

_Double = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64] | npt.NDArray[np.float32] | npt.NDArray[np.bool_]


def pool_mean(
    feats: FloatArray, track_idx: IntArray, *, weights: Weights | None = None
) -> FloatArray:
    """The weighted mean of each tracklet's features, Σ w f / Σ w.

    Args:
        feats: (N, D) float32.
        track_idx: (N,) from `group_tracks`.
        weights: (N,) quality of each image, finite and >= 0, or booleans that admit the good ones
            (such as those of enough pixels); None for 1. In a tracklet without any good image all
            count alike.

    Returns:
        (T, D) float32, not scaled.

    Raises:
        DataError: For weights that do not fit or are out of range.
    """
    quality = _check_weights(weights, feats, track_idx)
    pooled = np.empty((num_tracks(track_idx), feats.shape[1]), dtype=np.float32)
    for track, images in enumerate(members(track_idx)):
        own = quality[images]
        pooled[track] = _weighted(feats, images, own if own.any() else np.ones(len(images)))
    return pooled


def blend(
    feats: FloatArray,
    track_idx: IntArray,
    *,
    keep: float,
    weights: Weights | None = None,
    renormalize: bool = True,
) -> FloatArray:
    """Each image's feature moved towards its tracklet's mean, keep * f + (1 - keep) * mean.

    Args:
        feats: (N, D) float32.
        track_idx: (N,) from `group_tracks`.
        keep: How much of an image's own feature stays, in [0, 1].
        weights: See `pool_mean`.
        renormalize: Whether the results are scaled to length 1.

    Returns:
        (N, D) float32.

    Raises:
        ConfigError: For ``keep`` out of range.
        DataError: For weights that do not fit or are out of range.
    """
    if not 0 <= keep <= 1:
        raise ConfigError(f"keep is {keep}; expected a share in [0, 1]")
    means = pool_mean(feats, track_idx, weights=weights)
    mixed = np.float32(keep) * feats + np.float32(1 - keep) * means[track_idx]
    return normalize(mixed) if renormalize else mixed


def smooth(
    feats: FloatArray, track_idx: IntArray, *, eps: float = 0.01, renormalize: bool = True
) -> FloatArray:
    """Each image's feature becomes the mean over its tracklet, near members counting most.

    f'_i = Σ_j w_ij f_j / Σ_j w_ij with w_ij = 1 / (|f_i - f_j|² + eps), j over the members of the
    tracklet, i itself included.

    Args:
        feats: (N, D) float32.
        track_idx: (N,) from `group_tracks`.
        eps: Bounds the weight of an image for itself, > 0.
        renormalize: Whether the results are scaled to length 1.

    Returns:
        (N, D) float32.

    Raises:
        ConfigError: For ``eps`` not above 0.
    """
    _check_eps(eps)
    result = np.empty_like(feats)
    for images in members(track_idx):
        own = feats[images].astype(np.float64)  # (M, D)
        step = max(1, _BLOCK_VALUES // len(images))
        for start in range(0, len(images), step):
            block = own[start : start + step]
            weights = 1 / (_squared(block, own) + eps)  # (b, M)
            result[images[start : start + step]] = (
                weights @ own / weights.sum(axis=1, keepdims=True)
            )
    return normalize(result) if renormalize else result


def pool_near_queries(
    query_feats: FloatArray,
    gallery_feats: FloatArray,
    track_idx: IntArray,
    *,
    near: float = 0.6,
    eps: float = 0.01,
) -> FloatArray:
    """Tracklet features in which the images that look like some query count most.

    For each tracklet the near queries are those whose nearest image of the tracklet is nearer than
    ``near``, or the single nearest query when there is none (the first among equals). An image's
    weight is 1 / (mean distance to these queries + eps), scaled to sum 1 over the tracklet.

    Args:
        query_feats: (Q, D) float32, of length 1 if ``near`` is to mean what it does elsewhere.
        gallery_feats: (G, D) float32.
        track_idx: (G,) from `group_tracks`.
        near: A squared Euclidean distance.
        eps: Bounds the weights, > 0.

    Returns:
        (T, D) float32, not scaled.

    Raises:
        ConfigError: For ``eps`` not above 0.
        DataError: Without queries.
    """
    _check_eps(eps)
    if not len(query_feats):
        raise DataError("there are no queries to weigh tracklets by; give at least one")
    queries = query_feats.astype(np.float64)
    pooled = np.empty((num_tracks(track_idx), gallery_feats.shape[1]), dtype=np.float32)
    tracks = list(members(track_idx))
    for start, stop in _runs([len(images) for images in tracks], _BLOCK_VALUES // len(queries)):
        block = np.concatenate(tracks[start:stop])
        dist = _squared(queries, gallery_feats[block].astype(np.float64))  # (Q, b)
        end = 0
        for track in range(start, stop):
            begin, end = end, end + len(tracks[track])
            part = dist[:, begin:end]  # (Q, M)
            nearest = part.min(axis=1)
            near_mask = nearest < near
            if not near_mask.any():
                near_mask[np.argmin(nearest)] = True
            weights = 1 / (part[near_mask].mean(axis=0) + eps)
            pooled[track] = _weighted(gallery_feats, tracks[track], weights)
    return pooled


def _runs(sizes: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Ranges of consecutive tracklets that hold at most so many images, or one tracklet."""
    start = held = 0
    for idx, size in enumerate(sizes):
        if idx > start and held + size > most:
            yield start, idx
            start, held = idx, 0
        held += size
    if sizes:
        yield start, len(sizes)


def _weighted(feats: FloatArray, images: IntArray, weights: _Double) -> _Double:
    own = feats[images].astype(np.float64)
    return np.asarray(weights @ own / weights.sum())


def _squared(a: _Double, b: _Double) -> _Double:
    dist = a @ b.T
    dist *= -2
    dist += np.einsum("nd,nd->n", a, a)[:, None]
    dist += np.einsum("md,md->m", b, b)
    return np.maximum(dist, 0, out=dist)


def _check_eps(eps: float) -> None:
    if not 0 < eps < np.inf:
        raise ConfigError(f"eps is {eps}; expected a number above 0")


def _check_weights(weights: Weights | None, feats: FloatArray, track_idx: IntArray) -> _Double:
    if weights is None:
        return np.ones(len(feats))
    quality = np.asarray(weights, dtype=np.float64)
    if quality.shape != (len(feats),) or not (np.isfinite(quality).all() and (quality >= 0).all()):
        raise DataError(
            f"weights of shape {quality.shape} for {len(feats)} images;"
            " expected a finite number, at least 0, for each"
        )
    return quality
