"""Scoring as a protocol asks: features and square distances drawn anew, tracklets pooled first.

`vreid.metrics` scores a query set in a gallery as they are given. Here query and gallery may be
drawn from all test images (VehicleID, VRU), and images may be pooled into tracklets (VVeRI-901).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vreid.counting import DistArray
from vreid.data.sample import UNKNOWN
from vreid.distance import DistMat, Metric, normalize
from vreid.draws import Draws, draw_one
from vreid.errors import ConfigError, DataError
from vreid.features import Features, IntArray
from vreid.metrics import distance_blocks, evaluate, evaluate_blocks, evaluate_features
from vreid.pairs import PairScores, score_pairs
from vreid.protocol import Protocol
from vreid.relevance import Relevance
from vreid.scores import Scores, mean_scores
from vreid.tracks.groups import group_tracks
from vreid.tracks.named import tracklet_features
from vreid.tracks.pooling import pool_mean

_ROWS = 64  # rows of a square distance copied at a time

Chosen = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # queries and gallery


def judge_features(
    query: Features, gallery: Features, *, protocol: Protocol, metric: Metric = "sqeuclidean"
) -> Scores:
    """Score features.

    Args:
        query: Features of the queries, with identities and, where the rules need them, cameras and
            tracklets.
        gallery: Features of the gallery, likewise.
        protocol: The rules. Where they draw, the two are thrown together first; an image that is
            in both counts once.
        metric: See `vreid.distance.pairwise`.

    Raises:
        DataError: As `vreid.metrics.evaluate_features`, and for unknown tracklets where the rules
            score tracklets.
    """
    query, gallery = as_units(query, gallery, protocol)
    if protocol.draws is None:
        return _score(query, gallery, protocol, metric)
    new = np.flatnonzero(~np.isin(gallery.names, query.names))
    every = _Rows(query, gallery, new)
    scores = []
    for chosen in _draws(every.names, every.pids, protocol.draws):
        queries, others = (every.take(rows) for rows in chosen)
        scores.append(_score(queries, others, protocol, metric))
    return mean_scores(scores, protocol)


def judge_distances(
    mat: DistMat, *, pids: IntArray, camids: IntArray, protocol: Protocol
) -> Scores:
    """Score a distance.

    Args:
        mat: Query x gallery, or square. Only a square one can be drawn from; of another one the
            protocol's line says that it is one draw as given.
        pids: Identities of the rows and then, unless the matrix is square, of the columns.
        camids: Cameras, likewise.
        protocol: The rules.

    Raises:
        ConfigError: When the rules score tracklets, which distances know nothing of.
        DataError: As `vreid.metrics.evaluate`.
    """
    if protocol.unit == "tracklet":
        raise ConfigError(
            f"the protocol {protocol.name} pools features over tracklets, which a distance knows"
            " nothing of; score a run"
        )
    if protocol.draws is None or not mat.square:
        part = mat.query_gallery()
        num_query, end = len(part.rows), len(part.rows) + len(part.cols)
        return evaluate(
            part.dist,
            query_pids=pids[:num_query],
            gallery_pids=pids[num_query:end],
            query_camids=camids[:num_query],
            gallery_camids=camids[num_query:end],
            protocol=protocol,
        )
    scores = [
        evaluate_blocks(
            _cut(mat.dist, rows, cols),
            query_pids=pids[rows],
            gallery_pids=pids[cols],
            query_camids=camids[rows],
            gallery_camids=camids[cols],
            protocol=protocol,
        )
        for rows, cols in _draws(mat.rows, pids, protocol.draws)
    ]
    return mean_scores(scores, protocol)


def judge_pairs(
    query: Features, gallery: Features, *, protocol: Protocol, metric: Metric = "sqeuclidean"
) -> PairScores:
    """Score all pairs of a query and a gallery image (or tracklet); nothing is drawn.

    Raises:
        DataError: As `vreid.pairs.score_pairs`, and for unknown tracklets where the rules score
            tracklets.
    """
    query, gallery = as_units(query, gallery, protocol)
    relevance = Relevance(query.pids, gallery.pids, query.camids, gallery.camids, protocol)
    return score_pairs(lambda: distance_blocks(query.feats, gallery.feats, metric), relevance)


def as_units(query: Features, gallery: Features, protocol: Protocol) -> tuple[Features, Features]:
    """Features of what the protocol searches for and in: of images as given, or of tracklets.

    Raises:
        DataError: For an image without a tracklet where the rules score tracklets.
    """
    if protocol.unit == "image":
        return query, gallery
    pooled = []
    for part in (query, gallery):
        unknown = np.flatnonzero(part.trackids == UNKNOWN)
        if len(unknown):
            raise DataError(
                f"{part.names[unknown[0]]} and {len(unknown) - 1} more images have no tracklet; the"
                f" protocol {protocol.name} scores tracklets: choose another, or a data set that"
                " has them"
            )
        means = pool_mean(part.feats, group_tracks(part.trackids))
        pooled.append(tracklet_features(part, normalize(means)))
    return pooled[0], pooled[1]


class _Rows:
    """Query rows and the new gallery rows on top of each other."""

    def __init__(self, query: Features, gallery: Features, new: npt.NDArray[np.intp]) -> None:
        self.names = (*query.names, *(gallery.names[idx] for idx in new))
        self.feats = np.concatenate([query.feats, gallery.feats[new]])
        self.pids = np.concatenate([query.pids, gallery.pids[new]])
        self.camids = np.concatenate([query.camids, gallery.camids[new]])
        self.trackids = np.concatenate([query.trackids, gallery.trackids[new]])

    def take(self, rows: npt.NDArray[np.intp]) -> Features:
        """Some of the rows."""
        return Features(
            names=tuple(self.names[idx] for idx in rows),
            feats=self.feats[rows],
            pids=self.pids[rows],
            camids=self.camids[rows],
            trackids=self.trackids[rows],
        )


def _draws(names: Sequence[str], pids: IntArray, draws: Draws) -> Iterator[Chosen]:
    """Indices of queries and gallery, draw after draw."""
    for number in range(draws.count):
        one_mask = draw_one(names, pids, seed=draws.seed or 0, number=number)
        gallery_mask = one_mask if draws.one_in == "gallery" else ~one_mask
        yield np.flatnonzero(~gallery_mask), np.flatnonzero(gallery_mask)


def _score(query: Features, gallery: Features, protocol: Protocol, metric: Metric) -> Scores:
    return evaluate_features(
        query.feats,
        gallery.feats,
        query_pids=query.pids,
        gallery_pids=gallery.pids,
        query_camids=query.camids,
        gallery_camids=gallery.camids,
        protocol=protocol,
        metric=metric,
    )


def _cut(
    dist: DistArray, rows: npt.NDArray[np.intp], cols: npt.NDArray[np.intp]
) -> Iterator[DistArray]:
    for start in range(0, len(rows), _ROWS):
        yield dist[rows[start : start + _ROWS]][:, cols]
