"""Label files of a city in the layouts of CityFlowV2-ReID (AI City 2021, Track 2) and VehicleX.

Tang et al., "CityFlow", CVPR 2019 (arXiv 1903.09254); Yao et al., "Simulating Content Consistent
Vehicle Datasets with Attribute Descent", ECCV 2020 (arXiv 1912.08855). The real XML files declare
``gb2312`` although they are plain ASCII; so do these, that readers are tried on it. The identities
of the test pictures lie in a separate folder, ``truth``.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import vehiclex_orientation
from synthetic_aug.city.records import REAL, SYNTHETIC, Tracklet, folder_path
from synthetic_aug.city.sweep import sweep_table
from synthetic_aug.city.variants import ALL_TYPES
from vreid.files import write_text

Row = tuple[str, Tracklet]


def rows_of(tracklets: Iterable[Tracklet], folder: str) -> list[Row]:
    """Pictures of a folder with their tracklets, by file name."""
    return sorted(
        (name, tracklet)
        for tracklet in tracklets
        if tracklet.folder == folder
        for name in tracklet.names
    )


def _xml(rows: Sequence[Sequence[tuple[str, str]]], root: str) -> str:
    items = (
        "<Item " + " ".join(f'{name}="{value}"' for name, value in row) + " />" for row in rows
    )
    lines = ['<?xml version="1.0" encoding="gb2312"?>', f'<{root} Version="1.0">']
    lines += [f'<Items number="{len(rows)}">', *items, "</Items>", f"</{root}>"]
    return "\n".join(lines) + "\n"


def _camera(tracklet: Tracklet) -> str:
    return f"c{tracklet.camera + 1:03d}"


def _lines(values: Iterable[str]) -> str:
    return "".join(f"{value}\n" for value in values)


def write_layout(root: Path, options: CityOptions, tracklets: Sequence[Tracklet]) -> None:
    """Write the label files, name lists, track files and the truth."""
    base = root / REAL
    train, test, query = (
        rows_of(tracklets, folder) for folder in ("image_train", "image_test", "image_query")
    )
    labels = [
        [
            ("imageName", name),
            ("vehicleID", f"{tracklet.vehicle.number:04d}"),
            ("cameraID", _camera(tracklet)),
        ]
        for name, tracklet in train
    ]
    write_text(base / "train_label.xml", _xml(labels, "TrainingImages"))
    for short, rows in (("train", train), ("test", test), ("query", query)):
        write_text(base / f"name_{short}.txt", _lines(name for name, _ in rows))
        if short != "train":
            cameras = [[("imageName", name), ("cameraID", _camera(t))] for name, t in rows]
            write_text(base / f"{short}_label.xml", _xml(cameras, "TestImages"))
        if short != "query":
            folder = f"image_{short}"
            tracks = sorted(" ".join(t.names) for t in tracklets if t.folder == folder)
            write_text(base / f"{short}_track.txt", _lines(tracks))
    for short, folder, rows in (("query", "image_query", query), ("gallery", "image_test", test)):
        truth = [f"{folder}/{name},{t.vehicle.number},{t.camera + 1}" for name, t in rows]
        write_text(root / "truth" / f"{short}.csv", _lines(["name,vehicle_id,camera_id", *truth]))
    _write_vehiclex(root, options, tracklets)


def _write_vehiclex(root: Path, options: CityOptions, tracklets: Sequence[Tracklet]) -> None:
    rows = rows_of(tracklets, "sys_image_train")
    if not rows:
        return
    kinds: dict[int, tuple[int, int]] = {}
    labels = []
    for name, tracklet in rows:
        vehicle = tracklet.vehicle
        if vehicle.index not in kinds:
            spec = spec_of(options, vehicle)
            kinds[vehicle.index] = (spec.color, ALL_TYPES.index(spec.plan.body_type))
        color, kind = kinds[vehicle.index]
        labels.append(
            [
                ("imageName", name),
                ("vehicleID", f"{vehicle.number:04d}"),
                ("cameraID", _camera(tracklet)),
                ("orientation", f"{vehiclex_orientation(options, tracklet):.3f}"),
                ("colorID", str(color)),
                ("typeID", str(kind)),
            ]
        )
    write_text(root / SYNTHETIC / "train_label.xml", _xml(labels, "TrainingImages"))
    if options.sweep:
        write_text(root / SYNTHETIC / "sweep.csv", _lines(sweep_table(options)))


def remove_leftovers(root: Path, tracklets: Iterable[Tracklet]) -> None:
    """Delete temporary files that a killed run left in the picture folders."""
    folders = {tracklet.folder for tracklet in tracklets}
    for folder in sorted(folders):
        for place in (root / folder_path(folder), root / "masks" / folder):
            for path in place.glob(".*"):
                path.unlink()
