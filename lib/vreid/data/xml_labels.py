"""Label files of CityFlow, VehicleX and VeRi-776: XML whose ``Item`` elements hold attributes only.

Their header declares ``encoding="gb2312"``, which Python's XML parser refuses although the text is
plain ASCII. So the bytes are decoded first and the declaration is dropped before parsing.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError
from xml.parsers.expat.errors import messages

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from vreid.data.text import read_text
from vreid.errors import DataError

_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_INTEGER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Labels:
    """Attributes of the images that one label file lists.

    Attributes:
        path: The file.
        rows: Image name to its attributes, in the file's order.
    """

    path: Path
    rows: Mapping[str, Mapping[str, str]]

    def integer(self, name: str, key: str) -> int:
        """A number of an image; a camera may be written ``c001`` or ``1``.

        Raises:
            DataError: When the attribute is missing or is not a number of 0 or more.
        """
        text = self._text(name, key)
        digits = text[1:] if key == "cameraID" and text[:1] in ("c", "C") else text
        if not _INTEGER.fullmatch(digits):
            wanted = "c001 or 1" if key == "cameraID" else "a whole number such as 0042"
            raise DataError(f"{self._place(name)}: {key} of {name} is {text!r}; expected {wanted}")
        return int(digits)

    def degrees(self, name: str, key: str) -> float:
        """An angle of an image, brought into [0, 360).

        Raises:
            DataError: When the attribute is missing or is not a finite number.
        """
        text = self._text(name, key)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{self._place(name)}: {key} of {name} is {text!r}; expected degrees")
        return value % 360 % 360  # twice, since -1e-20 % 360 rounds to 360.0

    def _text(self, name: str, key: str) -> str:
        row = self.rows[name]
        if key not in row:
            raise DataError(
                f"{self._place(name)}: {name} has no attribute {key} (it has {', '.join(row)});"
                " is this the label file of that folder?"
            )
        return row[key].strip()

    def _place(self, name: str) -> str:
        """File and line of an image; the parser does not tell the line, so the text is searched."""
        named = re.compile(rf"""imageName\s*=\s*["']\s*{re.escape(name)}\s*["']""")
        text = read_text(self.path) if self.path.exists() else ""
        match = named.search(text)
        line = "" if match is None else f", line {text.count(chr(10), 0, match.start()) + 1}"
        return f"{self.path}{line}"


def read_labels(path: Path) -> Labels:
    """Read a label file.

    Raises:
        DataError: When it is missing, is not such a file, or names an image twice.
    """
    try:
        root = fromstring(_DECLARATION.sub(_blank, read_text(path)))
    except ParseError as error:
        line, column = error.position
        raise DataError(
            f"{path}: not well-formed XML at line {line}, column {column + 1}"
            f" ({messages[error.code]});"
            " unpack the data set again"
        ) from None
    except DefusedXmlException as error:
        raise DataError(
            f"{path}: uses an XML feature that a label file has no use for ({error});"
            " get the file from its publisher"
        ) from None
    rows: dict[str, dict[str, str]] = {}
    for number, item in enumerate(root.iter("Item"), start=1):
        name = item.attrib.get("imageName", "").strip()
        if not name:
            raise DataError(f"{path}: Item {number} has no imageName; unpack the data set again")
        if name in rows:
            raise DataError(f"{path}: {name} is listed twice; list each image once")
        rows[name] = dict(item.attrib)
    if not rows:
        raise DataError(
            f"{path}: no Item element in it (its root is {root.tag}); expected a label file such as"
            ' <Item imageName="000001.jpg" vehicleID="0001" cameraID="c001"/>'
        )
    return Labels(path, rows)


def _blank(declaration: re.Match[str]) -> str:
    """Blanks in its place, so that lines and columns in messages are those of the file."""
    return re.sub(r"[^\n]", " ", declaration.group())
