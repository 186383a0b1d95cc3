from pathlib import Path

import numpy as np
import pytest

from orientation.bins import circular_error, to_angles, to_bins
from orientation.train import check_angles
from vreid.data.sample import Sample
from vreid.errors import DataError


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


def test_images_without_an_angle_are_refused() -> None:
    samples = [Sample(Path("a.jpg"), "a.jpg", angle=3.0), Sample(Path("b.jpg"), "b.jpg")]
    with pytest.raises(DataError, match=r"city: b\.jpg has no orientation; .*VehicleX"):
        check_angles(samples, "city")
