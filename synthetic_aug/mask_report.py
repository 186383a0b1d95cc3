"""What is seen of masks: a contact sheet, and how they compare with true ones."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from synthetic_aug.picture_files import spread, write_picture
from vreid.data.images import ImageArray, read_image
from vreid.errors import DataError
from vreid.masks import BoolArray, iou, mask_path, read_mask
from vreid.report import contact_sheet

_SHOWN = 40  # images on the contact sheet
_RED = (255, 40, 40)


def write_sheet(target: Path, paths: Sequence[Path], masks: Path) -> Path:
    """Write a contact sheet: image, outline and cut-out of images spread over the folder."""
    cells: list[ImageArray] = []
    labels: list[str] = []
    for path in spread(paths, _SHOWN):
        image = read_image(path)
        mask = read_mask(mask_path(masks, path), (image.shape[0], image.shape[1]))
        cells += [image, outlined(image, mask), np.where(mask[..., None], image, np.uint8(255))]
        labels += [f"{path.parent.name}/{path.stem}", f"{mask.mean():.0%}", ""]
    page = contact_sheet(cells, labels, 9, cell=130)
    print(f"{target}: image, outline and cut-out of {len(cells) // 3} images")
    return write_picture(target, page)


def outlined(image: ImageArray, mask: BoolArray) -> ImageArray:
    """A copy of an image with the mask's outline in red, as fine on small images as on large."""
    scale = max(1, round(130 / max(image.shape[:2])))
    size = (image.shape[1] * scale, image.shape[0] * scale)
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    grown = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(grown, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    width = max(1, round(max(size) / 130))
    return np.asarray(cv2.drawContours(drawn, lines, -1, _RED, width), dtype=np.uint8)


def compare(paths: Sequence[Path], masks: Path, truth: Path) -> str:
    """Compare masks with true ones; an image without a mask counts as 0.

    Returns:
        A line: mean, median, lowest tenth of the intersection over union, share above 0.7.

    Raises:
        DataError: When no image has a true mask, or one has another size.
    """
    known = [path for path in paths if mask_path(truth, path).exists()]
    if not known:
        first = mask_path(truth, paths[0])
        raise DataError(f"{truth}: no true masks of these images (looked for {first}, …)")
    found = np.zeros(len(known))
    for idx, path in enumerate(known):
        if mask_path(masks, path).exists():
            right = read_mask(mask_path(truth, path))
            size = (right.shape[0], right.shape[1])
            found[idx] = iou(read_mask(mask_path(masks, path), size), right)
    return (
        f"IoU with {truth} over {len(known)} images: mean {found.mean():.3f}, median"
        f" {np.median(found):.3f}, lowest tenth {np.quantile(found, 0.1):.3f}, above 0.7:"
        f" {(found > 0.7).mean():.1%}"
    )
