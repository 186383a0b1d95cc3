"""Splits of CityFlow's training images into train, query and gallery, as files in a folder.

The challenge keeps the identities of its test set, so its entrants split the training set by
vehicle. Two layouts are in use:

- ``train_split.xml``, ``query_split.xml``, ``test_split.xml`` (the gallery), label files like
  ``train_label.xml`` (Huynh, Nguyen et al., CVPR Workshops 2021, arXiv:2104.10850: 44,375 images of
  360 vehicles, 8,342 of 80; their files were never published, `scripts.split` makes such);
- ``train.txt``, ``query.txt``, ``test.txt`` with lines ``pid_cam_track_image``, such as
  ``0001_c014_0003_000042.jpg`` (the ``trainval`` lists of Zhu, Luo et al., "VOC-ReID", CVPR
  Workshops 2020: vehicles 1-95 against 241-478 of the 2020 edition, 500 queries).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from vreid.data.sample import Sample, Split
from vreid.data.text import read_cells
from vreid.data.xml_labels import read_labels
from vreid.errors import DataError
from vreid.files import atomic_path

_FILES = {"train": "train", "query": "query", "gallery": "test"}
_LINE = re.compile(r"([0-9]{1,18})_[cC]?([0-9]{1,18})_[0-9]+_([^_/\s]+)")

Parts = Mapping[str, Sequence[tuple[str, str, int, int]]]  # place, image, vehicle, camera


def read_split(folder: Path, images: Sequence[Sample]) -> Split:
    """Read the split in a folder.

    Args:
        folder: Holds the three files of either layout; ``trainval_partial`` in it is looked into
            too.
        images: The training images of the challenge; their tracklets are kept.

    Raises:
        DataError: When a file is missing, a line cannot be used, an image is none of the training
            images or has another vehicle or camera there, or a vehicle is both trained on and
            searched for.
    """
    parts = _read_files(folder)
    known = {Path(sample.name).name: sample for sample in images}
    found: dict[str, tuple[Sample, ...]] = {}
    for part, rows in parts.items():
        found[part] = tuple(_look_up(row, known) for row in rows)
    _check(folder, found)
    both = len({s.name for s in found["query"]} & {s.name for s in found["gallery"]})
    notes = (
        f"cityflow split: {both} of {len(found['query'])} queries are in the gallery too and find"
        " themselves unless images of their camera are left out; score with market, not aicity",
    )
    return Split("cityflow split", **found, notes=notes if both else ())


def write_split(folder: Path, split: Split) -> list[Path]:
    """Write a split as label files in the published form and return their paths.

    Raises:
        DataError: When an image is outside ``image_train``, which such files cannot say.
    """
    paths = []
    for part, stem in _FILES.items():
        path = folder / f"{stem}_split.xml"
        items = [_item(sample) for sample in getattr(split, part)]
        lines = [
            '<?xml version="1.0" encoding="gb2312" ?>',
            '<TrainingImages Version="1.0">',
            f'    <Items number="{len(items)}">',
            *items,
            "    </Items>",
            "</TrainingImages>",
            "",
        ]
        with atomic_path(path) as temporary:
            temporary.write_bytes("\n".join(lines).encode("gb2312"))
        paths.append(path)
    return paths


def _item(sample: Sample) -> str:
    folder, _, image = sample.name.rpartition("/")
    if folder != "image_train":
        raise DataError(
            f"{sample.name}: not an image of image_train; label files of a split name those only"
        )
    return (
        f"        <Item imageName={quoteattr(image)}"
        f' vehicleID="{sample.pid:04d}" cameraID="c{sample.camid:03d}" />'
    )


def _read_files(folder: Path) -> Parts:
    if (folder / "train_split.xml").is_file():
        return {part: _read_xml(folder / f"{stem}_split.xml") for part, stem in _FILES.items()}
    for place in (folder, folder / "trainval_partial"):
        if (place / "train.txt").is_file():
            return {part: _read_txt(place / f"{stem}.txt") for part, stem in _FILES.items()}
    raise DataError(
        f"{folder}: no split here; expected train_split.xml, query_split.xml and test_split.xml, or"
        " train.txt, query.txt and test.txt; make one with python -m scripts.split"
    )


def _read_xml(path: Path) -> list[tuple[str, str, int, int]]:
    labels = read_labels(path)
    return [
        (str(path), name, labels.integer(name, "vehicleID"), labels.integer(name, "cameraID"))
        for name in labels.rows
    ]


def _read_txt(path: Path) -> list[tuple[str, str, int, int]]:
    rows = []
    for line in read_cells(path, num_cells=(1,), wanted="pid_cam_track_image.jpg"):
        match = _LINE.fullmatch(line.cells[0])
        if match is None:
            raise DataError(
                f"{line.place}: found {line.cells[0]!r}; expected pid_cam_track_image such as"
                " 0001_c014_0003_000042.jpg"
            )
        rows.append((line.place, match[3], int(match[1]), int(match[2])))
    return rows


def _look_up(row: tuple[str, str, int, int], known: Mapping[str, Sample]) -> Sample:
    place, image, pid, camid = row
    if image not in known:
        raise DataError(
            f"{place}: {image} is none of the {len(known)} training images; is it the split of"
            " another edition?"
        )
    sample = known[image]
    if (sample.pid, sample.camid) != (pid, camid):
        raise DataError(
            f"{place}: {image} shows vehicle {pid} in camera {camid}, by train_label.xml vehicle"
            f" {sample.pid} in camera {sample.camid}; is it the split of another edition?"
        )
    return sample


def _check(folder: Path, found: Mapping[str, Sequence[Sample]]) -> None:
    train, query, gallery = (_vehicles(found[part]) for part in ("train", "query", "gallery"))
    shared = sorted(train & (query | gallery))
    if shared:
        raise DataError(
            f"{folder}: {len(shared)} vehicles are both trained on and searched for (first:"
            f" {shared[0]}); a split is by vehicle"
        )
    alone = sorted(query - gallery)
    if alone:
        raise DataError(
            f"{folder}: {len(alone)} vehicles of the queries are not in the gallery (first:"
            f" {alone[0]}); put their other images there"
        )


def _vehicles(samples: Iterable[Sample]) -> set[int]:
    return {sample.pid for sample in samples}
