"""Distances: a matrix that carries the names of both axes, and its ``.npy`` + ``.json`` files."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vreid.errors import DataError
from vreid.features import FloatArray, check_names
from vreid.files import atomic_path, read_json, write_json

SCHEMA = 1
_BLOCK_VALUES = 1 << 23  # 32 MB of float32 a block of rows


@dataclass(frozen=True)
class DistMat:
    """Distances between named images, smaller is nearer.

    Attributes:
        dist: (R, C) float32, finite.
        rows: (R,) names of the rows: the queries, or queries then gallery when square.
        cols: (C,) names of the columns: the gallery, or the same as rows when square.
        num_query: None for a (Q, G) matrix; Q for a square (Q+G, Q+G) one.
        kind: What the numbers are, such as ``"sqeuclidean"`` or ``"rerank"``.
        sources: What went into it, for the manifest.
        check_values: Whether to look for NaN and infinity now; False for a caller that reads all
            values anyway and refuses them itself.
    """

    dist: FloatArray
    rows: tuple[str, ...]
    cols: tuple[str, ...]
    num_query: int | None = None
    kind: str = "sqeuclidean"
    sources: Mapping[str, Any] = field(default_factory=dict)
    check_values: InitVar[bool] = True

    def __post_init__(self, check_values: bool) -> None:
        if self.dist.shape != (len(self.rows), len(self.cols)):
            raise DataError(
                f"distances have shape {self.dist.shape} for {len(self.rows)} row and"
                f" {len(self.cols)} column names"
            )
        if self.dist.dtype != np.float32:
            raise DataError(f"distances are {self.dist.dtype}; expected float32")
        check_names(self.rows, "distance rows")
        check_names(self.cols, "distance columns")
        if self.num_query is not None:
            if self.rows != self.cols:
                raise DataError("a square distance needs the same names on both axes")
            if not 0 < self.num_query < len(self.rows):
                raise DataError(
                    f"num_query is {self.num_query} in a square distance of {len(self.rows)} names"
                )
        if check_values:
            self._refuse_not_finite()

    def _refuse_not_finite(self) -> None:
        step = max(1, _BLOCK_VALUES // max(1, len(self.cols)))
        for start in range(0, len(self.rows), step):
            block = self.dist[start : start + step]
            with np.errstate(over="ignore", invalid="ignore"):
                total = block.sum()
            if np.isfinite(total):  # it is not where one value is not
                continue
            finite_mask = np.isfinite(block).all(axis=1)
            if not finite_mask.all():
                row = start + int(np.argmin(finite_mask))
                raise DataError(f"distances of {self.rows[row]} (row {row}) hold NaN or infinity")

    @property
    def square(self) -> bool:
        """Whether both axes hold queries and gallery."""
        return self.num_query is not None

    def query_gallery(self) -> "DistMat":
        """The (Q, G) part; the matrix itself when it is not square."""
        if self.num_query is None:
            return self
        return DistMat(
            dist=self.dist[: self.num_query, self.num_query :],
            rows=self.rows[: self.num_query],
            cols=self.cols[self.num_query :],
            kind=self.kind,
            sources=self.sources,
            check_values=False,
        )

    def save(self, path: Path) -> Path:
        """Write ``path`` (.npy) and the ``.json`` beside it, both atomically; return the .npy.

        The names are written first: a matrix without names cannot be left behind.
        """
        with atomic_path(path) as temporary:
            with temporary.open("wb") as stream:
                np.save(stream, self.dist)
            self.write_names(path)
        return path

    def write_names(self, path: Path) -> None:
        """Write the ``.json`` that belongs beside the ``.npy`` of this path."""
        write_json(
            path.with_suffix(".json"),
            {
                "schema": SCHEMA,
                "kind": self.kind,
                "num_query": self.num_query,
                "rows": self.rows,
                "cols": None if self.square else self.cols,
                "sources": dict(self.sources),
            },
        )

    @classmethod
    def load(cls, path: Path, *, check_values: bool = True) -> "DistMat":
        """Map a matrix written by `save` into memory.

        Args:
            path: The ``.npy``.
            check_values: See `DistMat`.

        Raises:
            DataError: When a file is missing, is not such a file or breaks the class's rules.
        """
        axes = read_json(path.with_suffix(".json"))
        if not isinstance(axes, dict) or axes.get("schema") != SCHEMA:
            raise DataError(f"{path.with_suffix('.json')}: not a distance file of schema {SCHEMA}")
        try:
            dist = np.load(path, mmap_mode="r", allow_pickle=False)
            return cls(
                dist=dist,
                rows=tuple(axes["rows"]),
                cols=tuple(axes["rows"] if axes["cols"] is None else axes["cols"]),
                num_query=axes["num_query"],
                kind=axes["kind"],
                sources=axes["sources"],
                check_values=check_values,
            )
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; run the distance stage first") from None
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise DataError(f"{path}: {error}") from None


def check_same_axes(mats: Sequence[DistMat], labels: Sequence[str]) -> None:
    """Refuse matrices whose names differ.

    Args:
        mats: The matrices.
        labels: A label (a file name) for each, for the message.

    Raises:
        DataError: Such as "cannot fuse a.npy with b.npy: gallery differs at column 17: …".
    """
    for mat, label in zip(mats[1:], labels[1:], strict=True):
        pair = f"cannot fuse {labels[0]} with {label}"
        if mat.num_query != mats[0].num_query:
            raise DataError(
                f"{pair}: one is {_shape(mats[0])}, the other {_shape(mat)};"
                " make both with or both without --square"
            )
        for axis, word, part in (("rows", "row", "query"), ("cols", "column", "gallery")):
            ours, theirs = getattr(mats[0], axis), getattr(mat, axis)
            if ours == theirs:
                continue
            for idx, (left, right) in enumerate(zip(ours, theirs, strict=False)):
                if left != right:
                    raise DataError(f"{pair}: {part} differs at {word} {idx}: {left} and {right}")
            raise DataError(f"{pair}: {part} has {len(ours)} and {len(theirs)} names")


def _shape(mat: DistMat) -> str:
    return f"square (queries {mat.num_query})" if mat.square else "query x gallery"
