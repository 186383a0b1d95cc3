"""Contact sheet: many pictures of a data set in rows, each with a label below it."""

import io
from collections.abc import Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.report.pictures import fit

GAP = 6  # pixels between pictures
CAPTION = 20  # pixels for a label
DPI = 100
LETTER = 7  # pixels of a letter, to cut labels that do not fit; few are wider
PAPER, INK = 255, "#1c2127"


def contact_sheet(
    images: Sequence[ImageArray], labels: Sequence[str], columns: int, *, cell: int = 150
) -> ImageArray:
    """Arrange pictures row by row.

    Args:
        images: (H, W, 3) uint8 in red, green, blue, of any sizes.
        labels: A short text for each; what does not fit is cut. When all are empty there is no
            room left for them.
        columns: ImageArrays in a row.
        cell: Side in pixels of the square that each picture is fitted into.

    Returns:
        (H, W, 3) uint8.

    Raises:
        DataError: When there are no pictures, not one label each, or no columns.
    """
    if not len(images):
        raise DataError("a contact sheet of no images; is the data set empty?")
    if len(labels) != len(images):
        raise DataError(
            f"a contact sheet of {len(images)} images with {len(labels)} labels; give one each"
        )
    if columns < 1 or cell < 1:
        raise DataError(f"a contact sheet of {columns} columns of {cell} pixels; give at least 1")
    columns = min(columns, len(images))
    num_rows = -(-len(images) // columns)
    pitch_y = cell + GAP + (CAPTION if any(labels) else 0)
    shape = (num_rows * pitch_y + GAP, columns * (cell + GAP) + GAP, 3)
    sheet = np.full(shape, PAPER, dtype=np.uint8)
    texts = []
    for idx, (image, label) in enumerate(zip(images, labels, strict=True)):
        top = GAP + idx // columns * pitch_y
        left = GAP + idx % columns * (cell + GAP)
        sheet[top : top + cell, left : left + cell] = fit(image, cell)
        texts.append((left, top + cell, _cut(label, cell)))
    return _write(sheet, texts, cell=cell) if any(labels) else sheet


def _cut(label: str, cell: int) -> str:
    room = max(1, int(cell / LETTER))
    return label if len(label) <= room else label[: room - 1] + "…"


def _write(sheet: ImageArray, texts: Sequence[tuple[int, int, str]], *, cell: int) -> ImageArray:
    """Write captions into strips of cell x `CAPTION` pixels, given by their left upper corners.

    Matplotlib brings its own font, which has the signs of most languages and looks the same on
    every machine.
    """
    height, width = sheet.shape[:2]
    with matplotlib.style.context(["default", {"text.parse_math": False}]):
        # A quarter of a pixel more: Matplotlib cuts 413.9999 pixels down to 413.
        figure = Figure(figsize=((width + 0.25) / DPI, (height + 0.25) / DPI), dpi=DPI)
        for left, top, text in texts:
            figure.text(
                (left + cell / 2) / width,
                1 - (top + 2) / height,
                text,
                fontsize=8,
                color=INK,
                horizontalalignment="center",
                verticalalignment="top",
                clip_on=True,
                clip_box=Bbox.from_bounds(left, height - top - CAPTION, cell, CAPTION),
            )
        stream = io.BytesIO()
        figure.savefig(stream, format="rgba", dpi=DPI, facecolor="none")
    layer = np.frombuffer(stream.getvalue(), dtype=np.uint8).reshape(height, width, 4)
    alpha = layer[:, :, 3:].astype(np.float32) / 255  # transparent but for the letters
    return np.rint(sheet * (1 - alpha) + layer[:, :, :3] * alpha).astype(np.uint8)
