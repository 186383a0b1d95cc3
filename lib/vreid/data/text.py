"""Text files of data sets: UTF-8 or the Chinese GB 18030, Windows or Unix line ends, line by line.

GB 18030 holds all of GB 2312, in which CityFlow's, VehicleX's and VeRi-776's label files say to be
written, and of GBK.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vreid.errors import DataError

_INTEGER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list file.

    Attributes:
        path: The file.
        number: Of the line in the file, from 1.
        cells: What stands between the separators, without blanks at the ends.
    """

    path: Path
    number: int
    cells: tuple[str, ...]

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path}, line {self.number}"

    def integer(self, column: int, what: str) -> int:
        """A number of 0 or more; a camera may be written ``c001`` or ``1``.

        Raises:
            DataError: When the cell is something else.
        """
        text = self.cells[column]
        digits = text[1:] if what == "camera" and text[:1] in ("c", "C") else text
        if not _INTEGER.fullmatch(digits):
            raise DataError(
                f"{self.place}: the {what} is {text!r}; expected a whole number of 0 or more"
            )
        return int(digits)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without byte order mark, or in GB 18030.

    Raises:
        DataError: When it cannot be read or is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); unpack the data set again"
        ) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(
        f"{path}: not a text file, neither UTF-8 nor GB 18030; unpack the data set again"
    )


def read_cells(
    path: Path, *, num_cells: Sequence[int], wanted: str, separator: str | None = None
) -> list[Line]:
    """Read a list file; empty lines are passed over.

    Args:
        path: The file.
        num_cells: How many cells a line may have.
        wanted: What a line looks like, for the message.
        separator: Between cells; None for any run of blanks.

    Raises:
        DataError: When the file cannot be read, has no lines, or a line has another number of
            cells.
    """
    lines = []
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        line = Line(path, number, tuple(cell.strip() for cell in text.strip().split(separator)))
        if len(line.cells) not in num_cells:
            raise DataError(f"{line.place}: found {text.strip()[:80]!r}; expected {wanted}")
        lines.append(line)
    if not lines:
        raise DataError(f"{path}: the list is empty; expected lines such as {wanted}")
    return lines
