"""Masks of vehicles: where they lie, how they are read and written, and what a usable one is.

A mask is a grey 8-bit PNG file of its image's size, 255 on the vehicle and 0 elsewhere. It lies at
``<masks root>/<the image's folder>/<the image's stem>.png``, so that images of one name in two
folders (CityFlow restarts its numbers in each) keep masks of their own.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.files import write_part, write_text

BoolArray = npt.NDArray[np.bool_]

LEAST, MOST = 0.05, 0.95  # share of a crop's area that a vehicle in it covers
MOST_EDGE = 0.6  # of its edge pixels; in 600 rendered crops no vehicle covers more than 0.3

_LEVEL = 127  # brighter pixels belong to the vehicle
_END = b"IEND"  # the last chunk of a PNG file


def mask_path(masks_root: Path, image_path: Path) -> Path:
    """Where the mask of an image lies.

    >>> mask_path(Path("masks"), Path("data/image_train/000001.jpg")).as_posix()
    'masks/image_train/000001.png'
    """
    return masks_root / image_path.parent.name / f"{image_path.stem}.png"


def check_unique_masks(images: Iterable[Path]) -> None:
    """Refuse images of which two would have one mask file.

    Raises:
        DataError: Naming the first two.
    """
    taken: dict[Path, Path] = {}
    for image in images:
        other = taken.setdefault(mask_path(Path(), image), image)
        if other != image:
            raise DataError(
                f"{other} and {image} would have one mask, {mask_path(Path('masks'), image)};"
                " give them in two runs, each with a folder of its own"
            )


def read_mask(path: Path, size: tuple[int, int] | None = None) -> BoolArray:
    """Read a mask.

    Args:
        path: The PNG file.
        size: Height and width of its image in pixels, which it must have; None for any.

    Returns:
        (H, W), True on the vehicle.

    Raises:
        DataError: When the file is missing, empty, cut off, not an image, or of another size.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: no mask ({error.strerror}); segment the images first") from None
    if not data or (path.suffix.lower() == ".png" and _END not in data[-64:]):
        found = f"it ends after {len(data)} bytes"
        raise DataError(f"{path}: the mask is not whole ({found}); delete it and segment again")
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        grey = None
    if grey is None:
        raise DataError(
            f"{path}: not an image that can be decoded ({len(data)} bytes that start with"
            f" {data[:4].hex(' ')}); delete it and segment again"
        )
    if size is not None and grey.shape != tuple(size):
        sizes = [f"{width} x {height}" for height, width in (grey.shape, size)]
        raise DataError(
            f"{path}: the mask has {sizes[0]} pixels and its image {sizes[1]}; delete it and"
            " segment again"
        )
    return np.asarray(grey > _LEVEL, dtype=np.bool_)


def write_mask(path: Path, mask: BoolArray) -> Path:
    """Write a mask (H, W) atomically and return its path.

    Raises:
        DataError: When it cannot be written, as on a full disk; nothing is left behind then.
    """
    encoded = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1]
    return write_part(path, encoded.tobytes())


def mask_quality(mask: BoolArray) -> str:
    """Why a mask cannot be one of a vehicle in its crop; empty when it can.

    >>> mask_quality(np.zeros((8, 8), dtype=bool))
    'empty'
    """
    share = float(mask.mean()) if mask.size else 0.0
    if share == 0.0:
        return "empty"
    if share < LEAST:
        return f"tiny: {share:.1%} of the image"
    if share > MOST:
        return f"the whole image: {share:.1%}"
    edge = float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
    if edge > MOST_EDGE:
        return f"spilled over: {edge:.0%} of the image's edge"
    return ""


def iou(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union of two masks of one shape, in [0, 1]; 1 when both are empty.

    >>> iou(np.array([[True, True]]), np.array([[True, False]]))
    0.5
    """
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 1.0


def failures_path(root: Path, folder: str) -> Path:
    """Where the images of a folder are listed of which nothing could be made."""
    return root / f"{folder}.failures.csv"


def write_failures(root: Path, folder: str, failures: Sequence[tuple[Path, str]]) -> Path:
    """Write the list ``path,reason`` of a folder's failures, an empty one too; return its path."""
    rows = [f"{_quoted(path.as_posix())},{_quoted(reason)}\n" for path, reason in failures]
    return write_text(failures_path(root, folder), "".join(["path,reason\n", *rows]))


def _quoted(text: str) -> str:
    """A field of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text
