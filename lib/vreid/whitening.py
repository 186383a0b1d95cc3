"""Whitening by principal components, fitted on one set of features and applied to others.

Jégou, Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
whitening", ECCV 2012. Directions in which all images vary alike, a place or a time of day, lose
their weight. Sums and eigenvectors are made in float64, a block of rows at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray

_BLOCK_VALUES = 1 << 22  # 32 MB of float64

_Double = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Whitening:
    """A whitening that was fitted.

    Attributes:
        mean: (D,) float64.
        axes: (D, K) float64 principal axes, the strongest first, each divided by the standard
            deviation along it.
    """

    mean: _Double
    axes: _Double

    def apply(self, feats: FloatArray, *, renormalize: bool = True) -> FloatArray:
        """(N, D) float32 -> (N, K) float32, scaled to length 1 unless told otherwise.

        Raises:
            DataError: When the features have another width than those it was fitted on.
        """
        if feats.ndim != 2 or feats.shape[1] != len(self.mean):
            raise DataError(
                f"features have shape {feats.shape}; the whitening was fitted on"
                f" {len(self.mean)} columns"
            )
        result = np.empty((len(feats), self.axes.shape[1]), dtype=np.float32)
        for rows in _blocks(feats):
            block = (feats[rows] - self.mean) @ self.axes
            if renormalize:
                lengths = np.linalg.norm(block, axis=1, keepdims=True)
                block /= np.where(lengths > 0, lengths, 1)
            result[rows] = block
        return result


def fit_whitening(feats: FloatArray, *, num_dims: int | None = None, eps: float = 0.0) -> Whitening:
    """Fit a whitening by principal components: f -> Λ^-1/2 Uᵀ (f - mean).

    U and Λ are eigenvectors and eigenvalues of the covariance, the squares' mean over the images,
    and each axis points to where its largest component is positive.

    Args:
        feats: (N, D) float32, at least two rows.
        num_dims: How many of the strongest axes are kept; None for all D.
        eps: Added to the eigenvalues, >= 0, so that weak axes, noise as a rule, are not blown up.

    Raises:
        ConfigError: For ``num_dims`` and ``eps`` out of range.
        DataError: For fewer than two images, and when the features do not vary along ``num_dims``
            axes and eps is 0.
    """
    if len(feats) < 2:
        raise DataError(f"a whitening is fitted on many images; there are {len(feats)}")
    dim = feats.shape[1]
    num_dims = dim if num_dims is None else num_dims
    if not 1 <= num_dims <= dim:
        raise ConfigError(f"num_dims is {num_dims}; expected 1 to {dim}, the features' width")
    if not 0 <= eps < np.inf:
        raise ConfigError(f"eps is {eps}; expected a number, at least 0")
    mean = feats.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((dim, dim))
    for rows in _blocks(feats):
        block = feats[rows] - mean
        covariance += block.T @ block
    values, vectors = np.linalg.eigh(covariance / len(feats))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    num_varying = int(np.count_nonzero(values > 1e-10 * values[0]))
    if num_dims > num_varying and eps == 0:
        raise DataError(
            f"the {len(feats)} features vary along {num_varying} axes only; ask for at most that"
            f" many dimensions instead of {num_dims}, or give an eps above 0"
        )
    axes = vectors[:, :num_dims]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(num_dims)])
    return Whitening(mean, axes / np.sqrt(values[:num_dims] + eps))


def _blocks(feats: FloatArray) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // max(1, feats.shape[1]))
    for start in range(0, len(feats), step):
        yield slice(start, start + step)
