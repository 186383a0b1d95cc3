"""Identities kept apart from a data set: CSV tables ``name,vehicle_id,camera_id``."""

import re
from pathlib import Path

from vreid.errors import DataError
from vreid.tables import read_columns

COLUMNS = ("name", "vehicle_id", "camera_id")
_NUMBER = re.compile(r"c?([0-9]{1,18})")


def read_truth(*tables: Path) -> dict[str, tuple[int, int]]:
    """Read tables into one mapping of name -> (pid, camid).

    Vehicles and cameras may be any text. Numbers stay what they are, also written as in c007; other
    texts are numbered in sorted order over all tables.

    Raises:
        DataError: For a missing file or column, an empty table, a name that is listed twice.
    """
    rows: dict[str, tuple[str, str]] = {}
    for table in tables:
        for name, vehicle, camera in read_columns(table, COLUMNS):
            if name in rows:
                raise DataError(f"{table}: {name} is listed twice; list each image once")
            rows[name] = (vehicle, camera)
    pids = _number({vehicle for vehicle, _ in rows.values()})
    camids = _number({camera for _, camera in rows.values()})
    return {name: (pids[vehicle], camids[camera]) for name, (vehicle, camera) in rows.items()}


def _number(texts: set[str]) -> dict[str, int]:
    found = {text: match[1] for text in texts if (match := _NUMBER.fullmatch(text))}
    numbers = {text: int(digits) for text, digits in found.items()}
    if len(numbers) == len(texts) == len(set(numbers.values())):
        return numbers
    return {text: idx for idx, text in enumerate(sorted(texts))}
