"""Images that a list file names: are they there, and is each named once?"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from vreid.data.text import Line
from vreid.errors import DataError


def find_list(root: Path, names: Sequence[str], folders: Sequence[str]) -> Path | None:
    """The first of several spellings of a list file that there is, in one of several folders."""
    for folder in folders:
        for name in names:
            if (root / folder / name).is_file():
                return root / folder / name
    return None


def need_list(root: Path, names: Sequence[str], folders: Sequence[str]) -> Path:
    """As `find_list`.

    Raises:
        DataError: When there is none.
    """
    found = find_list(root, names, folders)
    if found is None:
        places = " or ".join(str(root / folder) for folder in folders)
        raise DataError(f"no file {' or '.join(names)} in {places}; unpack the data set again")
    return found


class Listing:
    """What is in the folders below a root, each folder read once when it is first asked about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, frozenset[str]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a file or folder of that relative POSIX name."""
        path = PurePosixPath(name)
        return path.name in self.inside(str(path.parent))

    def inside(self, folder: str) -> frozenset[str]:
        """Names in a folder; empty where there is no such folder."""
        if folder not in self._folders:
            try:
                found = frozenset(path.name for path in (self.root / folder).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                found = frozenset()
            self._folders[folder] = found
        return self._folders[folder]


def check_listed(names: Mapping[str, Line], listing: Listing) -> bool:
    """Whether the images of a list are there: all of them or none.

    Args:
        names: Image -> the line that names it, in the list's order.
        listing: The folders that they should be in.

    Returns:
        False when not one is there, as in a copy without the training images.

    Raises:
        DataError: When some are missing, naming the first and how many: scores on what happens to
            be left mean nothing.
    """
    missing = [name for name in names if not listing.has(name)]
    if missing and len(missing) < len(names):
        line = names[missing[0]]
        raise DataError(
            f"{line.place}: {missing[0]} is not in {listing.root}, and {len(missing) - 1} more of"
            f" the {len(names)} images of this list are missing; unpack the data set again, or take"
            " their lines out"
        )
    return not missing


def by_name(lines: Sequence[Line], names: Sequence[str]) -> dict[str, Line]:
    """Image -> the line that names it.

    Raises:
        DataError: When two lines name one image.
    """
    found: dict[str, Line] = {}
    for line, name in zip(lines, names, strict=True):
        if name in found:
            raise DataError(
                f"{line.place}: {name} is on line {found[name].number} too; list each image once"
            )
        found[name] = line
    return found
