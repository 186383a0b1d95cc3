"""Image names: what identifies an image within its folder, and the number a submission gives it."""

import re
from collections.abc import Sequence

from vreid.errors import DataError

_SUFFIX = re.compile(r"\.(jpe?g|png|bmp|webp)$", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]+")


def image_key(name: str) -> str:
    """The name of an image within its folder, without folder and without image suffix.

    >>> image_key("image_query/000001.jpg"), image_key("000001")
    ('000001', '000001')
    """
    return _SUFFIX.sub("", name.replace("\\", "/").rsplit("/", 1)[-1])


def image_number(name: str) -> int:
    """The number in an image's file name, which stands for the image in a submission.

    >>> image_number("image_test/000123.jpg")
    123

    Raises:
        DataError: When there is no number in it, or more than one.
    """
    found = _NUMBERS.findall(image_key(name))
    if len(found) != 1:
        what = "no number" if not found else f"{len(found)} numbers ({', '.join(found)})"
        raise DataError(
            f"the gallery image {name!r} has {what} in its file name; a submission needs one,"
            " as in 000123.jpg"
        )
    return int(found[0])


def gallery_numbers(names: Sequence[str], where: str) -> tuple[int, ...]:
    """The numbers of gallery images, in the order of their names.

    Args:
        names: Image names.
        where: The file they come from, for messages.

    Raises:
        DataError: When a name has no number, or two images have the same.
    """
    owners: dict[int, str] = {}
    for name in names:
        try:
            number = image_number(name)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        if number in owners:
            raise DataError(
                f"{where}: {owners[number]} and {name} have the same number {number};"
                " a submission could not tell them apart"
            )
        owners[number] = name
    return tuple(owners)


def row_of_key(names: Sequence[str], where: str) -> dict[str, int]:
    """Index image names by `image_key`.

    Raises:
        DataError: When two names have the same key.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        key = image_key(name)
        if key in rows:
            raise DataError(f"{where}: {names[rows[key]]} and {name} are the same image name")
        rows[key] = row
    return rows


def match_rows(names: Sequence[str], wanted: Sequence[str], *, where: tuple[str, str]) -> list[int]:
    """Rows of ``names`` in the order of ``wanted``; both must name the same images.

    Args:
        names: Names as the stages before know them, such as image_query/000001.jpg.
        wanted: Names as the list has them, such as 000001.jpg.
        where: The files of the two, for messages.

    Raises:
        DataError: When one side names an image that the other does not.
    """
    rows, order = row_of_key(names, where[0]), row_of_key(wanted, where[1])
    for ours, theirs, this, that in ((rows, order, *where), (order, rows, where[1], where[0])):
        extra = [key for key in ours if key not in theirs]
        if extra:
            raise DataError(
                f"{this} has {len(extra)} of {len(ours)} images that {that} has not, such as"
                f" {', '.join(extra[:3])}; are both of one data set, and is query query?"
            )
    return [rows[key] for key in order]
