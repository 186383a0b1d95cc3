"""From which side an image shows its vehicle: its orientation in a few equal bins."""

import math
from collections.abc import Sequence

from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import ConfigError


def view_of(angle: float, *, num_views: int, mirrored: bool = False) -> int:
    """The bin of an orientation; bin v begins at v * 360 / num_views degrees.

    An image that is mirrored left to right shows the angle 360 - angle, whose bin is
    num_views - 1 - v. That holds for bins as a whole, so it is applied to an angle on the border
    of two bins as well.

    Args:
        angle: Degrees in [0, 360); NaN is unknown.
        num_views: Number of bins; 0 leaves the view unknown.
        mirrored: Whether to give the bin of the mirrored image.

    >>> [view_of(angle, num_views=4) for angle in (0.0, 89.9, 90.0, 359.0, math.nan)]
    [0, 0, 1, 3, -1]
    >>> view_of(80.0, num_views=4, mirrored=True) == view_of(280.0, num_views=4)
    True
    """
    if num_views == 0 or math.isnan(angle):
        return UNKNOWN
    view = min(int(angle * num_views // 360), num_views - 1)  # 360 less a rounding error stays in
    return num_views - 1 - view if mirrored else view


def check_views(samples: Sequence[Sample], *, num_views: int) -> None:
    """Refuse to learn views from images that all have none.

    Raises:
        ConfigError: When views are wanted and no sample has an orientation.
    """
    if num_views and samples and all(math.isnan(sample.angle) for sample in samples):
        raise ConfigError(
            f"model.side_views is {num_views}, but none of the {len(samples)} training images has"
            " an orientation; set it to 0"
        )
