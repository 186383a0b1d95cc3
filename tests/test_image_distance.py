"""Distances of image sets against direct formulas and loops."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from vreid.errors import DataError
from vreid.image_distance import (
    DoubleArray,
    frechet_distance,
    held_out_mask,
    kernel_distance,
    mmd_squared,
    shrinkage,
)


def _features(seed: int, num: int, dim: int, *, shift: float = 0.0) -> DoubleArray:
    generator = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(dim, dim)) / np.sqrt(dim)
    return np.asarray(generator.normal(size=(num, dim)) @ mix * (1 + shift) + shift)


def _direct(left: DoubleArray, right: DoubleArray) -> float:
    gap = left.mean(axis=0) - right.mean(axis=0)
    first, second = np.cov(left.T), np.cov(right.T)
    root = np.real(sqrtm(first @ second))
    return float(gap @ gap + np.trace(first + second - 2 * root))


@pytest.mark.parametrize(("num", "other", "dim"), [(200, 150, 8), (40, 60, 16), (9, 200, 12)])
def test_frechet_is_the_direct_formula(num: int, other: int, dim: int) -> None:
    left, right = _features(1, num, dim), _features(2, other, dim, shift=0.4)
    assert frechet_distance(left, right) == pytest.approx(_direct(left, right), rel=1e-5)


def test_frechet_of_known_gaussians() -> None:
    # Exact moments: two points at ±1 have mean 0 and variance 2; scaled by 3 the deviation is
    # three times as large, moved by 5 the mean: 25 + (3 - 1)² · 2.
    points = np.array([[-1.0], [1.0]])
    assert frechet_distance(points, 3 * points + 5) == pytest.approx(25 + 8)


def test_frechet_of_few_images_is_stable() -> None:
    # The root of a singular product is where the direct formula breaks; here nothing is inverted.
    left, right = _features(1, 5, 300), _features(2, 6, 300)
    found = frechet_distance(left, right)
    # By the eigenvalues of the (small) product of the two Gram factors.
    first = (left - left.mean(axis=0)) / 2
    second = (right - right.mean(axis=0)) / np.sqrt(5)
    values = np.linalg.eigvalsh(first @ second.T @ second @ first.T)
    gap = left.mean(axis=0) - right.mean(axis=0)
    expected = gap @ gap + (first**2).sum() + (second**2).sum()
    assert found == pytest.approx(expected - 2 * np.sqrt(np.maximum(values, 0)).sum(), rel=1e-9)


def test_frechet_laws() -> None:
    left, right = _features(1, 50, 6), _features(2, 40, 6, shift=1)
    assert frechet_distance(left, left) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(left, right) == pytest.approx(frechet_distance(right, left))
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    assert frechet_distance(left @ turn, right @ turn) == pytest.approx(
        frechet_distance(left, right)
    )
    assert frechet_distance(left.astype(np.float32), right) == pytest.approx(
        frechet_distance(left, right), rel=1e-4
    )


@pytest.mark.parametrize(("num", "dim"), [(30, 5), (6, 40), (50, 50)])
def test_shrinkage_is_the_papers_sum_over_images(num: int, dim: int) -> None:
    # Lemmas 3.2 to 3.4: m = <S, I>, d² = |S - m I|², b² = mean over images of |x xᵀ - S|², capped.
    feats = _features(4, num, dim)
    centered = feats - feats.mean(axis=0)
    sample = sum(np.outer(x, x) for x in centered) / num
    spread = np.sum((sample - np.trace(sample) / dim * np.eye(dim)) ** 2) / dim
    noise = sum(np.sum((np.outer(x, x) - sample) ** 2) for x in centered) / num**2 / dim
    assert shrinkage(feats) == pytest.approx(min(noise, spread) / spread, rel=1e-9)


def test_shrunk_frechet_is_the_direct_formula_on_shrunk_covariances() -> None:
    left, right = _features(1, 9, 12), _features(2, 30, 12, shift=0.3)

    def shrunk(feats: DoubleArray) -> DoubleArray:
        plain, weight = np.cov(feats.T), shrinkage(feats)
        return np.asarray((1 - weight) * plain + weight * np.trace(plain) / 12 * np.eye(12))

    first, second = shrunk(left), shrunk(right)
    gap = left.mean(axis=0) - right.mean(axis=0)
    root = np.real(sqrtm(first @ second))
    expected = gap @ gap + np.trace(first + second - 2 * root)
    assert frechet_distance(left, right, shrink=True) == pytest.approx(expected, rel=1e-6)


def test_sets_without_spread_are_points() -> None:
    left, right = np.zeros((3, 2)), np.full((4, 2), 2.0)
    assert shrinkage(left) == 0
    assert frechet_distance(left, right) == pytest.approx(8)
    assert frechet_distance(left, right, shrink=True) == pytest.approx(8)


def test_mmd_is_a_loop_over_pairs() -> None:
    left, right = _features(1, 7, 4), _features(2, 5, 4, shift=0.5)

    def kernel(x: DoubleArray, y: DoubleArray) -> float:
        return float((x @ y / 4 + 1) ** 3)

    within = sum(kernel(left[i], left[j]) for i in range(7) for j in range(7) if i != j) / 42
    beyond = sum(kernel(right[i], right[j]) for i in range(5) for j in range(5) if i != j) / 20
    across = sum(kernel(x, y) for x in left for y in right) / 35
    assert mmd_squared(left, right) == pytest.approx(within + beyond - 2 * across)


def test_kernel_distance_averages_subsets() -> None:
    left, right = _features(1, 30, 4), _features(2, 20, 4, shift=0.5)
    found = kernel_distance(
        left, right, generator=np.random.default_rng(5), num_subsets=4, subset_size=10
    )
    again = np.random.default_rng(5)
    values = [
        mmd_squared(
            left[again.choice(30, 10, replace=False)], right[again.choice(20, 10, replace=False)]
        )
        for _ in range(4)
    ]
    assert (found.mean, found.sd) == pytest.approx((np.mean(values), np.std(values)))
    assert (found.num_subsets, found.subset_size) == (4, 10)


def test_kernel_distance_is_unbiased_and_whole_sets_are_compared_once() -> None:
    means = [
        kernel_distance(
            _features(2 * seed, 12, 3),
            _features(2 * seed + 1, 12, 3),
            generator=np.random.default_rng(0),
        )
        for seed in range(300)
    ]
    values = np.array([found.mean for found in means])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(300)  # the same distribution: 0
    assert all(found.num_subsets == 1 and found.subset_size == 12 for found in means)


def test_held_out_images_follow_from_their_names() -> None:
    names = [f"{number:05d}.jpg" for number in range(4000)]
    mask = held_out_mask(names, share=0.25, seed=1)
    assert abs(mask.mean() - 0.25) < 0.03
    assert (held_out_mask(names[1000:], share=0.25, seed=1) == mask[1000:]).all()
    assert (held_out_mask(names, share=0.25, seed=2) != mask).any()
    assert not held_out_mask(names, share=0, seed=1).any()
    assert held_out_mask(names, share=1, seed=1).all()
    assert (mask <= held_out_mask(names, share=0.5, seed=1)).all()


def test_sets_that_do_not_fit_are_refused() -> None:
    good = _features(1, 5, 3)
    with pytest.raises(DataError, match=r"first set .* shape \(1, 3\); a covariance needs"):
        frechet_distance(good[:1], good)
    with pytest.raises(DataError, match="3 and 2 features an image"):
        kernel_distance(good, good[:, :2], generator=np.random.default_rng(0))
    with pytest.raises(DataError, match="second set's features hold NaN"):
        frechet_distance(good, np.where(good > 0, np.nan, good))
    with pytest.raises(DataError, match="3 subsets of 1 images"):
        kernel_distance(
            good, good, generator=np.random.default_rng(0), num_subsets=3, subset_size=1
        )
