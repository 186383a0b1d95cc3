"""Boxes around vehicles: a table ``name,x0,y0,x1,y1`` for each part of a data set.

`synthetic_aug.crop` writes such tables as ``<folder>/{train,query,gallery}.csv``; any detector's
boxes do as well. A box counts pixels of its image as it is decoded and is half-open: it holds the
columns x0 … x1 - 1 and the rows y0 … y1 - 1.
"""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.files import write_text
from vreid.tables import read_rows

COLUMNS = ("name", "x0", "y0", "x1", "y1")
_INTEGER = re.compile(r"[0-9]{1,9}")


class Box(NamedTuple):
    """A rectangle in an image, in pixels, half-open: 0 <= x0 < x1 and 0 <= y0 < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        """Pixels inside."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def boxes_path(folder: Path, part: str) -> Path:
    """Where the boxes of a part (``train``, ``query``, ``gallery``) lie."""
    return folder / f"{part}.csv"


def read_boxes(path: Path) -> dict[str, Box]:
    """Read a table of boxes: the name of an image, as in `vreid.data.sample.Sample`, to its box.

    The columns may come in any order, and others may stand between them. Whether a box lies inside
    its image is found out when the image is there, by `cut`.

    Raises:
        DataError: Naming file and line: when the file is missing or no such table, a column is
            missing, a number is not a whole one of 0 or more, a box holds no pixel, or an image is
            listed twice.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: no such file of boxes ({','.join(COLUMNS)}); write it with python -m"
            " synthetic_aug.crop, or name the folder that holds it"
        )
    boxes: dict[str, Box] = {}
    for place, values in read_rows(path, COLUMNS):
        row = dict(zip(COLUMNS, values, strict=True))
        if row["name"] in boxes:
            raise DataError(f"{place}: {row['name']} is listed twice; give each image one box")
        boxes[row["name"]] = _parse(row, place)
    return boxes


def _parse(row: Mapping[str, str], place: str) -> Box:
    if not row["name"]:
        raise DataError(f"{place}: the image has no name")
    for column in COLUMNS[1:]:
        if not _INTEGER.fullmatch(row[column]):
            raise DataError(
                f"{place}: {column} is {row[column]!r}; expected a whole number of pixels, 0 or"
                " more"
            )
    box = Box(*(int(row[column]) for column in COLUMNS[1:]))
    if box.x0 >= box.x1 or box.y0 >= box.y1:
        raise DataError(
            f"{place}: the box {describe(box)} holds no pixel; x0 < x1 and y0 < y1 are needed"
        )
    return box


def write_boxes(path: Path, boxes: Mapping[str, Box]) -> Path:
    """Write a table of boxes atomically and return its path."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((name, *box) for name, box in boxes.items())
    return write_text(path, text.getvalue())


def cut(image: ImageArray, box: Box, *, path: Path) -> ImageArray:
    """The part of an image inside a box; a view, not a copy.

    Args:
        image: (H, W, 3).
        box: In its pixels.
        path: Its file, for the message.

    Returns:
        (y1 - y0, x1 - x0, 3).

    Raises:
        DataError: When the box goes beyond the image.
    """
    height, width = image.shape[:2]
    if box.x1 > width or box.y1 > height:
        raise DataError(
            f"{path}: its box {describe(box)} goes beyond its {width} x {height} pixels; make the"
            " boxes of these images again"
        )
    return image[box.y0 : box.y1, box.x0 : box.x1]


def rescale(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """The same part of an image of another size; it keeps at least a pixel each way.

    Args:
        box: In pixels of the old size.
        old: Height and width.
        new: The same.

    >>> rescale(Box(10, 20, 30, 60), (80, 100), (40, 50))
    Box(x0=5, y0=10, x1=15, y1=30)
    """
    if old == new:
        return box
    x0, x1 = _rescale(box.x0, box.x1, new[1] / old[1], new[1])
    y0, y1 = _rescale(box.y0, box.y1, new[0] / old[0], new[0])
    return Box(x0, y0, x1, y1)


def _rescale(start: int, stop: int, factor: float, most: int) -> tuple[int, int]:
    first = min(round(start * factor), most - 1)
    return first, min(max(round(stop * factor), first + 1), most)


def describe(box: Box) -> str:
    """A box in words.

    >>> describe(Box(1, 2, 30, 40))
    'x 1 to 30, y 2 to 40'
    """
    return f"x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"
