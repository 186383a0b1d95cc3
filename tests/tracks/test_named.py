import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.features import Features
from vreid.tracks.groups import group_tracks
from vreid.tracks.named import image_distances, tracklet_features
from vreid.tracks.pooling import pool_mean

TRACKIDS = np.array([5, 3, 5, -1, 3])
NAMES = ("g/0.jpg", "g/1.jpg", "g/2.jpg", "g/3.jpg", "g/4.jpg")


def make_gallery() -> Features:
    feats = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    pids, camids = np.array([1, 2, 1, 3, 9]), np.array([6, 7, 6, 8, 7])
    return Features(NAMES, feats, pids, camids, TRACKIDS, meta={"model": "tiny"})


def test_a_row_a_tracklet() -> None:
    gallery = make_gallery()
    pooled = pool_mean(gallery.feats, group_tracks(gallery.trackids))
    tracks = tracklet_features(gallery, pooled)
    assert tracks.names == ("g/0.jpg", "g/1.jpg", "g/3.jpg")
    assert tracks.trackids.tolist() == [5, 3, -1]
    assert tracks.pids.tolist() == [1, -1, 3]  # the second tracklet's images differ
    assert tracks.camids.tolist() == [6, 7, 8]
    assert tracks.meta == {"model": "tiny", "rows": "tracklets"}
    with pytest.raises(DataError, match="there are 2 pooled features for 3 tracklets"):
        tracklet_features(gallery, pooled[:2])


def test_images_take_the_distances_of_their_tracklets() -> None:
    dist = np.arange(6, dtype=np.float32).reshape(2, 3)
    cols = ("g/3.jpg", "g/0.jpg", "g/1.jpg")
    mat = DistMat(dist, ("q/0.jpg", "q/1.jpg"), cols, kind="rerank", sources={"k1": 7})
    images = image_distances(mat, make_gallery())
    assert images.dist.tolist() == [[1, 2, 1, 0, 2], [4, 5, 4, 3, 5]]
    assert (images.rows, images.cols, images.kind) == (mat.rows, NAMES, "rerank")
    assert images.sources == {"tracklets": {"k1": 7}}


def test_other_tracklets_are_refused() -> None:
    dist = np.zeros((1, 3), dtype=np.float32)
    mat = DistMat(dist, ("q",), ("g/0.jpg", "g/1.jpg", "g/4.jpg"))
    message = r"g/3\.jpg begins a tracklet of the gallery only; make both from one gallery file"
    with pytest.raises(DataError, match=message):
        image_distances(mat, make_gallery())
    square = DistMat(np.zeros((2, 2), dtype=np.float32), ("a", "b"), ("a", "b"), num_query=1)
    with pytest.raises(DataError, match="a square distance has no tracklets as columns"):
        image_distances(square, make_gallery())
