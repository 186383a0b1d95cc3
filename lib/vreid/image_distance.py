"""How far two sets of images lie apart, from the features of a network: Fréchet and kernel.

Fréchet (FID): Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, "GANs Trained by a Two
Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017, arXiv:1706.08500. The
trace of the root of a product is computed here from singular values of factors of the two
covariances, which needs no root of an unsymmetric, nearly singular matrix.

Kernel (KID): Bińkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs", ICLR 2018,
arXiv:1801.01401.

Any features serve, so the numbers are comparable only where network, weights and preprocessing are
the same. The Fréchet distance of few images is too large (it falls as the sets grow): compare it
for equal numbers only. The kernel distance has no such bias.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError

FloatMatrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]
DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KernelDistance:
    """An estimate of the squared maximum mean discrepancy.

    Attributes:
        mean: Over the subsets; at least about 0, below it by chance.
        sd: Standard deviation over the subsets; 0 when there is one. Subsets share images, so it
            says how steady the estimate is and is no standard error of the mean.
        num_subsets: Pairs of subsets that were compared.
        subset_size: Images of each set in a pair.
    """

    mean: float
    sd: float
    num_subsets: int
    subset_size: int


def frechet_distance(left: FloatMatrix, right: FloatMatrix, *, shrink: bool = False) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two sets of features.

    ``|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)`` with unbiased covariances. With ``C = FᵀF`` the trace
    of the root is the sum of the singular values of ``F1 F2ᵀ``.

    Args:
        left: (N, D), N at least 2.
        right: (M, D), M at least 2.
        shrink: Take the covariances of Ledoit and Wolf (`shrinkage`), which are regular also where
            there are fewer images than features. Other numbers than without, for fewer images.

    Returns:
        At least 0; 0 for equal sets.

    Raises:
        DataError: When a set is too small for a covariance, or the sets do not fit together.
    """
    check_sets(left, right)
    first, second = np.asarray(left, np.float64), np.asarray(right, np.float64)
    gap = first.mean(axis=0) - second.mean(axis=0)  # (D,)
    factors = [_factor(first, shrink), _factor(second, shrink)]  # (r, D) each
    cross = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False)
    traces = sum(float(np.sum(factor**2)) for factor in factors)
    return max(0.0, float(gap @ gap) + traces - 2 * float(cross.sum()))


def shrinkage(feats: FloatMatrix) -> float:
    """Weight in [0, 1] of the scaled identity in the best mix with a sample covariance.

    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    Journal of Multivariate Analysis 88, 2004.

    Args:
        feats: (N, D), N at least 2.
    """
    centered = np.asarray(feats, np.float64) - np.mean(feats, axis=0, dtype=np.float64)
    num, dim = centered.shape
    small = centered @ centered.T if num < dim else centered.T @ centered
    squares = float(np.sum((small / num) ** 2))  # |C|² of the biased covariance C
    trace = float(np.sum(centered**2)) / num
    spread = squares - trace**2 / dim  # |C - tr(C)/D I|²
    if spread <= 1e-12 * squares:  # C is the identity already, or 0
        return 0.0
    fourth = float(np.mean(np.sum(centered**2, axis=1) ** 2))
    return float(min(1.0, max(0.0, (fourth - squares) / num / spread)))


def kernel_distance(
    left: FloatMatrix,
    right: FloatMatrix,
    *,
    generator: np.random.Generator,
    num_subsets: int = 100,
    subset_size: int = 1000,
) -> KernelDistance:
    """Kernel distance: the unbiased MMD² under ``k(x, y) = (x·y / D + 1)³``, over random subsets.

    Args:
        left: (N, D), N at least 2.
        right: (M, D), M at least 2.
        generator: Draws the subsets.
        num_subsets: Pairs of subsets, at least 1.
        subset_size: Images of each in a pair, at least 2; at most N and M are taken. Where that is
            a whole set, there is one way to draw it only.

    Raises:
        DataError: When a set is too small, the sets do not fit together, or a number is too small.
    """
    check_sets(left, right)
    if num_subsets < 1 or subset_size < 2:
        raise DataError(
            f"{num_subsets} subsets of {subset_size} images; at least 1 subset of 2 is needed"
        )
    first, second = np.asarray(left, np.float64), np.asarray(right, np.float64)
    size = min(subset_size, len(first), len(second))
    if size == len(first) == len(second):
        num_subsets = 1
    found = []
    for _ in range(num_subsets):
        rows = generator.choice(len(first), size, replace=False)
        columns = generator.choice(len(second), size, replace=False)
        found.append(mmd_squared(first[rows], second[columns]))
    return KernelDistance(float(np.mean(found)), float(np.std(found)), num_subsets, size)


def mmd_squared(left: DoubleArray, right: DoubleArray) -> float:
    """Unbiased MMD² of (N, D) and (M, D) under the cubic kernel; N and M at least 2."""
    num, other = len(left), len(right)
    within_left, within_right = _cubic(left, left), _cubic(right, right)
    np.fill_diagonal(within_left, 0)
    np.fill_diagonal(within_right, 0)
    return float(
        within_left.sum() / (num * (num - 1))
        + within_right.sum() / (other * (other - 1))
        - 2 * _cubic(left, right).mean()
    )


def held_out_mask(names: Sequence[str], *, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which images are kept for measuring and never shown to what is measured.

    It follows from (seed, name) alone: the same image is held out whatever else is in its folder,
    and in each program that asks. Pictures of one passage have different names, so near copies of
    a held-out image may be left in; another folder of other vehicles is the stricter test.

    Args:
        names: N file names.
        share: Of the images, in [0, 1].
        seed: Other seeds hold out other images.

    Returns:
        (N,) mask.
    """
    digests = [hashlib.sha256(f"{seed} held out {name}".encode()).digest() for name in names]
    draws = np.array([int.from_bytes(digest[:7], "big") / 2**56 for digest in digests])
    return draws < share


def check_sets(left: FloatMatrix, right: FloatMatrix) -> None:
    """Refuse two sets of features that have no distance.

    Raises:
        DataError: When one is no matrix, has fewer than 2 rows or a value that is not finite, or
            the widths differ.
    """
    for word, feats in (("first", left), ("second", right)):
        if feats.ndim != 2 or len(feats) < 2:
            raise DataError(
                f"the {word} set has features of shape {feats.shape}; a covariance needs at least 2"
                " images, a useful one more images than features"
            )
        if not np.isfinite(feats).all():
            raise DataError(f"the {word} set's features hold NaN or infinity; extract them again")
    if left.shape[1] != right.shape[1]:
        raise DataError(
            f"the sets have {left.shape[1]} and {right.shape[1]} features an image; extract both"
            " with one network"
        )


def _factor(feats: DoubleArray, shrink: bool) -> DoubleArray:
    """F, (r, D) with r at most D, such that the covariance is FᵀF."""
    num, dim = feats.shape
    centered = (feats - feats.mean(axis=0)) / np.sqrt(num - 1)
    factor: DoubleArray = centered
    if num > dim:
        factor = np.asarray(np.linalg.qr(centered, mode="r"), np.float64)
    if not shrink:
        return factor
    weight = shrinkage(feats)
    values, vectors = np.linalg.eigh(factor.T @ factor)  # vectors in columns
    mixed = (1 - weight) * np.maximum(values, 0) + weight * float(np.sum(factor**2)) / dim
    return np.asarray(np.sqrt(mixed)[:, None] * vectors.T)


def _cubic(left: DoubleArray, right: DoubleArray) -> DoubleArray:
    return np.asarray((left @ right.T / left.shape[1] + 1) ** 3)
