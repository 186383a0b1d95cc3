"""What is seen of boxes: a contact sheet, their size in words, and how they compare with masks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from synthetic_aug.crop_boxes import Found, box_iou, mask_box, whole_box
from synthetic_aug.crop_source import Seen
from synthetic_aug.picture_files import write_picture
from vreid.data.boxes import Box
from vreid.data.images import ImageArray
from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.features import FloatArray
from vreid.masks import mask_path, read_mask
from vreid.report import contact_sheet

_RED, _GREEN = (255, 40, 40), (40, 220, 60)
_SIDE = 150  # pixels of a cell of the contact sheet
_COLUMNS = 8


def describe_boxes(found: Mapping[str, Found]) -> str:
    """How much of their images the boxes keep, in one sentence."""
    shares = np.array([one.share for one in found.values()])
    degenerate = sum(bool(one.reason) for one in found.values())
    whole = sum(one.box == whole_box(one.size) for one in found.values())
    return (
        f"{len(found)} boxes keep {np.median(shares):.1%} of the area (median; middle half"
        f" {np.quantile(shares, 0.25):.1%} to {np.quantile(shares, 0.75):.1%}); {whole} are the"
        f" whole image, {degenerate} of them because no vehicle was found"
    )


def compare_boxes(samples: Sequence[Sample], boxes: Mapping[str, Box], masks: Path) -> str:
    """Compare boxes with those of true masks, and whole images with them as the baseline.

    Args:
        samples: The images; those without a mask do not count.
        boxes: Name of each image -> its box.
        masks: Root of the masks.

    Returns:
        A sentence.

    Raises:
        DataError: When no image has a mask, or one is empty.
    """
    rows = []
    for sample in samples:
        path = mask_path(masks, sample.path)
        if path.exists():
            true, size = _true_box(path)
            rows.append([box_iou(boxes[sample.name], true), box_iou(whole_box(size), true)])
    if not rows:
        first = mask_path(masks, samples[0].path)
        raise DataError(f"{masks}: no true masks of these images (looked for {first}, …)")
    ious = np.array(rows)  # (N, 2) of the box and of the whole image
    better = float((ious[:, 0] > ious[:, 1]).mean())
    return (
        f"IoU with the boxes of {masks} over {len(rows)} images: mean {ious[:, 0].mean():.3f},"
        f" median {np.median(ious[:, 0]):.3f}, lowest tenth {np.quantile(ious[:, 0], 0.1):.3f};"
        f" the whole images' mean {ious[:, 1].mean():.3f}, which {better:.1%} of the boxes beat"
    )


def _true_box(path: Path) -> tuple[Box, tuple[int, int]]:
    mask = read_mask(path)
    try:
        return mask_box(mask), (mask.shape[0], mask.shape[1])
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def write_sheet(
    target: Path,
    shown: Sequence[Seen],
    *,
    masks: Path | None,
) -> Path:
    """Write a contact sheet: each image with its box in red, and with its map or mask over it.

    Args:
        target: The JPEG file.
        shown: Images with their maps or masks, and boxes.
        masks: Root of true masks, whose boxes are drawn in green; None for none.
    """
    cells: list[ImageArray] = []
    labels: list[str] = []
    for sample, image, energy, found in shown:
        drawn = _enlarged(image)
        scale = drawn.shape[1] / image.shape[1], drawn.shape[0] / image.shape[0]
        if masks is not None and mask_path(masks, sample.path).exists():
            _draw(drawn, _true_box(mask_path(masks, sample.path))[0], _GREEN, scale)
        _draw(drawn, found.box, _RED, scale)
        cells += [drawn, heated(_enlarged(image), energy)]
        name = f"{sample.path.parent.name}/{sample.path.stem}"
        labels += [name, found.reason or f"{found.share:.0%}"]
    return write_picture(target, contact_sheet(cells, labels, _COLUMNS, cell=_SIDE))


def heated(image: ImageArray, energy: FloatArray) -> ImageArray:
    """An image (H, W, 3) under its map (h, w), from blue where it is 0 to red at its peak."""
    peak = float(energy.max()) or 1.0
    size = (image.shape[1], image.shape[0])
    spread = cv2.resize(energy / peak, size, interpolation=cv2.INTER_LINEAR)
    levels = np.rint(255 * spread.clip(0, 1)).astype(np.uint8)
    colors = cv2.applyColorMap(levels, cv2.COLORMAP_JET)[..., ::-1]
    return np.asarray((0.5 * image + 0.5 * colors).astype(np.uint8))


def _enlarged(image: ImageArray) -> ImageArray:
    """A copy as large as a cell, so that lines are as fine on small images as on large."""
    scale = _SIDE / max(image.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _draw(
    image: ImageArray, box: Box, color: tuple[int, int, int], scale: tuple[float, float]
) -> None:
    corners = [
        (round(x * scale[0]) - end, round(y * scale[1]) - end)
        for x, y, end in ((box.x0, box.y0, 0), (box.x1, box.y1, 1))
    ]
    cv2.rectangle(image, corners[0], corners[1], color, 2)
