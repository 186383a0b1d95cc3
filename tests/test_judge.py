"""Draws and tracklets against scoring each drawn or pooled set by hand."""

from dataclasses import replace

import numpy as np
import pytest

from vreid.distance import DistMat, pairwise
from vreid.draws import Draws, draw_one
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.judge import judge_distances, judge_features, judge_pairs
from vreid.metrics import evaluate
from vreid.protocol import AICITY, MARKET, PROTOCOLS, VEHICLEID, VRU, Protocol
from vreid.scores import Scores


def made(num: int, *, prefix: str, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    return Features(
        names=tuple(f"{prefix}/{idx:03d}.jpg" for idx in range(num)),
        feats=rng.normal(size=(num, 5)).astype(np.float32),
        pids=np.arange(num, dtype=np.int64) % 9,
        camids=rng.integers(0, 3, num),
        trackids=np.arange(num, dtype=np.int64) // 3,
    )


QUERY, GALLERY = made(12, prefix="query", seed=0), made(60, prefix="gallery", seed=1)


def by_hand(protocol: Protocol) -> list[Scores]:
    """The scores of each draw, with sets made by loops."""
    draws = protocol.draws
    assert draws is not None
    rows = {name: (part, idx) for part in (QUERY, GALLERY) for idx, name in enumerate(part.names)}
    names = sorted(rows)
    pids = np.array([rows[name][0].pids[rows[name][1]] for name in names])
    feats = np.array([rows[name][0].feats[rows[name][1]] for name in names])
    scores = []
    for number in range(draws.count):
        one = draw_one(names, pids, seed=draws.seed or 0, number=number)
        query, gallery = (~one, one) if draws.one_in == "gallery" else (one, ~one)
        scores.append(
            evaluate(
                pairwise(feats[query], feats[gallery]),
                query_pids=pids[query],
                gallery_pids=pids[gallery],
                query_camids=np.zeros(query.sum(), dtype=np.int64),
                gallery_camids=np.zeros(gallery.sum(), dtype=np.int64),
                protocol=replace(protocol, draws=None),
            )
        )
    return scores


@pytest.mark.parametrize("protocol", [VEHICLEID, VRU], ids=["vehicleid", "vru"])
def test_draws_are_scored_one_by_one(protocol: Protocol) -> None:
    scores = judge_features(QUERY, GALLERY, protocol=protocol)
    expected = by_hand(protocol)
    assert len(expected) == 10
    for name, value in scores.fractions().items():
        values = [one.fractions()[name] for one in expected]
        assert value == pytest.approx(np.mean(values), abs=1e-12)
        assert scores.stds[name] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    assert scores.protocol is protocol
    sizes = (72 - 9, 9) if protocol is VEHICLEID else (9, 72 - 9)
    assert (scores.num_query, scores.num_gallery) == sizes
    assert len(scores.ap) == 10 * sizes[0]
    assert "±" in scores.table()
    assert scores.as_dict()["mAP std"] == scores.stds["mAP"]
    assert "mean of 10 draws (seed 0)" in scores.table()


def test_query_and_gallery_may_share_images() -> None:
    shared = replace(QUERY, names=GALLERY.names[:12], feats=GALLERY.feats[:12])
    scores = judge_features(shared, GALLERY, protocol=VEHICLEID)
    assert scores.num_query + scores.num_gallery == 60


def test_a_square_distance_is_drawn_from_and_another_is_one_draw() -> None:
    names = QUERY.names + GALLERY.names
    feats = np.concatenate([QUERY.feats, GALLERY.feats])
    pids = np.concatenate([QUERY.pids, GALLERY.pids])
    camids = np.full(72, -1, dtype=np.int64)
    mat = DistMat(dist=pairwise(feats, feats), rows=names, cols=names, num_query=12)
    scores = judge_distances(mat, pids=pids, camids=camids, protocol=VEHICLEID)
    from_features = judge_features(QUERY, GALLERY, protocol=VEHICLEID)
    assert scores.map == pytest.approx(from_features.map, abs=1e-6)
    part = mat.query_gallery()
    given = judge_distances(part, pids=pids, camids=camids, protocol=VEHICLEID)
    assert given.stds == {}
    assert str(given.protocol).endswith("one draw as given")
    plain = judge_distances(mat, pids=pids, camids=camids, protocol=AICITY)
    assert plain.map == given.map


def test_a_single_draw_has_no_spread() -> None:
    protocol = replace(VRU, draws=Draws("query", 1, seed=5))
    scores = judge_features(QUERY, GALLERY, protocol=protocol)
    assert set(scores.stds.values()) == {0.0}


def test_tracklets_are_the_mean_of_their_frames() -> None:
    protocol = PROTOCOLS["vveri901"]
    feats = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    frames = Features(
        names=tuple(f"{idx}.png" for idx in range(8)),
        feats=feats,
        pids=np.array([1, 1, 2, 2, 1, 1, 2, 2]),
        camids=np.array([1, 1, 1, 1, 2, 2, 2, 2]),
        trackids=np.array([0, 0, 1, 1, 2, 2, 3, 3]),
    )
    scores = judge_features(frames, frames, protocol=protocol)
    means = feats.reshape(4, 2, 4).mean(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    expected = evaluate(
        pairwise(means, means),
        query_pids=np.array([1, 2, 1, 2]),
        gallery_pids=np.array([1, 2, 1, 2]),
        query_camids=np.array([1, 1, 2, 2]),
        gallery_camids=np.array([1, 1, 2, 2]),
        protocol=MARKET,
    )
    assert (scores.num_query, scores.num_gallery) == (4, 4)
    assert scores.map == pytest.approx(expected.map)
    assert judge_pairs(frames, frames, protocol=protocol).num_true == 4


def test_tracklets_must_be_known() -> None:
    protocol = PROTOCOLS["vveri901"]
    unknown = replace(QUERY, trackids=np.full(12, -1, dtype=np.int64))
    with pytest.raises(DataError, match=r"query/000.jpg and 11 more images have no tracklet"):
        judge_features(unknown, GALLERY, protocol=protocol)
    mat = DistMat(dist=np.zeros((1, 1), np.float32), rows=("a",), cols=("b",))
    ids = np.zeros(2, dtype=np.int64)
    with pytest.raises(ConfigError, match="vveri901 pools features over tracklets"):
        judge_distances(mat, pids=ids, camids=ids, protocol=protocol)
