"""The lists of images that a submission refers to: ``name_query.txt``, or a CSV with a header."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from vreid.errors import DataError


def read_text(path: Path) -> str:
    """Read a UTF-8 text, with or without byte order mark.

    Raises:
        DataError: When it cannot be read or is not such a text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    if "\0" in text:
        raise DataError(f"{path}: not a text file (it holds NUL bytes)")
    return text


def read_columns(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Read columns of a CSV by the names in its header, in the order of its rows.

    Returns:
        A tuple of values a row, as `read_rows` gives them.

    Raises:
        DataError: As `read_rows`.
    """
    return [values for _, values in read_rows(path, columns)]


def read_rows(path: Path, columns: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Read columns of a CSV with the place of each row, for messages about its values.

    Returns:
        File and line of a row, and its values in the order of ``columns``, stripped of blanks
        around them.

    Raises:
        DataError: For a missing column, a row without a value for one, or no rows.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        for column in columns:
            if header.count(column) != 1:
                found = ",".join(header) or "nothing"
                problem = "no column" if column not in header else "more than one column"
                raise DataError(
                    f"{path}: {problem} {column!r} in the header; found {found};"
                    f" expected {','.join(columns)}"
                )
        places = [header.index(column) for column in columns]
        rows: list[tuple[str, tuple[str, ...]]] = []
        for row in reader:
            if not any(value.strip() for value in row):
                continue
            line = f"{path}, line {reader.line_num}"
            if len(row) <= max(places):
                raise DataError(f"{line}: {len(row)} values; the header has {len(header)} columns")
            rows.append((line, tuple(row[place].strip() for place in places)))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise DataError(f"{path}: no rows below the header; at least one is needed")
    return rows


def read_names(path: Path) -> tuple[str, ...]:
    """Read image names: one a line, or the ``name`` column of a ``.csv``.

    Blank lines are passed over.

    Raises:
        DataError: When there is no name, and for a file that cannot be read.
    """
    if path.suffix.lower() == ".csv":
        return tuple(name for (name,) in read_columns(path, ["name"]))
    names = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    if not names:
        raise DataError(f"{path}: the list is empty; expected one image name a line")
    return names
