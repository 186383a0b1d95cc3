"""Background plates: crops with the vehicle painted over.

    python -m synthetic_aug.inpaint IMAGES --masks masks --out plates
    python -m synthetic_aug.inpaint --data configs/recipes/csv.yml --masks masks --out plates

The plate of an image is ``<out>/<camera>/<its folder>_<its stem>.jpg``. With a recipe the camera is
the data set's, such as ``c007``, and only training images become plates; those of a plain folder
are all in ``unknown``. Images without a usable mask, or whose vehicle leaves too little to go on
from, are listed in ``<out>/<folder>.failures.csv``. Plates that are there are kept: a stopped run
goes on with the same command. ``<out>/contact_sheet.jpg`` shows images and plates.
"""

import argparse
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from synthetic_aug.filling import METHODS, fill, hole_of
from synthetic_aug.picture_files import FINE, Failure, find_images, make_all, spread, write_picture
from vreid.build_data import build_split
from vreid.config import load_config
from vreid.data.images import ImageArray, read_image
from vreid.data.sample import UNKNOWN
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json, write_json
from vreid.masks import check_unique_masks, mask_path, mask_quality, read_mask
from vreid.report import contact_sheet

RECORD = "inpaint.json"
_MOST_HOLE = 0.9  # of an image: beyond that the plate would be made up
_SHOWN = 48  # images on the contact sheet


def main(
    images: Path | None,
    masks: Path,
    out: Path,
    *,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    method: str = "smooth",
    jobs: int = 2,
    force: bool = False,
) -> Path:
    """Make the plates of a folder's images, or of a recipe's training images.

    Args:
        images: Folder of crops; None with ``data``.
        masks: Root of their masks.
        out: Root of the plates.
        data: A recipe; its training images are taken, with their cameras.
        overrides: ``key, value, …`` over the recipe's options.
        method: One of `METHODS`.
        jobs: Threads, at least 1; without influence on the plates.
        force: Make plates that are there again.

    Returns:
        The root of the plates.

    Raises:
        ConfigError: For a method or number of jobs that there is not, or both or none of ``images``
            and ``data``.
        DataError: When there are no images or masks, ``out`` holds plates made in another way, no
            image gets a plate, or the disk is full.
    """
    if method not in METHODS:
        raise ConfigError(f"--method is {method!r}; choose one of {', '.join(METHODS)}")
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    cameras = find_cameras(images, data, overrides)
    check_unique_masks(cameras)
    if not masks.is_dir():
        raise DataError(f"{masks}: no such folder of masks; make them with synthetic_aug.segment")
    record, facts = out / RECORD, {"method": method}
    if not force and record.exists() and (found := read_json(record)) != facts:
        raise DataError(
            f"{out}: holds plates made by {found}, this run would make them by {facts}; give"
            " another folder with --out, or make all again with --force"
        )
    write_json(record, facts)
    targets = {path: plate_path(out, path, camid) for path, camid in cameras.items()}
    missing = [path for path, target in targets.items() if force or not target.exists()]
    failures = inpaint_all(missing, targets, masks, out, method=method, jobs=jobs)
    print(
        f"{out}: {len(missing) - len(failures)} plates made, {len(targets) - len(missing)} kept,"
        f" {len(failures)} images without one{' (see *.failures.csv)' if failures else ''}"
    )
    done = [path for path, target in targets.items() if target.exists()]
    if not done:
        raise DataError(
            f"{out}: none of the {len(targets)} images got a plate (first: {failures[0][0]},"
            f" {failures[0][1]}); are {masks} the masks of these images?"
        )
    write_sheet(out / "contact_sheet.jpg", done, targets)
    return out


def find_cameras(
    images: Path | None, data: Path | None, overrides: Sequence[str]
) -> dict[Path, int]:
    """Image -> number of its camera, of a folder's images or of a recipe's training images."""
    if (images is None) == (data is None):
        raise ConfigError("give either a folder of images or a recipe with --data, not both")
    if images is not None:
        if overrides:
            raise ConfigError(f"{overrides[0]}: options of a recipe are for --data only")
        return dict.fromkeys(find_images(images), UNKNOWN)
    assert data is not None
    train = build_split(load_config(data, overrides).data).train
    if not train:
        raise DataError(f"{data}: its data set has no training images to make plates of")
    return {sample.path: sample.camid for sample in train}


def plate_path(out: Path, image: Path, camid: int) -> Path:
    """Where the plate of an image lies.

    >>> plate_path(Path("plates"), Path("data/image_train/000001.jpg"), 7).as_posix()
    'plates/c007/image_train_000001.jpg'
    """
    camera = "unknown" if camid == UNKNOWN else f"c{camid:03d}"
    return out / camera / f"{image.parent.name}_{image.stem}.jpg"


def inpaint_all(
    paths: Sequence[Path],
    targets: Mapping[Path, Path],
    masks: Path,
    out: Path,
    *,
    method: str,
    jobs: int,
) -> list[Failure]:
    """Write the plates of images and return those of which there is none, with the reason."""

    def make(path: Path) -> str:
        return inpaint_one(path, mask_path(masks, path), targets[path], method=method)

    return make_all(make, paths, out, jobs=jobs, title="inpaint")


def inpaint_one(path: Path, mask_file: Path, target: Path, *, method: str) -> str:
    """Write the plate of one image; when there is none, remove an older one and say why."""
    try:
        image = read_image(path)
        mask = read_mask(mask_file, (image.shape[0], image.shape[1]))
        reason = mask_quality(mask)
        hole = hole_of(image, mask)
    except DataError as error:
        reason = str(error)
    if not reason and hole.mean() > _MOST_HOLE:
        reason = f"vehicle and shadow cover {hole.mean():.0%} of the image"
    if reason:
        target.unlink(missing_ok=True)
        return reason
    rng = np.random.default_rng(zlib.crc32(target.name.encode()))
    write_picture(target, fill(image, hole, method=method, rng=rng), quality=FINE)
    return ""


def write_sheet(target: Path, paths: Sequence[Path], plates: Mapping[Path, Path]) -> Path:
    """Write a contact sheet: image and plate of images spread over all."""
    cells: list[ImageArray] = []
    labels: list[str] = []
    for path in spread(paths, _SHOWN):
        cells += [read_image(path), read_image(plates[path])]
        labels += [f"{path.parent.name}/{path.stem}", plates[path].parent.name]
    print(f"{target}: image and plate of {len(cells) // 2} images")
    return write_picture(target, contact_sheet(cells, labels, 8, cell=130))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.inpaint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="*", metavar="IMAGES | key value",
        help="folder of crops; with --data options of the recipe, such as data.root FOLDER",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="CONFIG", help="recipe of the data set")
    parser.add_argument("--masks", type=Path, default=Path("masks"), help="root of the masks")
    parser.add_argument("--out", type=Path, default=Path("plates"), help="root of the plates")
    parser.add_argument(
        "--method", default="smooth", choices=METHODS, help="default smooth; OpenCV's leave ghosts"
    )
    parser.add_argument("--jobs", type=int, default=2, help="threads (default 2)")
    parser.add_argument("--force", action="store_true", help="make plates that are there again")
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_intermixed_args(arguments))
    words, data = values.pop("words"), values.pop("data")
    images = Path(words.pop(0)) if words and data is None else None
    main(images, values.pop("masks"), values.pop("out"), data=data, overrides=words, **values)


if __name__ == "__main__":
    sys.exit(run_command(_command))
