"""Vehicle masks for folders of crops: ``python -m synthetic_aug.segment IMAGES --out masks``.

Each image gets a mask at ``<out>/<its folder>/<its stem>.png``, 255 on the vehicle. Images of which
no mask can be made are listed in ``<out>/<folder>.failures.csv`` and have none, so that nothing
cuts a vehicle out by it. Masks that are there are kept: a stopped run goes on with the same
command. ``<out>/segment.json`` says what made them, ``<out>/contact_sheet.jpg`` shows them.

With ``--truth MASKS`` the masks are compared with true ones, such as those that ToyCity renders.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from synthetic_aug.mask_report import compare, write_sheet
from synthetic_aug.picture_files import Failure, find_images, make_all
from synthetic_aug.segmenters.choose import BACKENDS, build_segmenter
from synthetic_aug.segmenters.onnx_model import OnnxOptions, Output
from synthetic_aug.segmenters.segmenter import Segmenter
from vreid.data.images import read_image
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import hash_file, read_json, write_json
from vreid.masks import (
    check_unique_masks,
    mask_path,
    mask_quality,
    write_mask,
)

RECORD = "segment.json"


def main(
    images: Path,
    out: Path,
    *,
    backend: str = "grabcut",
    model: Path | None = None,
    onnx: OnnxOptions | None = None,
    sheet: Path | None = None,
    truth: Path | None = None,
    jobs: int = 2,
    force: bool = False,
) -> Path:
    """Make the masks of all images in a folder and below it.

    Args:
        images: Folder of crops.
        out: Root of the masks.
        backend, model, onnx: See `build_segmenter`.
        sheet: Where the contact sheet goes; None for ``<out>/contact_sheet.jpg``.
        truth: Root of true masks to compare with.
        jobs: Threads, at least 1; without influence on the masks.
        force: Make masks that are there again.

    Returns:
        The root of the masks.

    Raises:
        DataError: When there are no images, ``out`` holds masks of another backend, none of the
            images gets a mask, or the disk is full.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    paths = find_images(images)
    check_unique_masks(paths)
    facts = describe(backend, model, onnx)
    record = out / RECORD
    if not force and record.exists() and (found := read_json(record)) != facts:
        raise DataError(
            f"{out}: holds masks made by {found}, this run would make them by {facts}; give another"
            " folder with --out, or make all again with --force"
        )
    segmenter = build_segmenter(backend, model, onnx=onnx)
    write_json(record, facts)
    missing = [path for path in paths if force or not mask_path(out, path).exists()]
    start = time.perf_counter()
    failures = segment_all(missing, out, segmenter, jobs=jobs)
    seconds = time.perf_counter() - start
    made = len(missing) - len(failures)
    each = f", {seconds / len(missing) * 1e3:.0f} ms each" if missing else ""
    print(
        f"{out}: {made} masks made{each}, {len(paths) - len(missing)} kept, {len(failures)} images"
        f" without one{' (see *.failures.csv)' if failures else ''}"
    )
    masked = [path for path in paths if mask_path(out, path).exists()]
    if not masked:
        raise DataError(
            f"{images}: none of the {len(paths)} images got a mask (first: {failures[0][0]},"
            f" {failures[0][1]}); are these crops of vehicles?"
        )
    write_sheet(sheet or out / "contact_sheet.jpg", masked, out)
    if truth is not None:
        print(compare(paths, out, truth))
    return out


def describe(backend: str, model: Path | None, onnx: OnnxOptions | None) -> dict[str, Any]:
    """What makes the masks beside the images."""
    facts: dict[str, Any] = {"backend": backend}
    if model is not None:
        facts["model"] = hash_file(model)[:16] if model.is_file() else str(model)
    if backend in ("onnx", "best") and onnx is not None:
        facts |= {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(onnx).items()
        }
    return facts


def segment_all(
    paths: Sequence[Path], out: Path, segmenter: Segmenter, *, jobs: int = 1
) -> list[Failure]:
    """Write the masks of images and return those of which there is none, with the reason."""

    def make(path: Path) -> str:
        return segment_one(path, mask_path(out, path), segmenter)

    return make_all(make, paths, out, jobs=jobs, title="segment")


def segment_one(path: Path, target: Path, segmenter: Segmenter) -> str:
    """Write the mask of one image; when there is none, remove an older one and say why."""
    try:
        image = read_image(path)
        mask = segmenter(image, path)
        reason = mask_quality(mask)
    except DataError as error:
        reason = str(error)
    if reason:
        target.unlink(missing_ok=True)
    else:
        write_mask(target, mask)
    return reason


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.segment",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="folder of crops")
    parser.add_argument("--out", type=Path, default=Path("masks"), help="root of the masks")
    parser.add_argument(
        "--backend", default="grabcut", choices=BACKENDS, help="default grabcut: needs no weights"
    )
    parser.add_argument(
        "--model", "--weights", dest="model", type=Path, metavar="FILE",
        help="ONNX model; weights of maskrcnn or detectron2; rendered: the folder of masks",
    )  # fmt: skip
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="<out>/contact_sheet.jpg")
    parser.add_argument("--truth", type=Path, metavar="MASKS", help="true masks to compare with")
    parser.add_argument("--jobs", type=int, default=2, help="threads (default 2)")
    parser.add_argument("--force", action="store_true", help="make masks that are there again")
    fed = OnnxOptions()
    group = parser.add_argument_group("ONNX models")
    group.add_argument("--mean", type=float, nargs=3, default=fed.mean, help="ImageNet's")
    group.add_argument("--std", type=float, nargs=3, default=fed.std, help="ImageNet's")
    group.add_argument("--output", default=fed.output, choices=get_args(Output))
    group.add_argument(
        "--classes", type=int, nargs="+", default=(), help="of the vehicles; all but 0"
    )
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_args(arguments))
    mean, std = tuple(values.pop("mean")), tuple(values.pop("std"))
    output, classes = values.pop("output"), tuple(values.pop("classes"))
    main(**values, onnx=OnnxOptions(mean, std, output, classes))


if __name__ == "__main__":
    sys.exit(run_command(_command))
