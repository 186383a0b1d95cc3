"""Masks that lie ready: those that ToyCity renders, or any other program's."""

from pathlib import Path

from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.masks import BoolArray, mask_path, read_mask


class RenderedMasks:
    """Takes the mask of each image from a folder of masks; see `Segmenter`."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(
                f"{root}: no such folder of masks; ToyCity's is the folder masks of the city"
            )
        self.root = root

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Read the mask of the image at ``path``."""
        return read_mask(mask_path(self.root, path), (image.shape[0], image.shape[1]))
