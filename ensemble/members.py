"""The files of one sum: their matrices mapped, their names compared.

Reading and checking 32,000 names takes longer than adding their share of a matrix. Files over the
same images hold the same names in the same bytes, as a rule: these are compared as bytes, and read
and checked once. A file that differs in any way is loaded as any other, and refused if its names
are not those of the first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vreid.distance import SCHEMA, DistMat, check_same_axes
from vreid.features import FloatArray


@dataclass(frozen=True)
class Member:
    """One distance file; its values are not checked.

    Attributes:
        path: The ``.npy``.
        dist: (R, C) float32, mapped.
        kind: As in `DistMat`.
        sources: As in `DistMat`.
    """

    path: Path
    dist: FloatArray
    kind: str
    sources: dict[str, Any]


def load_members(paths: Sequence[Path]) -> tuple[DistMat, list[Member]]:
    """The first file as a `DistMat`, and all files.

    Raises:
        DataError: For a file that cannot be used, and when names differ.
    """
    first = DistMat.load(paths[0], check_values=False)
    names = _names(paths[0].with_suffix(".json").read_bytes())
    members = [_member(paths[0], first)]
    for path in paths[1:]:
        member = _same_names(path, first, names)
        if member is None:
            mat = DistMat.load(path, check_values=False)
            check_same_axes([first, mat], [paths[0].as_posix(), path.as_posix()])
            member = _member(path, mat)
        members.append(member)
    return first, members


def _member(path: Path, mat: DistMat) -> Member:
    return Member(path, mat.dist, mat.kind, dict(mat.sources))


def _names(text: bytes) -> tuple[bytes, bytes] | None:
    """The columns and the rows in the bytes of a ``.json``, or None when it is laid out otherwise.

    A line break never stands inside a JSON string, so these marks cannot be part of a name.
    """
    kind, rows, schema = (text.find(b'\n  "%s": ' % key) for key in (b"kind", b"rows", b"schema"))
    if not (text.startswith(b'{\n  "cols": ') and 0 < kind < rows < schema):
        return None
    return text[:kind], text[rows:schema]


def _same_names(path: Path, first: DistMat, names: tuple[bytes, bytes] | None) -> Member | None:
    """A file whose names are the given bytes, or None when a closer look is needed."""
    try:
        if names is None:
            return None
        cols, rows = names
        text = path.with_suffix(".json").read_bytes()
        rest = text[len(cols) :]
        begin = rest.find(rows + b'\n  "schema": ')
        if begin < 0 or not text.startswith(cols + b'\n  "kind": '):
            return None
        axes = json.loads(b"{" + rest[:begin] + rest[begin + len(rows) :])
        dist = np.load(path, mmap_mode="r", allow_pickle=False)
        if dist.shape != first.dist.shape or dist.dtype != np.float32:
            return None
        if (axes["schema"], axes["num_query"]) != (SCHEMA, first.num_query):
            return None
        return Member(path, dist, axes["kind"], axes["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
