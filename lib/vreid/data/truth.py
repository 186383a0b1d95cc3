"""Identities kept apart from a data set: CSV tables ``name,vehicle_id,camera_id``."""

from pathlib import Path

from vreid.errors import DataError
from vreid.tables import read_columns

COLUMNS = ("name", "vehicle_id", "camera_id")


def read_truth(*tables: Path) -> dict[str, tuple[int, int]]:
    """Read tables into one mapping of name -> (pid, camid).

    Vehicles and cameras may be any text; they are numbered in sorted order over all tables.

    Raises:
        DataError: For a missing file or column, an empty table, a name that is listed twice.
    """
    rows: dict[str, tuple[str, str]] = {}
    for table in tables:
        for name, vehicle, camera in read_columns(table, COLUMNS):
            if name in rows:
                raise DataError(f"{table}: {name} is listed twice; list each image once")
            rows[name] = (vehicle, camera)
    pids = {value: idx for idx, value in enumerate(sorted({row[0] for row in rows.values()}))}
    camids = {value: idx for idx, value in enumerate(sorted({row[1] for row in rows.values()}))}
    return {name: (pids[vehicle], camids[camera]) for name, (vehicle, camera) in rows.items()}
