"""The manifest beside a submission: everything that made it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vreid.files import write_json
from vreid.provenance import library_versions, revision


def manifest_path(submission: Path) -> Path:
    """``track2.txt`` -> ``track2.manifest.json``."""
    return submission.with_suffix(".manifest.json")


def write_manifest(submission: Path, made_from: Mapping[str, Any]) -> Path:
    """Write the manifest of a submission and return its path.

    Args:
        submission: The submission's file.
        made_from: What the caller knows: inputs with their SHA-256, sources, weights. The revision
            and the library versions are added.
    """
    program = {"revision": revision(), "libraries": library_versions()}
    return write_json(manifest_path(submission), {**program, **made_from})
