import math
from pathlib import Path

import numpy as np
import pytest

from orientation.bins import (
    REACH,
    circular_error,
    error_values,
    estimate_angles,
    to_angles,
    to_bins,
)
from orientation.train import check_angles, check_flip
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError
from vreid.options import Config, DataOptions, EvaluationOptions


def test_every_angle_is_within_half_a_bin_of_its_bins_middle() -> None:
    angles = np.random.default_rng(0).uniform(0, 360, 1000)
    for num_bins in (1, 8, 36):
        bins = to_bins(angles, num_bins=num_bins)
        assert bins.min() >= 0
        assert bins.max() < num_bins
        error = circular_error(to_angles(bins, num_bins=num_bins), angles)
        assert error.max() <= 180 / num_bins + 1e-9


def test_the_error_goes_the_short_way_round() -> None:
    left, right = np.array([359.0, 0.0, 10.0]), np.array([1.0, 180.0, 350.0])
    np.testing.assert_allclose(circular_error(left, right), [2, 180, 20])
    np.testing.assert_allclose(circular_error(right, left), [2, 180, 20])


def slow_estimate(probs: list[float], bins: list[int], num_bins: int) -> tuple[float, float]:
    """The angle of one row by its definition, with loops."""
    centers = [(one + 0.5) * 360 / num_bins for one in bins]

    def members(place: int) -> list[int]:
        turns = [abs(center - centers[place]) for center in centers]
        return [idx for idx, turn in enumerate(turns) if min(turn, 360 - turn) <= REACH + 1e-9]

    masses = [sum(probs[idx] for idx in members(place)) for place in range(len(bins))]
    best = masses.index(max(masses))
    east = sum(probs[idx] * math.cos(math.radians(centers[idx])) for idx in members(best))
    north = sum(probs[idx] * math.sin(math.radians(centers[idx])) for idx in members(best))
    return math.degrees(math.atan2(north, east)) % 360, masses[best]


@pytest.mark.parametrize(("num_bins", "missing"), [(36, 0), (36, 9), (72, 0), (8, 0), (7, 2)])
def test_angles_are_those_of_the_definition(num_bins: int, missing: int) -> None:
    generator = np.random.default_rng(num_bins)
    bins = np.sort(generator.permutation(num_bins)[missing:])
    probs = generator.dirichlet(np.full(len(bins), 0.2), size=50)
    found, confidence = estimate_angles(probs, bins, num_bins=num_bins)
    for row in range(50):
        angle, mass = slow_estimate(probs[row].tolist(), bins.tolist(), num_bins)
        assert found[row] == pytest.approx(angle)
        assert confidence[row] == pytest.approx(mass, abs=1e-6)
    assert ((found >= 0) & (found < 360)).all()


def test_an_angle_between_two_bins_is_found_across_north() -> None:
    probs = np.zeros((3, 36))
    probs[0, [0, 35]] = 0.5  # middles at 5 and 355 degrees
    probs[1, 12] = 1.0
    probs[2, [10, 11, 28]] = 0.3, 0.3, 0.4  # the most probable bin is alone, and opposite
    angles, confidence = estimate_angles(probs, np.arange(36), num_bins=36)
    np.testing.assert_allclose(circular_error(angles, np.array([0.0, 125.0, 110.0])), 0, atol=1e-9)
    np.testing.assert_allclose(confidence, [1, 1, 0.6], rtol=1e-6)


def test_mirrored_probabilities_give_the_mirrored_angle() -> None:
    probs = np.random.default_rng(0).dirichlet(np.full(36, 0.1), size=100)
    angles, _ = estimate_angles(probs, np.arange(36), num_bins=36)
    mirrored, _ = estimate_angles(probs[:, ::-1], np.arange(36), num_bins=36)
    np.testing.assert_allclose(circular_error(mirrored, 360 - angles), 0, atol=1e-6)


def test_wide_bins_stand_alone() -> None:
    probs = np.array([[0.4, 0.35, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0]])
    angles, confidence = estimate_angles(probs, np.arange(8), num_bins=8)
    assert angles[0] == pytest.approx(22.5)
    assert confidence[0] == pytest.approx(0.4)


def test_opposite_angles_move_the_mean_error_and_not_the_median() -> None:
    values = error_values(np.array([10.0, 350.0, 184.0]), np.array([4.0, 0.0, 4.0]))
    assert values["median_error_deg"] == pytest.approx(10)
    assert values["mean_error_deg"] == pytest.approx((6 + 10 + 180) / 3)
    assert values["share_within_30_deg"] == pytest.approx(2 / 3)


def test_images_without_an_angle_are_refused() -> None:
    samples = [Sample(Path("a.jpg"), "a.jpg", angle=3.0), Sample(Path("b.jpg"), "b.jpg")]
    with pytest.raises(DataError, match=r"city: b\.jpg has no orientation; .*VehicleX"):
        check_angles(samples, "city")


def test_features_of_both_sides_together_are_refused() -> None:
    check_flip(Config(test=EvaluationOptions(flip=False)))
    with pytest.raises(ConfigError, match=r"test\.flip is true.*orientation\.test\.flip false"):
        check_flip(Config(test=EvaluationOptions(flip=True)))


@pytest.mark.parametrize("bins", [0, 1, 361])
def test_bins_that_tell_nothing_apart_are_refused(bins: int) -> None:
    with pytest.raises(ConfigError, match=rf"data\.bins is {bins}; 2 to 360 bins are needed"):
        DataOptions(bins=bins)
