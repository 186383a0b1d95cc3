"""Reading ``track2.txt`` and finding everything that is wrong with it.

The format: one line for each query; on a line the numbers of gallery images, best first, separated
by blanks, as many as the challenge looks at (100) or as the gallery has. More than one blank,
blanks at the ends of a line, Windows line ends and a missing last line end do no harm. File names
(000123.jpg, as some teams write) and leading zeros are read, and told as defects of form.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_FILE_NAME = re.compile(r"(?:.*[/\\])?([0-9]+)\.(?:jpe?g|png|bmp)", re.IGNORECASE)
_PADDED = re.compile(r"(0+[0-9]+)")
_DIGITS = re.compile("[0-9]+")
_SEPARATORS = re.compile(r"[\s,;|]+")
_MAX_DIGITS = 18  # longer numbers are no image's, and Python refuses to read very long ones


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        line: Line from 1; None for the file as a whole.
        entry: Entry of the line from 1; None for the line as a whole.
        text: What is wrong, what was found and what to do.
        fatal: Whether a score of the file would be meaningless; else only its form is wrong.
    """

    line: int | None
    entry: int | None
    text: str
    fatal: bool

    def __str__(self) -> str:
        place = "file" if self.line is None else f"line {self.line}"
        entry = "" if self.entry is None else f", entry {self.entry}"
        return f"{place}{entry}: {self.text}"


@dataclass(frozen=True)
class Submission:
    """What a file holds: the entries that are gallery numbers, and the defects in reading order."""

    lines: tuple[tuple[int, ...], ...]
    defects: tuple[Defect, ...]
    windows_line_ends: bool = False


def inspect(path: Path, *, num_query: int, numbers: Collection[int], k: int = 100) -> Submission:
    """Read a submission and list its defects.

    Args:
        path: The file.
        num_query: Lines it should have.
        numbers: The gallery images' numbers, a set or a range.
        k: Entries a line should have; the gallery's size when that is smaller.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _unreadable("no such file")
    except OSError as error:
        return _unreadable(f"cannot be read ({error.strerror})")
    if b"\0" in data:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "UTF-16 text" if utf16 else f"NUL at byte {data.index(0)}"
        return _unreadable(f"not a plain text file ({found}); save it as ASCII or UTF-8")
    if not data.strip():
        return _unreadable(f"empty; expected {num_query} lines, one for each query")
    rows, defects = _split(data)
    if len(rows) != num_query:
        text = f"{len(rows)} lines; expected {num_query}, one for each query"
        defects.append(Defect(None, None, text, fatal=True))
    gallery = _describe(numbers)
    lines = []
    for line, row in enumerate(rows, start=1):
        tokens = [token for token in _SEPARATORS.split(row) if token]
        defects += _check_line(row, tokens, line, min(k, len(numbers)))
        entries = [_read_entry(token, numbers, gallery) for token in tokens]
        defects += _check_entries(entries, line)
        lines.append(tuple(entry for entry in entries if isinstance(entry, int)))
    return Submission(tuple(lines), tuple(defects), b"\r\n" in data)


def _split(data: bytes) -> tuple[list[str], list[Defect]]:
    """The lines of a file, and what is wrong with its encoding and line ends."""
    defects = []
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        text = "begins with a byte order mark, which would stick to the first number; save without"
        defects.append(Defect(None, None, text, fatal=False))
    data = data.replace(b"\r\n", b"\n")
    if b"\r" in data:
        data = data.replace(b"\r", b"\n")
        text = "lines end with a carriage return alone; end them with a line feed"
        defects.append(Defect(None, None, text, fatal=False))
    text = data.decode("utf-8", errors="backslashreplace")
    return text.removesuffix("\n").split("\n"), defects


def _unreadable(text: str) -> Submission:
    return Submission((), (Defect(None, None, text, fatal=True),))


def _check_line(row: str, tokens: list[str], line: int, expected: int) -> Iterator[Defect]:
    """The defects of a line as a whole, and those of form in its entries."""
    if not tokens:
        text = f"empty line; expected {expected} entries"
        yield Defect(line, None, text, fatal=False)
        return
    kinds = {",": "commas", ";": "semicolons", "|": "bars", "\t": "tabs"}
    used = [word for sign, word in kinds.items() if sign in row.strip()]
    if not used and re.search(r"[^\S ]", row.strip()):
        used = ["white space that is no blank"]
    if used:
        text = f"entries are separated by {' and '.join(used)}; separate them by one blank"
        yield Defect(line, None, text, fatal=False)
    if len(tokens) != expected:
        short = "too short" if len(tokens) < expected else "too long"
        text = f"{short}: {len(tokens)} entries, expected {expected}"
        yield Defect(line, None, text, fatal=False)
    yield from _check_spelling(tokens, line)


def _check_spelling(tokens: list[str], line: int) -> Iterator[Defect]:
    """File names and leading zeros: one of them is a defect of its entry, several of the line."""
    kinds = (
        (_FILE_NAME, "is a file name; write its number,", "are file names"),
        (_PADDED, "has leading zeros; write", "have leading zeros"),
    )
    for kind, of_entry, of_line in kinds:
        found = [
            (entry, match)
            for entry, token in enumerate(tokens, 1)
            if (match := kind.fullmatch(token))
        ]
        if not found:
            continue
        entry, match = found[0]
        number = _short(match[1].lstrip("0") or "0")
        if len(found) == 1:
            text = f"{_short(match[0])} {of_entry} {number}"
            yield Defect(line, entry, text, fatal=False)
        else:
            text = f"{len(found)} entries {of_line}; write plain numbers, such as {number} for"
            yield Defect(line, None, f"{text} {_short(match[0])}", fatal=False)


def _read_entry(token: str, numbers: Collection[int], gallery: str) -> int | str:
    """The number of a gallery image, or what is wrong with it; ``gallery`` describes them."""
    file_name = _FILE_NAME.fullmatch(token)
    digits = file_name[1] if file_name else token
    if not _DIGITS.fullmatch(digits):
        return f"{_short(token)} is not a number; write the number in the gallery image's file name"
    if len(digits) > _MAX_DIGITS or int(digits) not in numbers:
        if not digits.strip("0"):
            return "0 is no gallery image, numbers start at 1; were indices from 0 written?"
        return f"{_short(token)} is out of range; {gallery}"
    return int(digits)


def _check_entries(entries: list[int | str], line: int) -> Iterator[Defect]:
    """The defects of single entries: unreadable ones, and repeated numbers."""
    first_entries: dict[int, int] = {}
    for entry, value in enumerate(entries, start=1):
        if isinstance(value, str):
            yield Defect(line, entry, value, fatal=True)
        elif value in first_entries:
            text = f"{value} is repeated, it is entry {first_entries[value]} already"
            yield Defect(line, entry, text, fatal=True)
        else:
            first_entries[value] = entry


def _describe(numbers: Collection[int]) -> str:
    low, high = min(numbers), max(numbers)
    if high - low + 1 == len(numbers):
        return f"gallery images are {low} to {high}"
    return f"no gallery image has this number ({len(numbers)} images between {low} and {high})"


def _short(token: str) -> str:
    return token if len(token) <= 40 else f"{token[:40]}… ({len(token)} characters)"
