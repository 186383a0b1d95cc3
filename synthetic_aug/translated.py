"""A folder of translated images: names as in the source folder, so that its labels carry over.

Beside the folder lie a copy of the source's label file, where it has one (VehicleX's layout), and
``<folder>-sheet.jpg``; in it ``translation.json`` says what made the images. A stopped run goes on:
an image is written whole or not at all, and what is there is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from synthetic_aug.picture_files import FINE, check_same, spread, write_picture
from vreid.data.image_folder import list_images
from vreid.data.images import ImageArray, read_image, resize
from vreid.errors import DataError
from vreid.files import hash_text, read_json, write_json, write_part
from vreid.report.sheet import contact_sheet

LABELS, RECORD = "train_label.xml", "translation.json"
_TRIPLES = 12  # on the sample sheet
_NEIGHBOURS = 400  # target images among which a sheet's neighbour is sought


@dataclass(frozen=True)
class Translation:
    """A translation under way.

    Attributes:
        source: Folder of images.
        out: Folder of the translated ones.
        names: File names in both.
        facts: What makes the images, as plain values.
    """

    source: Path
    out: Path
    names: tuple[str, ...]
    facts: Mapping[str, Any]

    def missing(self) -> list[str]:
        """Names that are not translated yet."""
        return [name for name in self.names if not (self.out / name).exists()]


def begin(source: Path, out: Path, *, facts: Mapping[str, Any]) -> Translation:
    """Start a translation, or see that the folder holds a part of this very one.

    Args:
        source: Folder of images.
        out: Folder for the translated ones; made when missing.
        facts: What makes the images; compared with those of what is there.

    Raises:
        DataError: When the source has no images, or ``out`` holds something else.
    """
    names = tuple(list_images(source))
    if out.resolve() == source.resolve():
        raise DataError(f"{out}: is the source folder itself; give another folder with --out")
    facts = {**facts, "source": str(source), "source_files": digest_of(source, names)}
    record = out / RECORD
    if record.exists():
        check_same(read_json(record), facts, out, what="a translation")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out}: exists and holds no translation ({RECORD} is missing); give another --out"
        )
    _copy_labels(source, out)
    for leftover in out.glob(".*") if out.exists() else ():
        leftover.unlink()  # of a run that was killed while it wrote
    write_json(record, facts)
    return Translation(source, out, names, facts)


def translate_all(
    translation: Translation, translate: Callable[[str], ImageArray], *, jobs: int = 1
) -> None:
    """Translate what is missing, one image after another or ``jobs`` at a time."""
    names = translation.missing()

    def one(name: str) -> None:
        write_picture(translation.out / name, translate(name), quality=FINE)

    with progress(len(names), "translate") as bar, ThreadPoolExecutor(jobs) as pool:
        try:
            for _ in pool.map(one, names):
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def finish(
    translation: Translation,
    targets: Sequence[Path],
    *,
    neighbour: Callable[[str], Path] | None = None,
) -> Path:
    """Write the sample sheet and say where things are; returns the folder.

    Args:
        translation: Finished.
        targets: Images of the target set; without any the sheet has no such column.
        neighbour: The target image that a translation was made with; without it the sheet shows the
            one that looks most like the translated image.
    """
    sheet = write_sheet(translation, targets, neighbour)
    out = translation.out
    print(f"{out}: {len(translation.names)} images; look at {sheet}")
    if (out.parent / LABELS).exists():
        print(f"to train on them: data.root {out.parent} data.images {out.name}")
    return out


def write_sheet(
    translation: Translation, targets: Sequence[Path], neighbour: Callable[[str], Path] | None
) -> Path:
    """Write ``<folder>-sheet.jpg``: source, target neighbour and translated image side by side."""
    names = spread(translation.names, _TRIPLES)
    results = [read_image(translation.out / name) for name in names]
    near: list[list[Path]] = [[] for _ in names]
    if neighbour is not None:
        near = [[neighbour(name)] for name in names]
    elif targets:
        near = [[path] for path in nearest(results, spread(targets, _NEIGHBOURS))]
    pictures, labels = [], []
    for name, paths, result in zip(names, near, results, strict=True):
        pictures += [read_image(translation.source / name), *map(read_image, paths), result]
        labels += [name, *("target" for _ in paths), "translated"]
    path = translation.out.with_name(translation.out.name + "-sheet.jpg")
    return write_picture(path, contact_sheet(pictures, labels, 4 + 2 * len(near[0]), cell=160))


def nearest(images: Sequence[ImageArray], paths: Sequence[Path]) -> list[Path]:
    """For each image the file that looks most like it, as 8 x 8 pixels in Lab."""
    theirs = np.stack([_thumbnail(read_image(path)) for path in paths])  # (M, 192)
    gaps = [np.square(theirs - _thumbnail(image)).sum(axis=1) for image in images]
    return [paths[int(np.argmin(gap))] for gap in gaps]


def digest_of(folder: Path, names: Sequence[str]) -> str:
    """Hash of files' names and sizes, which tells when a folder has changed."""
    return hash_text("\n".join(f"{name} {(folder / name).stat().st_size}" for name in names))[:16]


def progress(total: int, title: str) -> Any:
    """A progress bar, on a terminal only."""
    return tqdm(total=total, desc=title, unit="img", disable=None, leave=False)


def _thumbnail(image: ImageArray) -> npt.NDArray[np.float32]:
    small = resize(image, (8, 8)).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), np.float32).ravel()


def _copy_labels(source: Path, out: Path) -> None:
    """Copy the source's label file beside the folder."""
    ours, theirs = source.parent / LABELS, out.parent / LABELS
    if not ours.exists() or ours.resolve() == theirs.resolve():
        return
    data = ours.read_bytes()
    if theirs.exists() and theirs.read_bytes() != data:
        raise DataError(
            f"{theirs}: other labels than those of {source} lie beside {out.name}; give an --out in"
            f" another folder, such as {source.with_name(source.name + '_translated')}"
        )
    write_part(theirs, data)
