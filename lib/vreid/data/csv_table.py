"""Anyone's own crops: a table of image paths, vehicles and cameras in CSV."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vreid.data.holdout import split_by_camera
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.errors import ConfigError, DataError

_REQUIRED = ("path", "vehicle_id", "camera_id")
_PARTS = ("train", "query", "gallery")
_INTEGER = re.compile(r"[0-9]{1,18}")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class _Row:
    """One line of the table: its number in the file, and its cells by column."""

    line: int
    cells: Mapping[str, str]


def load(
    table: Path,
    *,
    root: Path | None = None,
    test_fraction: float = 0.3,
    query_camera: str = "",
    seed: int = 0,
) -> Split:
    """Read a table of one's own images.

    The first line names the columns: ``path,vehicle_id,camera_id`` and perhaps ``track_id`` and
    ``split``, in any order; others are ignored. UTF-8, with or without a byte order mark. Images
    that the table does not list are ignored. The data's licence is whatever their owner says.

    - ``path``: relative to ``root``, with ``/`` or ``\\``. It becomes the sample's name.
    - ``vehicle_id``, ``camera_id``, ``track_id``: numbers are kept when the whole column holds
      whole numbers; other text is numbered from 0 in sorted order. Empty or ``-1`` is unknown;
      images to train on need a vehicle.
    - ``track_id``: one vehicle passing one camera once, numbered through the whole table.
    - ``split``: ``train``, ``query`` or ``gallery``. Without this column the table is split by
      vehicle, as `vreid.data.holdout.split_by_camera` describes.

    Args:
        table: The CSV file.
        root: Folder that the paths start from; None for the table's folder.
        test_fraction: Share in [0, 1] of the vehicles seen by two cameras that is held out for the
            test, when the table has no split; 0 trains on all.
        query_camera: The ``camera_id`` whose images are the queries then; empty for each vehicle's
            first camera.
        seed: Which vehicles are held out then.

    Raises:
        DataError: When the table, one of its rows or an image cannot be used.
        ConfigError: When ``query_camera`` is not in the table, or the fraction not in [0, 1].
    """
    columns, rows = _read_rows(table)
    cameras = _numbering(table, "camera_id", rows)
    if query_camera and query_camera not in cameras:
        raise ConfigError(
            f"query camera {query_camera!r} is not in {table}, which has"
            f" {', '.join(sorted(set(cameras) - {'', '-1'})[:10]) or 'no cameras'}"
        )
    vehicles = _numbering(table, "vehicle_id", rows)
    tracks = _numbering(table, "track_id", rows) if "track_id" in columns else {}
    folder = table.parent if root is None else root
    samples = tuple(
        Sample(
            path=folder / row.cells["path"],
            name=row.cells["path"],
            pid=vehicles[row.cells["vehicle_id"]],
            camid=cameras[row.cells["camera_id"]],
            trackid=tracks[row.cells["track_id"]] if tracks else UNKNOWN,
        )
        for row in _with_names(table, rows, folder)
    )
    _check_tracks(table, samples)
    if "split" in columns:
        return _given_split(table, rows, samples)
    query_camid = cameras[query_camera] if query_camera else None
    return split_by_camera(
        samples, name=table.stem, fraction=test_fraction, query_camid=query_camid, seed=seed
    )


def _read_rows(table: Path) -> tuple[list[str], list[_Row]]:
    """The names of the columns, and the rows without empty lines."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except OSError as error:
        raise DataError(
            f"{table}: cannot be read ({error.strerror}); expected a table with the columns"
            f" {','.join(_REQUIRED)}"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: not CSV in UTF-8 ({error}); save it as such") from None
    lines = [(line, cells) for line, cells in lines if any(cells)]
    columns = lines[0][1] if lines else []
    for column in (*_REQUIRED, *columns):
        if columns.count(column) != 1 and column:
            raise DataError(
                f"{table}: column {column} occurs {columns.count(column)} times in the first line"
                f" ({','.join(columns)!r}); expected at least {','.join(_REQUIRED)}, once each"
            )
    rows = []
    for line, cells in lines[1:]:
        if len(cells) != len(columns):
            raise DataError(
                f"{table}, line {line}: {len(cells)} cells for {len(columns)} columns;"
                " put quotes around cells that hold a comma"
            )
        rows.append(_Row(line, dict(zip(columns, cells, strict=True))))
    if not rows:
        raise DataError(f"{table}: no images, only the line of column names; list one a line")
    return columns, rows


def _numbering(table: Path, column: str, rows: Iterable[_Row]) -> dict[str, int]:
    """Number of each text in a column; `UNKNOWN` for an empty cell and -1."""
    texts = sorted({row.cells[column] for row in rows} - {"", "-1"})
    numbers = {text: number for number, text in enumerate(texts)}
    if all(_INTEGER.fullmatch(text) for text in texts):
        numbers = {text: int(text) for text in texts}
        spellings = {number: text for text, number in numbers.items()}
        for text, number in numbers.items():
            if spellings[number] != text:
                raise DataError(
                    f"{table}: {column} {text} and {spellings[number]} are one number;"
                    " write each in one way only"
                )
    return {**numbers, "": UNKNOWN, "-1": UNKNOWN}


def _with_names(table: Path, rows: Iterable[_Row], folder: Path) -> list[_Row]:
    """Rows whose path is a relative POSIX path to a file, each named once."""
    lines: dict[str, int] = {}
    named = []
    missing = []
    for row in rows:
        given = row.cells["path"]
        place = f"{table}, line {row.line}"
        path = PurePosixPath(given.replace("\\", "/"))
        outside = path.is_absolute() or ".." in path.parts or _DRIVE.match(given)
        if outside or not path.parts:
            raise DataError(
                f"{place}: path is {given!r}; expected a path relative to {folder} and inside it"
            )
        name = str(path)
        if name in lines:
            raise DataError(f"{place}: {name} is on line {lines[name]} too; list each image once")
        lines[name] = row.line
        named.append(_Row(row.line, {**row.cells, "path": name}))
        if not (folder / name).is_file():
            missing.append(f"{name}, line {row.line}")
    if missing:
        raise DataError(
            f"{table}: {len(missing)} of {len(named)} images are not in {folder} (first:"
            f" {missing[0]}); name the folder that the paths start from, or correct the table"
        )
    return named


def _check_tracks(table: Path, samples: Iterable[Sample]) -> None:
    first: dict[int, Sample] = {}
    for sample in samples:
        other = first.setdefault(sample.trackid, sample)
        same = (sample.pid, sample.camid) == (other.pid, other.camid)
        if sample.trackid != UNKNOWN and not same:
            raise DataError(
                f"{table}: {other.name} and {sample.name} have one track_id but not one vehicle and"
                " camera; a track is one vehicle passing one camera: number them through"
            )


def _given_split(table: Path, rows: Iterable[_Row], samples: Iterable[Sample]) -> Split:
    parts: dict[str, list[Sample]] = {part: [] for part in _PARTS}
    for row, sample in zip(rows, samples, strict=True):
        part = row.cells["split"].lower()
        if part not in parts:
            raise DataError(
                f"{table}, line {row.line}: split is {row.cells['split']!r}; expected one of"
                f" {', '.join(_PARTS)}"
            )
        if part == "train" and sample.pid == UNKNOWN:
            raise DataError(f"{table}, line {row.line}: an image to train on has no vehicle_id")
        parts[part].append(sample)
    if bool(parts["query"]) != bool(parts["gallery"]):
        raise DataError(
            f"{table}: {len(parts['query'])} query and {len(parts['gallery'])} gallery images;"
            " a test needs both"
        )
    train, query, gallery = (tuple(parts[part]) for part in _PARTS)
    return Split(table.stem, train=train, query=query, gallery=gallery)
