"""The stages of a chain as calls of the library, each from one `MemoryLine` to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vreid.constraints import Rules, constrain
from vreid.debias import subtract_camera_means, whiten_cameras
from vreid.distance import DistMat, distance, normalize
from vreid.errors import DataError
from vreid.expand import expand_both
from vreid.features import Features, FloatArray, concatenate
from vreid.fusion import weighted_sum
from vreid.learnt import read_learnt
from vreid.options.chain_distances import Constrain, Distance, Minus, Rerank, Spread, WholeTracks
from vreid.options.chain_features import (
    Augment,
    Blend,
    Expand,
    PredictedCameras,
    Smooth,
    Stage,
    SubtractCameras,
    Tracklets,
    Whiten,
    WhitenCameras,
)
from vreid.predictions import predicted_cameras
from vreid.rerank import k_reciprocal
from vreid.tracks.groups import group_tracks, vote_by_track
from vreid.tracks.lists import follow_tracks
from vreid.tracks.named import image_distances, tracklet_features
from vreid.tracks.pooling import Weights, blend, pool_mean, pool_near_queries, smooth
from vreid.travel import Seconds, mean_times, read_times, read_travel, times_of
from vreid.whitening import fit_whitening

Pair = tuple[Features, Features]  # of the queries and of the gallery


@dataclass(frozen=True)
class MemoryLine:
    """A member, or a branch of one, on its way through the chain; see `scripts.graph.line.Line`."""

    title: str
    member: str
    images: Pair
    feats: Pair
    dist: DistMat | None = None
    minus: tuple[tuple[str, float], ...] = ()
    pooled: bool = False

    @classmethod
    def of_member(cls, name: str, pair: Pair) -> "MemoryLine":
        """A member at the start."""
        return cls(name, name, pair, pair)

    def made(self) -> DistMat:
        """The distances, which the order of the chain promises."""
        assert self.dist is not None
        return self.dist


@dataclass(frozen=True)
class Inputs:
    """What stages look at beside the line.

    Attributes:
        classifiers: ``orientation`` and ``camera`` -> their features of the images.
        areas: Name of each gallery image -> its pixels.
    """

    classifiers: Mapping[str, Pair]
    areas: Mapping[str, int]

    def classifier(self, name: str, *, pooled: bool) -> Pair:
        """A classifier's features, of tracklets where the line has them: the mean of their images.

        Raises:
            DataError: When there are none.
        """
        if name not in self.classifiers:
            raise DataError(f"there are no features of the {name} classifier, which a stage needs")
        query, gallery = self.classifiers[name]
        return query, (_tracklet_means(gallery) if pooled else gallery)

    def weights(self, gallery: Features, min_area: int) -> Weights | None:
        """(G,) which images are large enough to count; None where all do.

        Raises:
            DataError: Naming an image whose size is not known.
        """
        if not min_area:
            return None
        for name in gallery.names:
            if name not in self.areas:
                raise DataError(f"the size of {name} is not known, which min_area needs")
        return np.array([self.areas[name] >= min_area for name in gallery.names])


def advance(one: Stage, line: MemoryLine, inputs: Inputs) -> MemoryLine:
    """A line behind a stage that changes features or distances."""
    if isinstance(one, Distance):
        return replace(line, dist=distance(*line.feats, metric=one.metric))
    if isinstance(one, Minus):
        return _minus(one, line, inputs)
    if isinstance(one, Rerank):
        return _rerank(one, line, inputs)
    if isinstance(one, Constrain):
        return _constrain(one, line)
    if isinstance(one, WholeTracks):
        followed = follow_tracks(line.made().dist, group_tracks(line.images[1].trackids))
        return replace(line, dist=replace(line.made(), dist=followed, check_values=True))
    if isinstance(one, Spread):
        return replace(line, dist=image_distances(line.made(), line.images[1]), pooled=False)
    return _change_features(one, line, inputs)


def _change_features(one: Stage, line: MemoryLine, inputs: Inputs) -> MemoryLine:
    query, gallery = line.feats
    if isinstance(one, PredictedCameras):
        return _predict_cameras(one, line, inputs)
    if isinstance(one, Tracklets):
        return replace(line, feats=(query, _pool(one, query, gallery, inputs)), pooled=True)
    if isinstance(one, Smooth):
        return replace(line, feats=(query, _smoothed(gallery, one.eps)))
    if isinstance(one, Blend):
        weights = inputs.weights(gallery, one.min_area)
        track_idx = group_tracks(gallery.trackids)
        mixed = blend(gallery.feats, track_idx, keep=one.keep, weights=weights)
        return replace(line, feats=(query, replace(gallery, feats=mixed)))
    if isinstance(one, Augment):  # and Expand, which is one
        moved = expand_both(
            query.feats,
            gallery.feats,
            queries=one.k if isinstance(one, Expand) else 0,
            database=0 if isinstance(one, Expand) else one.k,
            among=one.among,
            weights=one.weights,
            alpha=one.alpha,
        )
    else:
        both = concatenate(query, gallery)
        changed = _debias(one, both)
        moved = changed[: len(query)], changed[len(query) :]
    return replace(line, feats=(replace(query, feats=moved[0]), replace(gallery, feats=moved[1])))


def _debias(one: Stage, both: Features) -> FloatArray:
    if isinstance(one, WhitenCameras):
        return whiten_cameras(both.feats, both.camids, la=one.la)
    if isinstance(one, SubtractCameras):
        return subtract_camera_means(both.feats, both.camids, alpha=one.alpha)
    assert isinstance(one, Whiten)
    return fit_whitening(both.feats, num_dims=one.dims or None, eps=one.eps).apply(both.feats)


def _predict_cameras(one: PredictedCameras, line: MemoryLine, inputs: Inputs) -> MemoryLine:
    sides = []
    for part, found in zip(line.feats, inputs.classifier("camera", pooled=False), strict=True):
        camids = predicted_cameras(found, "the camera classifier's features")
        if one.vote:
            camids = vote_by_track(camids, group_tracks(part.trackids))
        sides.append(replace(part, camids=camids))
    return replace(line, feats=(sides[0], sides[1]), images=(sides[0], sides[1]))


def _smoothed(gallery: Features, eps: float) -> Features:
    return replace(gallery, feats=smooth(gallery.feats, group_tracks(gallery.trackids), eps=eps))


def _tracklet_means(gallery: Features, weights: Weights | None = None) -> Features:
    pooled = pool_mean(gallery.feats, group_tracks(gallery.trackids), weights=weights)
    return tracklet_features(gallery, normalize(pooled))


def _pool(one: Tracklets, query: Features, gallery: Features, inputs: Inputs) -> Features:
    if one.weights == "queries":
        track_idx = group_tracks(gallery.trackids)
        pooled = pool_near_queries(
            query.feats, gallery.feats, track_idx, near=one.near, eps=one.eps
        )
        return tracklet_features(gallery, normalize(pooled))
    if one.weights == "distance":  # near members count most in each image, then all alike
        gallery = _smoothed(gallery, one.eps)
    return _tracklet_means(gallery, inputs.weights(gallery, one.min_area))


def _minus(one: Minus, line: MemoryLine, inputs: Inputs) -> MemoryLine:
    weights = one.weights()
    mats = [line.made()]
    mats += [distance(*inputs.classifier(name, pooled=line.pooled)) for name in weights]
    signed = [1.0, *(-weight for weight in weights.values())]
    dist = weighted_sum(mats, signed, labels=[line.title, *weights])
    return replace(line, dist=dist, minus=(*line.minus, *weights.items()))


def _rerank(one: Rerank, line: MemoryLine, inputs: Inputs) -> MemoryLine:
    query, gallery = line.feats
    sets = [((query.feats, gallery.feats), 1.0)]
    for name, weight in line.minus:
        parts = inputs.classifier(name, pooled=line.pooled)
        sets.append(((parts[0].feats, parts[1].feats), -weight))
    dist = k_reciprocal(dist=sets, k1=one.k1, k2=one.k2, lambda_=one.lambda_)
    return replace(line, dist=DistMat(dist, query.names, gallery.names, None, "rerank"))


def _constrain(one: Constrain, line: MemoryLine) -> MemoryLine:
    query, gallery = line.feats if line.pooled else line.images
    rules = Rules(
        never_same_camera=one.never_same_camera,
        groups=one.groups,
        never=read_learnt(Path(one.learnt)) if one.learnt else (),
        travel=read_travel(Path(one.travel)) if one.travel else (),
        one_track_per_camera=one.one_track_per_camera,
        penalty=one.penalty,
        remove=one.remove,
        punishment=one.punishment,
        punished=one.punished,
    )
    mat = line.made()
    track_idx = group_tracks(gallery.trackids)
    times = _times(one, line) if one.travel else None
    dist = constrain(mat.dist, query.camids, gallery.camids, track_idx, rules, times=times)
    return replace(line, dist=DistMat(dist, mat.rows, mat.cols, None, "constrained"))


def _times(one: Constrain, line: MemoryLine) -> tuple[Seconds, Seconds]:
    """Of queries and of images, or of tracklets the mean of their images' times."""
    table = read_times(Path(one.times))
    query, gallery = (times_of(part.names, table) for part in line.images)
    if line.pooled:
        gallery = mean_times(gallery, group_tracks(line.images[1].trackids))
    return query, gallery
