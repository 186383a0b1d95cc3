"""Provenance: what made a file, so that a result can be traced to its inputs and made again."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from vreid.errors import DataError
from vreid.files import hash_file

LIBRARIES = ("vreid", "torch", "torchvision", "timm", "numpy", "scipy", "opencv-python-headless")


def revision(folder: Path | None = None) -> str:
    """The git revision of the program, with ``-dirty`` when tracked files were changed.

    Args:
        folder: A folder in the checkout; by default the one that this file lies in.

    Returns:
        40 hexadecimal digits, or "unknown" outside a checkout, without git, and when the library
        was installed (a checkout around it would be another project's).
    """
    folder = folder or Path(__file__).parent
    if "site-packages" in folder.parts:
        return "unknown"
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def library_versions(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Versions of Python and of libraries, read without importing them; "missing" if not there."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


def hash_inputs(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by the path as given in POSIX form.

    Raises:
        DataError: Naming the file that cannot be read.
    """
    hashes = {}
    for path in paths:
        try:
            hashes[path.as_posix()] = hash_file(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    return hashes
