"""Names and labels of a data set written anew: CityFlow's layout, VehicleX's, or a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from xml.sax.saxutils import quoteattr

from vreid.data.sample import UNKNOWN, Sample, check_unique_names
from vreid.errors import DataError
from vreid.files import write_text
from vreid.options import DataOptions


@dataclass(frozen=True)
class Layout:
    """How the data set is laid out.

    Attributes:
        dataset: The loader that reads it.
        folder: Of the images; empty where they keep theirs.
        hint: Further options to train on it.
    """

    dataset: Literal["cityflow", "vehiclex", "csv"]
    folder: str = ""
    hint: str = ""


def layout_of(options: DataOptions) -> Layout:
    """The source's own layout where it is one of the challenge's two, else a table."""
    if options.dataset == "cityflow":
        return Layout("cityflow", "image_train", " data.check_counts false")
    if options.dataset == "vehiclex":
        hint = f" data.images {options.images} data.check_counts false"
        return Layout("vehiclex", options.images, hint)
    return Layout("csv", hint=" data.table ''" if options.table else "")


def target_names(samples: Sequence[Sample], layout: Layout, *, copies: int) -> list[str]:
    """Paths below the data set's folder: all images of the first copy, then of the second, …

    Raises:
        DataError: When two pictures would have one name.
    """
    names = []
    for copy in range(1, copies + 1):
        for sample in samples:
            name = PurePosixPath(sample.name)
            folder = PurePosixPath(layout.folder) if layout.folder else name.parent
            stem = name.stem if copies == 1 else f"{name.stem}_swap{copy}"
            names.append(str(folder / f"{stem}{name.suffix}"))
    if len(set(names)) < len(names):
        check_unique_names([Sample(Path(name), name) for name in names], "the swapped data set")
    return names


def write_labels(
    out: Path, layout: Layout, samples: Sequence[Sample], names: Sequence[str]
) -> None:
    """Write the label files.

    Args:
        out: The data set's folder.
        layout: How it is laid out.
        samples: N images.
        names: Their pictures, a multiple of N in the order of `target_names`.
    """
    named = [(name, samples[number % len(samples)]) for number, name in enumerate(names)]
    if layout.dataset == "csv":
        write_text(out / "samples.csv", _table(named))
        return
    write_text(out / "train_label.xml", _xml(named, whole=layout.dataset == "vehiclex"))
    tracks: dict[int, list[str]] = {}
    for name, sample in named:
        if sample.trackid != UNKNOWN:
            tracks.setdefault(sample.trackid, []).append(PurePosixPath(name).name)
    if tracks:
        lines = (" ".join(tracks[number]) + "\n" for number in sorted(tracks))
        write_text(out / "train_track.txt", "".join(lines))


def _xml(named: Sequence[tuple[str, Sample]], *, whole: bool) -> str:
    items = []
    for name, sample in named:
        if sample.camid == UNKNOWN:
            raise DataError(f"{sample.name}: its camera is not known; the layout needs one")
        values = {
            "imageName": PurePosixPath(name).name,
            "vehicleID": f"{sample.pid:04d}",
            "cameraID": f"c{sample.camid:03d}",
        }
        if whole:
            values["orientation"] = repr(sample.angle)
            values |= {"colorID": str(sample.color), "typeID": str(sample.type)}
        items.append(
            "<Item " + " ".join(f"{key}={quoteattr(value)}" for key, value in values.items()) + "/>"
        )
    head = ['<?xml version="1.0" encoding="gb2312"?>', '<TrainingImages Version="1.0">']
    body = [f'<Items number="{len(items)}">', *items, "</Items>", "</TrainingImages>"]
    return "\n".join([*head, *body]) + "\n"


def _table(named: Sequence[tuple[str, Sample]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "vehicle_id", "camera_id", "track_id", "split"])
    for name, sample in named:
        numbers = [sample.pid, sample.camid, sample.trackid]
        known = ["" if number == UNKNOWN else number for number in numbers]
        writer.writerow([name, *known, "train"])
    return stream.getvalue()
