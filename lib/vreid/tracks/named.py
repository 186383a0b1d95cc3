"""Tracklets in files: a row or a column of each carries the name of its first image."""

import numpy as np

from vreid.data.sample import UNKNOWN
from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.features import Features, FloatArray
from vreid.tracks.groups import first_images, group_tracks


def tracklet_features(gallery: Features, pooled: FloatArray) -> Features:
    """Pooled features as `Features` with a row a tracklet, named after its first image.

    Args:
        gallery: The images, N.
        pooled: (T, D) by the numbers of ``group_tracks(gallery.trackids)``.

    Returns:
        T rows. A tracklet's pid and camid are those of its images, or -1 where they differ.

    Raises:
        DataError: When the number of rows is not that of the tracklets.
    """
    track_idx = group_tracks(gallery.trackids)
    first = first_images(track_idx)
    if len(pooled) != len(first):
        raise DataError(f"there are {len(pooled)} pooled features for {len(first)} tracklets")
    columns = {}
    for key, column in (("pids", gallery.pids), ("camids", gallery.camids)):
        values = column[first]
        values[track_idx[column != values[track_idx]]] = UNKNOWN
        columns[key] = values
    return Features(
        names=tuple(gallery.names[idx] for idx in first),
        feats=pooled,
        trackids=gallery.trackids[first],
        meta={**gallery.meta, "rows": "tracklets"},
        **columns,
    )


def image_distances(mat: DistMat, gallery: Features) -> DistMat:
    """Distances to images from distances to tracklets: every image has its tracklet's.

    Args:
        mat: (Q, T), its columns the tracklets of ``gallery`` as `tracklet_features` names them, in
            any order.
        gallery: The images, G.

    Returns:
        (Q, G).

    Raises:
        DataError: For a square distance, and when the columns are not the gallery's tracklets.
    """
    if mat.square:
        raise DataError("a square distance has no tracklets as columns; give query x tracklet")
    track_idx = group_tracks(gallery.trackids)
    names = [gallery.names[idx] for idx in first_images(track_idx)]
    place = {name: col for col, name in enumerate(mat.cols)}
    if place.keys() != set(names):
        odd = min(place.keys() ^ set(names))
        side = "the distances" if odd in place else "the gallery"
        raise DataError(
            f"the distances have {len(place)} columns, the gallery {len(names)} tracklets, and"
            f" {odd} begins a tracklet of {side} only; make both from one gallery file"
        )
    cols = np.array([place[name] for name in names])[track_idx]
    return DistMat(
        dist=np.take(mat.dist, cols, axis=1),
        rows=mat.rows,
        cols=gallery.names,
        kind=mat.kind,
        sources={"tracklets": dict(mat.sources)},
    )
