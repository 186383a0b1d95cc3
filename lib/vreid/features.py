"""Features: an embedding matrix that carries the names of its rows, and its ``.npz`` file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.named_rows import Kind, load_rows, save_rows

KIND = Kind(
    "a features file", 1, ("feats", "pids", "camids", "trackids"), remedy="run the extract stage"
)

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """Embeddings of N images.

    Attributes:
        names: (N,) relative POSIX paths, unique.
        feats: (N, D) float32, finite.
        pids, camids, trackids: (N,) int64, -1 unknown.
        meta: What made them: model, preprocessing, normalised or not, flip, hashes.
    """

    names: tuple[str, ...]
    feats: FloatArray
    pids: IntArray
    camids: IntArray
    trackids: IntArray
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.feats.ndim != 2 or len(self.feats) != len(self.names):
            raise DataError(
                f"features have shape {self.feats.shape} for {len(self.names)} names;"
                " expected one row a name"
            )
        if self.feats.dtype != np.float32:
            raise DataError(f"features are {self.feats.dtype}; expected float32")
        for key in ("pids", "camids", "trackids"):
            column = getattr(self, key)
            if column.shape != (len(self.names),) or column.dtype != np.int64:
                raise DataError(
                    f"{key} is {column.dtype} of shape {column.shape};"
                    f" expected int64 of shape ({len(self.names)},)"
                )
        check_names(self.names, "features")
        finite_mask = np.isfinite(self.feats).all(axis=1)
        if not finite_mask.all():
            first = int(np.argmin(finite_mask))
            raise DataError(
                f"features of {self.names[first]} (row {first}) hold NaN or infinity;"
                " was the training stable?"
            )

    def __len__(self) -> int:
        return len(self.names)

    def save(self, path: Path) -> Path:
        """Write the ``.npz`` atomically and return its path."""
        return save_rows(path, KIND, self)

    @classmethod
    def load(cls, path: Path) -> "Features":
        """Read features written by `save`.

        Raises:
            DataError: When the file is missing, is not such a file or breaks the class's rules.
        """
        names, meta, columns = load_rows(path, KIND)
        try:
            return cls(names=names, meta=meta, **columns)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None


def concatenate(query: Features, gallery: Features) -> Features:
    """Stack query rows on gallery rows; the meta of the query stands for both.

    Raises:
        DataError: When the widths differ or a name occurs in both.
    """
    if query.feats.shape[1] != gallery.feats.shape[1]:
        raise DataError(
            f"query features have {query.feats.shape[1]} columns, gallery features"
            f" {gallery.feats.shape[1]}; extract both with one run"
        )
    return Features(
        names=query.names + gallery.names,
        feats=np.concatenate([query.feats, gallery.feats]),
        pids=np.concatenate([query.pids, gallery.pids]),
        camids=np.concatenate([query.camids, gallery.camids]),
        trackids=np.concatenate([query.trackids, gallery.trackids]),
        meta=query.meta,
    )


def side_by_side(parts: Sequence[Features], weights: Sequence[float]) -> Features:
    """Features of the same images in one row each, the columns of one member behind another's.

    Each member's are scaled by the root of its share of the weights, so that squared distances are
    the weighted mean of the members' squared distances, and features of length 1 stay so.

    Args:
        parts: The members', of the same images; all but the features are taken of the first.
        weights: One for each, at least 0 and not all 0; members of weight 0 are left out.

    Raises:
        DataError: When the images differ.
    """
    for number, part in enumerate(parts):
        if part.names != parts[0].names:
            raise DataError(f"features 0 and {number} are of different images; extract both again")
    total = math.fsum(weights)
    columns = [
        np.float32(math.sqrt(weight / total)) * part.feats
        for part, weight in zip(parts, weights, strict=True)
        if weight
    ]
    return replace(parts[0], feats=np.concatenate(columns, axis=1))


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse repeated names.

    Raises:
        DataError: Naming the first repeated one.
    """
    if len(set(names)) == len(names):
        return
    seen: set[str] = set()
    for row, name in enumerate(names):
        if name in seen:
            raise DataError(f"{where}: the name {name} occurs again at row {row}; names are unique")
        seen.add(name)
