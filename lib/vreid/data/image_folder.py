"""Folders of images as the challenges ship them: where they lie, and in which order they count."""

from collections.abc import Collection, Iterable
from pathlib import Path

from vreid.data.text import read_text
from vreid.errors import DataError
from vreid.features import check_names

SUFFIXES = (".jpg", ".jpeg", ".png")


def find_root(root: Path, *, marker: str, nested: tuple[str, ...], obtain: str) -> Path:
    """Find the folder that holds ``marker``: the root, a nested folder, or that nested once more.

    Args:
        root: The folder that the user named.
        marker: Name of an image folder, or of a list file, that the data set must have.
        nested: Names of the folder that the data set's archive unpacks to.
        obtain: A sentence on how to get the data set, for the message.

    Raises:
        DataError: When the root is missing, or the marker is at none of these places.
    """
    if not root.is_dir():
        found = "it is a file" if root.exists() else "there is none"
        raise DataError(
            f"{root}: expected the data set's folder, the one that contains {marker}, but {found};"
            f" {obtain}"
        )
    places = [root, *(root / name for name in nested), *(root / name / name for name in nested)]
    for place in places:
        if (place / marker).exists():
            return place
    inside = sorted(path.name for path in root.iterdir())
    found = ", ".join(inside[:5]) + (" …" if len(inside) > 5 else "") if inside else "nothing"
    kind = "file" if Path(marker).suffix else "folder"
    raise DataError(
        f"{root}: no {kind} {marker} here or in {' or '.join(nested)} below (found {found});"
        f" name the folder that contains {marker}. {obtain}"
    )


def list_images(folder: Path) -> list[str]:
    """File names of a folder's images, sorted; hidden files and other suffixes are left out.

    Raises:
        DataError: When the folder is missing or holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; unpack the data set again")
    names = [path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    names = sorted(name for name in names if not name.startswith("."))
    if not names:
        raise DataError(
            f"{folder}: no images (looked for {', '.join(SUFFIXES)}); unpack the data set again"
        )
    return names


def ordered_images(folder: Path, name_list: Path) -> list[str]:
    """File names of a folder's images in the order of the data set's list, sorted without a list.

    Raises:
        DataError: When the folder and the list do not hold the same names, or see `list_images`.
    """
    images = list_images(folder)
    if not name_list.exists():
        return images
    names = read_lines(name_list)
    check_same_names(names, images, source=name_list, folder=folder)
    check_names(names, str(name_list))
    return names


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without blanks at their ends and without empty lines.

    Raises:
        DataError: When the file is missing or is not text.
    """
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def check_same_names(
    listed: Iterable[str], images: Collection[str], *, source: Path, folder: Path
) -> None:
    """Refuse a list and a folder that do not hold the same images.

    Args:
        listed: Names in the list.
        images: Names in the folder.
        source: The list's file, for the message.
        folder: The folder, for the message.

    Raises:
        DataError: Naming the first image that is only in one of the two, and how many there are.
    """
    missing = sorted(set(listed) - set(images))
    if missing:
        raise DataError(
            f"{source}: {len(missing)} of its images are not in {folder} (first: {missing[0]});"
            " unpack the data set again or take them out of the file"
        )
    extra = sorted(set(images) - set(listed))
    if extra:
        raise DataError(
            f"{folder}: {len(extra)} of its {len(images)} images are not in {source}"
            f" (first: {extra[0]}); unpack the data set again or remove these images"
        )
