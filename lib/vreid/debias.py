"""De-biasing: what all images of one camera have in common is taken out of their features.

- Camera means: f - alpha * mean of the camera (Luo, Chen et al., "An Empirical Study of Vehicle
  Re-Identification on the AI City Challenge", CVPR Workshops 2021, arXiv:2105.09701).
- A whitening of each camera, "FIC" (Gu, Luo et al., "1st Place Solution to VisDA-2020: Bias
  Elimination for Domain Adaptive Pedestrian Re-identification", arXiv:2012.13498), which the same
  entry uses at test time. Its published code leaves the mean in the products that it inverts; here
  they are centred, and ``centred=False`` gives the published form.

Sums and inverses are made in float64, a block of rows at a time.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import linalg

from vreid.data.sample import UNKNOWN
from vreid.distance import normalize
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray, IntArray

_BLOCK_VALUES = 1 << 22  # 32 MB of float64

_Double = npt.NDArray[np.float64]


def subtract_camera_means(
    feats: FloatArray,
    camids: IntArray,
    *,
    alpha: float = 1.0,
    stats: tuple[FloatArray, IntArray] | None = None,
    renormalize: bool = True,
) -> FloatArray:
    """f - alpha * mean of the camera's features.

    Args:
        feats: (N, D) float32.
        camids: (N,) their cameras, all known.
        alpha: How much of the mean is taken away.
        stats: Features (M, D) and cameras (M,) of which the means are taken; None for the images
            themselves. With queries and gallery, give both sides the same.
        renormalize: Whether the results are scaled to length 1.

    Returns:
        (N, D) float32.

    Raises:
        ConfigError: For an alpha that is not finite.
        DataError: For unknown cameras, and for a camera with fewer than two images in ``stats``.
    """
    if not np.isfinite(alpha):
        raise ConfigError(f"alpha is {alpha}; expected a finite number")
    known, known_camids = check_cameras(feats, camids, stats)
    result = np.empty_like(feats)
    for camid in np.unique(camids):
        images = np.flatnonzero(camids == camid)
        bias = alpha * _mean(known, np.flatnonzero(known_camids == camid))
        for rows in _blocks(images, feats.shape[1]):
            result[rows] = feats[rows] - bias
    return normalize(result) if renormalize else result


def whiten_cameras(
    feats: FloatArray,
    camids: IntArray,
    *,
    la: float = 0.18,
    centred: bool = True,
    stats: tuple[FloatArray, IntArray] | None = None,
    renormalize: bool = True,
) -> FloatArray:
    """P_c (f - mean_c), P_c = (X_cᵀ X_c + n_c * la * I)^-1, X_c the (n_c, D) features of camera c.

    Directions in which all images of a camera vary count less there, so that what remains tells
    vehicles apart rather than places. The smaller ``la``, the stronger.

    Args:
        feats: (N, D) float32.
        camids: (N,) their cameras, all known.
        la: Weight of the identity, > 0.
        centred: Whether mean_c is subtracted from the rows of X_c as well.
        stats: Features (M, D) and cameras (M,) of which X_c and mean_c are taken; None for the
            images themselves. With queries and gallery, give both sides the same.
        renormalize: Whether the results are scaled to length 1; without it their scale is that of
            1 / n_c and differs between cameras.

    Returns:
        (N, D) float32.

    Raises:
        ConfigError: For ``la`` not above 0.
        DataError: For unknown cameras, and for a camera with fewer than two images in ``stats``.
    """
    if not 0 < la < np.inf:
        raise ConfigError(f"la is {la}; expected a number above 0")
    known, known_camids = check_cameras(feats, camids, stats)
    result = np.empty_like(feats)
    for camid in np.unique(camids):
        images = np.flatnonzero(camids == camid)
        members = np.flatnonzero(known_camids == camid)
        bias = _mean(known, members)
        whitener = _Whitener(known, members, bias if centred else np.zeros_like(bias), la)
        if stats is None and centred and whitener.few is not None:
            block = whitener.own()
            result[images] = _unit(block) if renormalize else block
            continue
        for rows in _blocks(images, feats.shape[1]):
            block = whitener.apply(feats[rows] - bias)
            result[rows] = _unit(block) if renormalize else block
    return result


class _Whitener:
    """Applies (XᵀX + n la I)^-1, by the smaller of two systems of equations.

    With fewer images than dimensions it is (f - (f Xᵀ) (X Xᵀ + n la I)^-1 X) / (n la).
    """

    def __init__(self, feats: FloatArray, members: IntArray, centre: _Double, la: float) -> None:
        num, dim = len(members), feats.shape[1]
        self.ridge = num * la
        self.few: _Double | None = None
        if num < dim:
            self.few = feats[members] - centre  # (n, D)
            matrix = self.few @ self.few.T
        else:
            matrix = np.zeros((dim, dim))
            for rows in _blocks(members, dim):
                block = feats[rows] - centre
                matrix += block.T @ block
        matrix[np.diag_indices_from(matrix)] += self.ridge
        self.factor = linalg.cho_factor(matrix, lower=True, overwrite_a=True)

    def own(self) -> _Double:
        """The rows X themselves, (n, D), n < D: (X Xᵀ + n la I)^-1 X, one system instead of two."""
        return np.asarray(linalg.cho_solve(self.factor, self.few))

    def apply(self, block: _Double) -> _Double:
        """(B, D) -> (B, D)."""
        if self.few is None:
            return np.asarray(linalg.cho_solve(self.factor, block.T).T)
        shares = linalg.cho_solve(self.factor, self.few @ block.T)  # (n, B)
        return np.asarray((block - shares.T @ self.few) / self.ridge)


def check_cameras(
    feats: FloatArray, camids: IntArray, stats: tuple[FloatArray, IntArray] | None
) -> tuple[FloatArray, IntArray]:
    """Refuse features and cameras that cannot be de-biased.

    Args:
        feats: (N, D) float32.
        camids: (N,) their cameras.
        stats: What the statistics are taken of, (M, D) and (M,); None for the images themselves.

    Returns:
        What the statistics are taken of.

    Raises:
        DataError: For unknown cameras, and for a camera with fewer than two images in ``stats``.
    """
    known, known_camids = (feats, camids) if stats is None else stats
    if known.shape[1:] != feats.shape[1:]:
        raise DataError(
            f"features have {feats.shape[1]} columns, those of the statistics {known.shape[1]};"
            " extract both with one run"
        )
    if (camids == UNKNOWN).any():
        row = int(np.argmax(camids == UNKNOWN))
        raise DataError(
            f"the camera of row {row} is unknown ({UNKNOWN}); de-biasing needs the camera of every"
            " image: leave such images out, or predict their cameras"
        )
    for camid in np.unique(camids):
        num = int(np.count_nonzero(known_camids == camid))
        if num < 2:
            raise DataError(
                f"camera {camid} has {num} images to learn its bias from; expected at least 2:"
                " leave it out, or merge it with another camera"
            )
    return known, known_camids


def _mean(feats: FloatArray, members: IntArray) -> _Double:
    total = np.zeros(feats.shape[1])
    for rows in _blocks(members, feats.shape[1]):
        total += feats[rows].sum(axis=0, dtype=np.float64)
    return total / len(members)


def _blocks(rows: IntArray, dim: int) -> Iterator[IntArray]:
    step = max(1, _BLOCK_VALUES // max(1, dim))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _unit(block: _Double) -> _Double:
    """Rows at length 1 before they are rounded to float32; zero rows stay zero."""
    lengths = np.linalg.norm(block, axis=1, keepdims=True)
    return np.asarray(block / np.where(lengths > 0, lengths, 1))
