"""Identities kept apart from a data set: CSV tables ``name,vehicle_id,camera_id``."""

import csv
from pathlib import Path

from vreid.errors import DataError

_COLUMNS = ("name", "vehicle_id", "camera_id")


def read_truth(*tables: Path) -> dict[str, tuple[int, int]]:
    """Read tables into one mapping of name -> (pid, camid).

    Vehicles and cameras may be any text; they are numbered in sorted order over all tables.

    Raises:
        DataError: For a missing file or column, an empty table, a name that is listed twice.
    """
    rows: dict[str, tuple[str, str]] = {}
    for table in tables:
        for name, vehicle, camera in _read(table):
            if name in rows:
                raise DataError(f"{table}: {name} is listed twice; list each image once")
            rows[name] = (vehicle, camera)
    pids = {value: idx for idx, value in enumerate(sorted({row[0] for row in rows.values()}))}
    camids = {value: idx for idx, value in enumerate(sorted({row[1] for row in rows.values()}))}
    return {name: (pids[vehicle], camids[camera]) for name, (vehicle, camera) in rows.items()}


def _read(table: Path) -> list[tuple[str, str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = reader.fieldnames or []
            missing = [column for column in _COLUMNS if column not in header]
            if missing:
                raise DataError(
                    f"{table}: no column {missing[0]}; found {', '.join(header) or 'nothing'};"
                    f" expected {','.join(_COLUMNS)}"
                )
            rows = [(row["name"], row["vehicle_id"], row["camera_id"]) for row in reader]
    except FileNotFoundError:
        raise DataError(f"{table}: no such file; it should hold {','.join(_COLUMNS)}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: not UTF-8 text ({error}); save it as UTF-8") from None
    if not rows:
        raise DataError(f"{table}: the table has no rows")
    return rows
