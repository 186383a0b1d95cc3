"""Boxes around vehicles, from a trained network's activations or from masks.

    python -m synthetic_aug.crop RUN [--data CONFIG] [key value …]
    python -m synthetic_aug.crop --masks MASKS --data CONFIG --out DIR [key value …]

The box becomes a second view of the image, for ``test.crops`` and ``input.box_rate``. No box was
ever labelled. Where the last feature map of a run is strong, there it looks, and the first form
takes the box around that place. The inherited tool of the AI City 2021 system of Cybercore, from
VOC-ReID (arXiv:2004.09164), does so; it blanks a border of four cells and then widens boxes by
fixed factors, here ``--margin`` widens. The second form takes the box around the mask that
`synthetic_aug.segment` made of the image; a part of the data set without any masks is passed over.

Writes ``<out>/{train,query,gallery}.csv`` with the columns ``name,x0,y0,x1,y1``: pixels of the
image, half-open. Images whose map shows no vehicle, and those without a usable mask, keep their
whole and are listed in ``<out>/<part>.failures.csv``. ``<out>/crop.json`` says what made the boxes;
boxes that were made from the same images, weights or masks, and options are kept.
``<out>/contact_sheet.jpg`` shows images with their boxes and their maps or masks. With ``--truth
MASKS`` boxes are compared with those of true masks, such as ToyCity's; where whole images are
nearer to those, crops are tight already and need no boxes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthetic_aug.crop_boxes import Found
from synthetic_aug.crop_masks import MaskCropper
from synthetic_aug.crop_network import Cropper
from synthetic_aug.crop_report import compare_boxes, describe_boxes, write_sheet
from synthetic_aug.crop_source import Parts, Source, find_all, remove_parts
from vreid.build_data import build_split
from vreid.data.boxes import boxes_path, read_boxes, write_boxes
from vreid.data.fingerprint import fingerprint
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json, write_json
from vreid.masks import write_failures

RECORD, SHEET = "crop.json", "contact_sheet.jpg"
THRESHOLD, MARGIN = 0.4, 0.1  # between tight and loose crops, see docs/experiments.md
MASK_MARGIN = 0.0  # every margin tried cost mAP, see docs/experiments.md
_SHOWN = 40  # images on the contact sheet


def main(
    run: Path | None = None,
    *,
    masks: Path | None = None,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    out: Path | None = None,
    threshold: float | None = None,
    margin: float | None = None,
    truth: Path | None = None,
) -> Path:
    """Write the boxes of a data set's images, by a trained run or by masks.

    Args:
        run: A trained run; None with ``masks``.
        masks: Root of masks; None with ``run``.
        data: A recipe whose data set is used instead of the run's own; masks need one.
        overrides: ``key, value, …`` over the options of the run or of the recipe.
        out: Folder of the boxes; None for ``<run>/crops``; masks need one.
        threshold: Share in (0, 1) of the largest activation that belongs to the vehicle; None for
            `THRESHOLD`; not for masks.
        margin: Added on each side: share of the box's width or height, 0 or more; None for
            `MARGIN`, of masks `MASK_MARGIN`.
        truth: Root of true masks to compare with.

    Returns:
        The folder of the boxes.

    Raises:
        ConfigError: When an option is out of range, missing or of no use, or the network has no
            map.
        DataError: When the run is not trained, no image has a mask, or an image or a mask cannot
            be read.
    """
    if threshold is not None and not 0 < threshold < 1:
        raise ConfigError(f"--threshold is {threshold}; give a share between 0 and 1")
    if margin is not None and not 0 <= margin <= 1:
        raise ConfigError(f"--margin is {margin}; give a share of the box from 0 to 1")
    source: Source
    if run is not None and masks is None:
        folder = out or run / "crops"
        threshold = THRESHOLD if threshold is None else threshold
        margin = MARGIN if margin is None else margin
        source = Cropper.load(
            run, data=data, overrides=overrides, threshold=threshold, margin=margin
        )
    elif masks is not None and run is None:
        if data is None or out is None:
            missing = "--data CONFIG, the recipe of its images" if data is None else "--out DIR"
            raise ConfigError(f"--masks {masks} needs {missing}")
        if threshold is not None:
            raise ConfigError(f"--threshold {threshold} is for the maps of a run; leave it out")
        folder, margin = out, MASK_MARGIN if margin is None else margin
        source = MaskCropper.load(masks, data=data, overrides=overrides, margin=margin)
    else:
        found = "found neither" if run is None else f"found {run} and {masks}"
        raise ConfigError(f"give either a trained RUN or --masks MASKS; {found}")
    split = build_split(source.config.data)
    named = {"train": split.train, "query": split.query, "gallery": split.gallery}
    if not any(named.values()):
        raise DataError(f"{source.config.data.root}: the data set has no images to crop")
    parts = source.select({name: samples for name, samples in named.items() if samples})
    write_all(source, parts, folder, truth=truth)
    if truth is not None:
        for name, samples in parts.items():
            boxes = read_boxes(boxes_path(folder, name))
            print(f"{split.name} {name}: {compare_boxes(samples, boxes, truth)}")
    return folder


def write_all(source: Source, parts: Parts, folder: Path, *, truth: Path | None) -> None:
    """Write the boxes of each part that are not current, and the contact sheet if any was not."""
    changed = write_parts(source, parts, folder)
    sheet = folder / SHEET
    if changed or not sheet.exists():
        shown = [sample for samples in parts.values() for sample in samples]
        seen = list(source.look(shown[:: -(-len(shown) // _SHOWN)]))
        print(f"{write_sheet(sheet, seen, masks=truth)}: {len(seen)} images with their boxes")


def write_parts(source: Source, parts: Parts, folder: Path) -> bool:
    """Write the boxes of each part that are not current; whether there was one."""
    record = folder / RECORD
    made: dict[str, Any] = read_json(record) if record.exists() else {}
    changed = False
    for name, samples in parts.items():
        target = boxes_path(folder, name)
        current = {**source.facts(samples), "images_sha256": fingerprint(samples)}
        old = made.get(name, {})
        if target.exists() and old.get("facts") == current:
            print(f"{target}: up to date; {old['summary']}")
            continue
        found = find_all(source, samples, parts=folder / "parts", title=f"crop {name}")
        summary = describe_boxes(found)
        write_part(target, samples, found)
        made[name] = {"facts": current, "summary": summary}
        write_json(record, made)
        remove_parts(folder / "parts")
        changed = True
        print(f"{target}: {summary}")
    return changed


def write_part(target: Path, samples: Sequence[Sample], found: Mapping[str, Found]) -> None:
    """Write the boxes of a part in the order of its images, and list those that show no vehicle."""
    write_boxes(target, {sample.name: found[sample.name].box for sample in samples})
    failures = [
        (sample.path, found[sample.name].reason) for sample in samples if found[sample.name].reason
    ]
    write_failures(target.parent, target.stem, failures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.crop",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="*", metavar="[RUN] [key value …]",
        help="a trained run; options over the run's, or the recipe's",
    )  # fmt: skip
    parser.add_argument("--masks", type=Path, help="masks that make the boxes instead of a run")
    parser.add_argument(
        "--data", type=Path, metavar="CONFIG", help="recipe of another data set; of that of masks"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="of the boxes (default RUN/crops)")
    parser.add_argument(
        "--threshold", type=float,
        help=f"share of the largest activation that is the vehicle (default {THRESHOLD:g})",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float,
        help="share of its sides that a box is widened by (default"
        f" {MARGIN:g}, of masks {MASK_MARGIN:g})",
    )  # fmt: skip
    parser.add_argument("--truth", type=Path, metavar="MASKS", help="true masks to compare with")
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_intermixed_args(arguments))
    words: list[str] = values.pop("words")
    if values["masks"] is None or len(words) % 2:  # options come in pairs
        main(Path(words[0]) if words else None, overrides=words[1:], **values)
    else:
        main(overrides=words, **values)


if __name__ == "__main__":
    sys.exit(run_command(_command))
