"""From features to a distance matrix, in memory or straight into its file."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from vreid.distance.matrix import DistMat
from vreid.distance.pairs import Metric, pairwise
from vreid.features import Features, FloatArray, concatenate
from vreid.files import atomic_path

# NumPy has typed this function since 2.3 only.
_open_memmap: Callable[..., FloatArray] = open_memmap


def new_matrix(path: Path, shape: tuple[int, int]) -> FloatArray:
    """A new float32 matrix in a ``.npy`` file, mapped for writing."""
    return _open_memmap(path, "w+", np.float32, shape)


def distance(
    query: Features,
    gallery: Features,
    *,
    metric: Metric = "sqeuclidean",
    square: bool = False,
    out: FloatArray | None = None,
) -> DistMat:
    """Distances of two sets of features as a `DistMat`.

    Args:
        query: (Q, D) features.
        gallery: (G, D) features.
        metric: See `pairwise`.
        square: Whether to compute (Q+G, Q+G), for tools that want all images on both axes.
        out: Where to write, such as an array mapped from a file; a new matrix by default.
    """
    both = concatenate(query, gallery)
    sources = {"features": dict(both.meta)}
    if square:
        dist = pairwise(both.feats, both.feats, metric=metric, out=out)
        dist[np.arange(len(dist)), np.arange(len(dist))] = 0
        return DistMat(dist, both.names, both.names, len(query), metric, sources, False)
    dist = pairwise(query.feats, gallery.feats, metric=metric, out=out)
    return DistMat(dist, query.names, gallery.names, None, metric, sources, False)


def write_distance(
    query: Features,
    gallery: Features,
    path: Path,
    *,
    metric: Metric = "sqeuclidean",
    square: bool = False,
    sources: Mapping[str, Any] | None = None,
) -> DistMat:
    """As `distance`, written block by block to a file that `DistMat.load` reads.

    Memory holds some blocks only: the matrix is the file, mapped while it is written.

    Args:
        query, gallery, metric, square: See `distance`.
        path: The ``.npy``; the names go beside it. Both appear when they are complete.
        sources: Added to what is recorded.

    Returns:
        The matrix, mapped from the file.
    """
    rows = query.names + gallery.names if square else query.names
    cols = rows if square else gallery.names
    with atomic_path(path) as temporary:
        target = new_matrix(temporary, (len(rows), len(cols)))
        made = distance(query, gallery, metric=metric, square=square, out=target)
        made = dataclasses.replace(
            made, sources={**made.sources, **(sources or {})}, check_values=False
        )
        assert isinstance(target, np.memmap)
        target.flush()
        made.write_names(path)
        del target
    return DistMat.load(path, check_values=False)
