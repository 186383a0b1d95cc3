"""Folders of pictures as the verbs find them, and sheets that show what was made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from vreid.data.image_folder import SUFFIXES
from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.files import write_part
from vreid.masks import write_failures

FINE = 95  # quality of JPEG files in which a second encoding does not show

_Item = TypeVar("_Item")
Failure = tuple[Path, str]  # an image, and why nothing could be made of it; empty: all went well


def find_images(root: Path) -> list[Path]:
    """Image files in a folder and the folders below it, sorted; hidden ones are left out.

    Raises:
        DataError: When the folder is missing or holds none.
    """
    if not root.is_dir():
        found = "it is a file" if root.exists() else "there is none"
        raise DataError(f"{root}: expected a folder of images, but {found}")
    paths = [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES]
    hidden = [any(part.startswith(".") for part in p.relative_to(root).parts) for p in paths]
    kept = sorted(path for path, left_out in zip(paths, hidden, strict=True) if not left_out)
    if not kept:
        raise DataError(
            f"{root}: no images here or below (looked for {', '.join(SUFFIXES)}); name the folder"
            " of the crops"
        )
    return kept


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many items, evenly spread over the whole."""
    places = np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).astype(int))
    return [items[place] for place in places]


def write_picture(path: Path, picture: ImageArray, *, quality: int = 92) -> Path:
    """Write a picture (H, W, 3) RGB atomically as the JPEG or PNG file that its name says.

    Args:
        path: Where to.
        picture: What.
        quality: Of a JPEG file; `FINE` where it is the second encoding of an image.

    Returns:
        The path.

    Raises:
        DataError: When it cannot be written, as on a full disk; nothing is left behind then.
    """
    suffix = path.suffix.lower()
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert done, path
    return write_part(path, data.tobytes())


def make_all(
    make: Callable[[Path], str], paths: Sequence[Path], out: Path, *, jobs: int, title: str
) -> list[Failure]:
    """Make something of each image and return those of which there is none, with the reason.

    The lists of failures are written in any case, of the images looked at when it is stopped.

    Args:
        make: From an image to the reason why nothing was made; empty when all went well.
        paths: The images.
        out: Folder of what is made, and of the lists.
        jobs: Threads.
        title: Of the progress bar.
    """
    failures: list[Failure] = []
    looked_at: set[str] = set()
    try:
        for path, reason in in_threads(lambda one: (one, make(one)), paths, jobs=jobs, title=title):
            looked_at.add(path.parent.name)
            if reason:
                failures.append((path, reason))
    finally:
        for folder in sorted(looked_at):
            write_failures(out, folder, [one for one in failures if one[0].parent.name == folder])
    return failures


def check_same(found: object, facts: Mapping[str, Any], out: Path, *, what: str) -> None:
    """Refuse a folder that holds something made from other inputs or options.

    Args:
        found: The facts in its record.
        facts: Those of what is to be made now.
        out: The folder.
        what: What it holds, such as ``pictures``.

    Raises:
        DataError: Naming each fact that changed.
    """
    old = found if isinstance(found, dict) else {}
    changed = [
        f"{key} was {old.get(key, 'absent')} and is {facts.get(key, 'absent')}"
        for key in sorted({*old, *facts})
        if old.get(key) != facts.get(key)
    ]
    if changed:
        raise DataError(
            f"{out}: holds {what} made otherwise ({'; '.join(changed)}); remove that folder"
            " or give another --out"
        )


def in_threads(
    work: Callable[[Path], Failure], paths: Sequence[Path], *, jobs: int, title: str
) -> Iterator[Failure]:
    """Results in the order of the paths; what is not begun is left when the caller stops."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            results = pool.map(work, paths)
            yield from tqdm(results, title, len(paths), unit="img", disable=None, leave=False)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
