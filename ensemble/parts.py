"""Feature files on the way in and out of this room's verbs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vreid.errors import ConfigError, DataError
from vreid.features import Features, FloatArray
from vreid.provenance import hash_inputs


def check_folder(out: Path) -> None:
    """Refuse a target folder that is a file's name.

    Raises:
        ConfigError: When it has the suffix of features or is a file.
    """
    if out.suffix == ".npz" or out.is_file():
        raise ConfigError(f"{out}: query.npz and gallery.npz are written into a folder; name one")


def check_file(out: Path) -> None:
    """Refuse a target that features could not be read from again.

    Raises:
        ConfigError: When the suffix is not ``.npz``.
    """
    if out.suffix != ".npz":
        raise ConfigError(f"{out}: features are written as .npz; add .npz")


def load_pair(query: Path, gallery: Path) -> tuple[Features, Features]:
    """Features of queries and gallery.

    Raises:
        DataError: For a file that cannot be used, and when their widths differ.
    """
    pair = Features.load(query), Features.load(gallery)
    widths = [part.feats.shape[1] for part in pair]
    if widths[0] != widths[1]:
        raise DataError(
            f"{query} has {widths[0]} columns, {gallery} {widths[1]}; extract both with one run"
        )
    return pair


def changed(
    part: Features, feats: FloatArray, verb: str, options: Mapping[str, Any], *sources: Path
) -> Features:
    """Features with other numbers, and with the step that made them at the end of their record."""
    step = {"verb": verb, **options, "files": hash_inputs(sources)}
    meta = {**part.meta, "steps": [*part.meta.get("steps", []), step]}
    return dataclasses.replace(part, feats=feats, meta=meta)


def save_pair(query: Features, gallery: Features, out: Path) -> Path:
    """Write both into a folder, print what they are and return the folder."""
    query.save(out / "query.npz")
    gallery.save(out / "gallery.npz")
    print(
        f"wrote {out / 'query.npz'} and gallery.npz ({len(query)} queries, {len(gallery)} gallery"
        f" images, {query.feats.shape[1]} columns)"
    )
    return out
