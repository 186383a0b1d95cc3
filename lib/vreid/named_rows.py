"""Files of arrays whose rows have names: ``.npz`` with ``names`` and ``meta``, a JSON text."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.files import atomic_path

# What NumPy raises where a file is torn, is another archive, or holds a single array.
_BROKEN = (ValueError, KeyError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile)


class Kind(NamedTuple):
    """A kind of such files.

    Attributes:
        title: What a file is called in messages, such as ``a features file``.
        schema: Version of its layout.
        columns: The arrays beside names and meta.
        remedy: What makes such a file, such as ``run the extract stage``.
    """

    title: str
    schema: int
    columns: Sequence[str]
    remedy: str


def save_rows(path: Path, kind: Kind, rows: Any) -> Path:
    """Write an object's ``names``, ``meta`` and columns atomically and return the path."""
    meta = json.dumps({"schema": kind.schema, **rows.meta}, sort_keys=True)
    columns = {key: getattr(rows, key) for key in kind.columns}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        names = np.array(rows.names, dtype=np.str_)
        np.savez(stream, names=names, **columns, meta=np.array(meta))
    return path


def load_rows(
    path: Path, kind: Kind
) -> tuple[tuple[str, ...], Mapping[str, Any], Mapping[str, npt.NDArray[Any]]]:
    """Read names, meta and columns.

    Raises:
        DataError: When the file is missing, is of another kind or of another version.
    """
    with _opened(path, kind) as arrays:
        meta = json.loads(str(arrays["meta"]))
        columns = {key: arrays[key] for key in kind.columns}
        names = tuple(arrays["names"].tolist())
    if meta.get("schema") != kind.schema:
        raise DataError(
            f"{path}: schema version {meta.get('schema')}, this program reads {kind.schema};"
            f" remove it and {kind.remedy} again"
        )
    return names, meta, columns


def load_column(path: Path, kind: Kind, key: str) -> npt.NDArray[Any]:
    """Read one column, or ``names``, without the rest of the file.

    Raises:
        DataError: When the file is missing or of another kind.
    """
    with _opened(path, kind) as arrays:
        return np.asarray(arrays[key])


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[Mapping[str, npt.NDArray[Any]]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {kind.remedy} first") from None
    except _BROKEN as error:
        raise DataError(
            f"{path}: not {kind.title} ({error}); remove it and {kind.remedy} again"
        ) from None
