"""Distances: a matrix that carries the names of both axes, and its ``.npy`` + ``.json`` files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vreid.errors import DataError
from vreid.features import Features, FloatArray, check_names, concatenate
from vreid.files import atomic_path, read_json, write_json

SCHEMA = 1
Metric = Literal["sqeuclidean", "euclidean", "cosine"]


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
    """

    dist: FloatArray
    rows: tuple[str, ...]
    cols: tuple[str, ...]
    num_query: int | None = None
    kind: str = "sqeuclidean"
    sources: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
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
        finite_mask = np.isfinite(self.dist).all(axis=1)
        if not finite_mask.all():
            first = int(np.argmin(finite_mask))
            raise DataError(f"distances of {self.rows[first]} (row {first}) hold NaN or infinity")

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
        )

    def save(self, path: Path) -> Path:
        """Write ``path`` (.npy) and the ``.json`` beside it, both atomically; return the .npy.

        The names are written first: a matrix without names cannot be left behind.
        """
        with atomic_path(path) as temporary:
            with temporary.open("wb") as stream:
                np.save(stream, self.dist)
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
        return path

    @classmethod
    def load(cls, path: Path) -> "DistMat":
        """Map a matrix written by `save` into memory.

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
            )
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; run the distance stage first") from None
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise DataError(f"{path}: {error}") from None


def pairwise(a: FloatArray, b: FloatArray, *, metric: Metric = "sqeuclidean") -> FloatArray:
    """Distances between the rows of two matrices.

    Args:
        a: (N, D) float32.
        b: (M, D) float32.
        metric: ``sqeuclidean`` = |x|² + |y|² - 2 x·y, clipped at 0; ``euclidean`` its root;
            ``cosine`` = 1 - x·y / (|x||y|), where a zero row has similarity 0 to everything.

    Returns:
        (N, M) float32.
    """
    if metric == "cosine":
        return np.asarray(1 - normalize(a) @ normalize(b).T, dtype=np.float32)
    dist = a @ b.T  # (N, M), in place from here on: at CityFlowV2's size a copy is 4 GB
    dist *= -2
    dist += np.einsum("nd,nd->n", a, a)[:, None]
    dist += np.einsum("md,md->m", b, b)[None, :]
    np.maximum(dist, 0, out=dist)
    if metric == "euclidean":
        np.sqrt(dist, out=dist)
    return dist


def normalize(feats: FloatArray) -> FloatArray:
    """Scale the rows of (N, D) to length 1; zero rows stay zero."""
    norms = np.linalg.norm(feats, axis=1, keepdims=True)
    return np.asarray(feats / np.maximum(norms, 1e-12), dtype=np.float32)


def distance(
    query: Features, gallery: Features, *, metric: Metric = "sqeuclidean", square: bool = False
) -> DistMat:
    """Distances of two sets of features as a `DistMat`.

    Args:
        query: (Q, D) features.
        gallery: (G, D) features.
        metric: See `pairwise`.
        square: Whether to compute (Q+G, Q+G), which re-ranking and fusing before it need.
    """
    both = concatenate(query, gallery)
    sources = {"features": dict(both.meta)}
    if square:
        dist = pairwise(both.feats, both.feats, metric=metric)
        np.fill_diagonal(dist, 0)
        return DistMat(dist, both.names, both.names, len(query), metric, sources)
    dist = pairwise(query.feats, gallery.feats, metric=metric)
    return DistMat(dist, query.names, gallery.names, None, metric, sources)


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
