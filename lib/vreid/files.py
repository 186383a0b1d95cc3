"""Files that survive being killed: written beside the target, then renamed onto it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vreid.errors import DataError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder and rename it onto the target on success.

    The temporary name keeps the target's suffix, since writers such as NumPy's add one otherwise.
    When the block raises, the temporary file is removed and the target stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o666 & ~_umask())  # mkstemp makes it private; results are for the whole team
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(target: Path, text: str) -> Path:
    """Write a UTF-8 text file atomically with Unix line ends and return its path."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode())
    return target


def write_part(target: Path, data: bytes) -> Path:
    """Write one of many files that a long command makes, atomically, and return its path.

    Raises:
        DataError: When it cannot be written, as on a full disk; nothing is left behind then.
    """
    try:
        with atomic_path(target) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise DataError(
            f"{target}: cannot be written ({error.strerror}); make room and give the same command,"
            " which goes on from here"
        ) from None
    return target


def write_json(target: Path, value: Any) -> Path:
    """Write a value as indented JSON atomically and return the path."""
    return write_text(target, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: When it is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not a JSON file ({error}); make it again") from None


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_text(text: str) -> str:
    """SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
