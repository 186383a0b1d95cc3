"""Pairs of cameras that never shared a vehicle in training, read from their file.

``python -m ensemble.learn_constraints`` writes it, `vreid.constraints` applies it.
"""

from pathlib import Path

from vreid.errors import DataError
from vreid.files import read_json


def read_learnt(path: Path) -> list[tuple[int, int]]:
    """Pairs of cameras that never shared a vehicle.

    Raises:
        DataError: When the file is missing or is not one of ``ensemble.learn_constraints``.
    """
    found = read_json(path)
    pairs = found.get("never") if isinstance(found, dict) else None
    fits = isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(type(one) is int for one in pair)
        for pair in pairs
    )
    if not isinstance(pairs, list) or not fits:
        raise DataError(
            f"{path}: no list 'never' of pairs of cameras; write the file with"
            " python -m ensemble.learn_constraints"
        )
    return [(left, right) for left, right in pairs]
