"""What all ways of segmenting have in common."""

from pathlib import Path
from typing import Protocol

from vreid.data.images import ImageArray
from vreid.masks import BoolArray


class Segmenter(Protocol):
    """Finds the vehicle in a crop."""

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Find the vehicle.

        Args:
            image: (H, W, 3) RGB.
            path: The image's file; only masks that lie ready are found by it.

        Returns:
            (H, W), True on the vehicle; all False when none was found.
        """
