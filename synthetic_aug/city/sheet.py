"""The contact sheet: one labelled page that shows at a glance what a city looks like."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.cameras import Camera
from synthetic_aug.city.conditions import city_cameras
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.profiles import BODY_TYPES
from synthetic_aug.city.records import Tracklet, folder_path
from synthetic_aug.city.sensor import jpeg
from vreid.files import atomic_path

_CELL, _LABEL, _COLUMNS = 128, 18, 10

Picture = NDArray[np.uint8]


def _load(root: Path, tracklet: Tracklet, frame: int) -> Picture:
    path = root / folder_path(tracklet.folder) / tracklet.names[frame]
    picture = cv2.imread(str(path))
    assert picture is not None, path
    return np.asarray(picture[..., ::-1], dtype=np.uint8)


def _cell(picture: Picture) -> Picture:
    cell = np.full((_CELL, _CELL, 3), 255, dtype=np.uint8)
    scale = min((_CELL - 4) / max(picture.shape[:2]), 1.6)
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    top, left = (_CELL - size[1]) // 2, (_CELL - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell


def _row(label: str, pictures: Sequence[Picture]) -> Picture:
    strip = np.full((_LABEL, _CELL * _COLUMNS, 3), 225, dtype=np.uint8)
    cv2.putText(strip, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    cells = [_cell(picture) for picture in pictures[:_COLUMNS]]
    blank = np.full((_CELL, _CELL, 3), 255, dtype=np.uint8)
    cells += [blank] * (_COLUMNS - len(cells))
    return np.concatenate([strip, np.concatenate(cells, axis=1)], axis=0)


def _weather_words(camera: Camera) -> str:
    night = ", night" if camera.weather.night else ""
    return night + (", rain" if camera.weather.rain else "")


def write_sheet(root: Path, options: CityOptions, tracklets: Sequence[Tracklet]) -> Path:
    """Write ``contact_sheet.jpg``: body types, cameras, tracklets, look-alikes, VehicleX layout."""
    train = [tracklet for tracklet in tracklets if tracklet.folder == "image_train"]
    rows = []
    by_type: dict[str, list[Tracklet]] = {name: [] for name in BODY_TYPES}
    for tracklet in train:
        kind = spec_of(options, tracklet.vehicle).plan.body_type
        by_type.setdefault(kind, []).append(tracklet)
    for name, found in by_type.items():
        chosen = found[:: max(1, len(found) // _COLUMNS)]
        rows.append(_row(name, [_load(root, t, len(t.names) // 2) for t in chosen]))
    cameras = city_cameras(options)
    for camera in range(min(options.cameras, 8)):
        found = [tracklet for tracklet in train if tracklet.camera == camera]
        pictures = [_load(root, t, 0) for t in found[:: max(1, len(found) // _COLUMNS)]]
        label = f"camera c{camera + 1:03d}{_weather_words(cameras[camera])}"
        rows.append(_row(label, pictures))
    for number in sorted({tracklet.vehicle.number for tracklet in train})[:3]:
        found = [tracklet for tracklet in train if tracklet.vehicle.number == number]
        pictures = [_load(root, t, k) for t in found for k in range(len(t.names))]
        rows.append(_row(f"tracklets of vehicle {number}", pictures))
    twins = {t.vehicle.index: t.vehicle for t in train if t.vehicle.model != t.vehicle.index}
    for twin in list(twins.values())[:3]:
        for index, word in (
            (twin.model, "look-alikes: one"),
            (twin.index, "look-alikes: the other"),
        ):
            found = [tracklet for tracklet in train if tracklet.vehicle.index == index]
            rows.append(_row(word, [_load(root, t, k) for t in found for k in range(len(t.names))]))
    synthetic = [tracklet for tracklet in tracklets if tracklet.folder == "sys_image_train"]
    chosen = synthetic[:: max(1, len(synthetic) // (2 * _COLUMNS))]
    for start in (0, _COLUMNS) if synthetic else ():
        shown = chosen[start : start + _COLUMNS]
        rows.append(_row("VehicleX layout", [_load(root, t, 0) for t in shown]))
    path = root / "contact_sheet.jpg"
    with atomic_path(path) as temporary:
        temporary.write_bytes(jpeg(np.concatenate(rows, axis=0), 88))
    return path
