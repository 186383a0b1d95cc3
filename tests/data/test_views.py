import math
from pathlib import Path

import numpy as np
import pytest

from vreid.data.sample import UNKNOWN, Sample
from vreid.data.views import check_views, view_of
from vreid.errors import ConfigError


@pytest.mark.parametrize("num_views", [1, 7, 8, 36])
def test_bins_are_equal_and_cover_the_circle(num_views: int) -> None:
    angles = np.random.default_rng(0).uniform(0, 360, 500)
    for angle in angles:
        view = view_of(angle, num_views=num_views)
        assert view * 360 / num_views <= angle < (view + 1) * 360 / num_views
        mirrored = view_of(angle, num_views=num_views, mirrored=True)
        assert mirrored == view_of(360 - angle, num_views=num_views)
    assert view_of(np.nextafter(360.0, 0.0), num_views=num_views) == num_views - 1


def test_the_unknown_stays_unknown() -> None:
    assert view_of(math.nan, num_views=8) == view_of(10.0, num_views=0) == UNKNOWN
    assert view_of(math.nan, num_views=8, mirrored=True) == UNKNOWN
    assert view_of(10.0, num_views=0, mirrored=True) == UNKNOWN


def test_views_without_a_single_orientation_are_refused() -> None:
    known = Sample(Path("a.jpg"), "a.jpg", angle=3.0)
    unknown = Sample(Path("b.jpg"), "b.jpg")
    check_views([unknown, known], num_views=8)
    check_views([unknown], num_views=0)
    check_views([], num_views=8)
    with pytest.raises(ConfigError, match=r"model\.side_views is 8, but none of the 2 training"):
        check_views([unknown, unknown], num_views=8)
