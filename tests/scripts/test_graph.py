"""Chains: which verbs a recipe's stages become, and what comes out, against the library's calls."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scripts.stages
from scripts.plan import Plan
from scripts.stages import Stage, run_stages
from tests.scripts.chains import (
    BASELINE,
    NUM_GALLERY,
    NUM_QUERY,
    WINNER,
    run_here,
    write_features,
    write_recipe,
)
from vreid.constraints import Rules, constrain
from vreid.debias import whiten_cameras
from vreid.distance import DistMat, distance, normalize
from vreid.errors import DataError
from vreid.expand import expand_queries
from vreid.features import Features, FloatArray
from vreid.rerank import k_reciprocal
from vreid.tracks.groups import group_tracks
from vreid.tracks.lists import follow_tracks
from vreid.tracks.named import image_distances, tracklet_features
from vreid.tracks.pooling import pool_mean, pool_near_queries, smooth


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts.stages, "run_verb", run_here)


def sqdist(query: Features, gallery: Features) -> FloatArray:
    return distance(query, gallery).dist


def winner_by_hand(found: dict[str, tuple[Features, Features]]) -> FloatArray:
    total = np.zeros((NUM_QUERY, NUM_GALLERY), dtype=np.float32)
    for name, weight in (("a", 1.0), ("b", 0.5)):
        query, gallery = found[name]
        both = np.concatenate([query.feats, gallery.feats])
        camids = np.concatenate([query.camids, gallery.camids])
        white = whiten_cameras(both, camids, la=0.2)
        branches = []
        for feats in (both, white):
            q, g = feats[:NUM_QUERY], feats[NUM_QUERY:]
            track_idx = group_tracks(gallery.trackids)
            pooled = normalize(pool_near_queries(q, g, track_idx))
            dist = k_reciprocal(dist=[((q, pooled), 1.0)], k1=4, k2=2, lambda_=0.6)
            for part, share in (("camera", 0.1), ("orientation", 0.05)):
                classifier = found[part][1]
                tracks = tracklet_features(
                    classifier, normalize(pool_mean(classifier.feats, track_idx))
                )
                dist = dist - np.float32(share) * sqdist(found[part][0], tracks)
            branches.append(dist)
        mean = ((branches[0] + branches[1]) / 2).astype(np.float32)
        first = tracklet_features(gallery, pooled)
        rules = Rules(never_same_camera=True, groups=((0, 1), (2, 9)))
        tracks_idx = np.arange(len(first))
        mean = constrain(mean, query.camids, first.camids, tracks_idx, rules)
        mat = image_distances(DistMat(mean, query.names, first.names), gallery)
        total += np.float32(weight) * mat.dist
    return total


def baseline_by_hand(found: dict[str, tuple[Features, Features]]) -> FloatArray:
    dists = []
    for name in ("a", "b"):
        query, gallery = found[name]
        track_idx = group_tracks(gallery.trackids)
        moved = smooth(gallery.feats, track_idx)
        queries = expand_queries(query.feats, moved, k=2, weights="sim")
        sets = [((queries, moved), 1.0)]
        for part in ("orientation", "camera"):
            sets.append(((found[part][0].feats, found[part][1].feats), -0.1))
        dist = k_reciprocal(dist=sets, k1=5, k2=2, lambda_=0.5)
        rules = Rules(punishment=0.15)
        dists.append(constrain(dist, query.camids, gallery.camids, track_idx, rules))
    mean = ((dists[0] + dists[1]) / 2).astype(np.float32)
    return follow_tracks(mean, track_idx)


@pytest.mark.parametrize("chain", [WINNER, BASELINE], ids=["winner", "baseline"])
@pytest.mark.usefixtures("in_process")
def test_a_chain_computes_what_it_says(
    chain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan.load(write_recipe(tmp_path, chain), [])
    found = write_features(plan)
    run_stages(plan.stages())
    expected = winner_by_hand(found) if chain is WINNER else baseline_by_hand(found)
    result = DistMat.load(plan.result())
    np.testing.assert_allclose(result.dist, expected, atol=2e-5)
    assert result.rows == found["a"][0].names
    assert result.cols == found["a"][1].names

    run_stages(plan.ablation())
    images = {found["a"][1].names}
    rows = plan.scoreboard()
    assert {DistMat.load(path).cols for _, _, path in rows} == images
    assert rows[-1][1:] == ("ensemble", plan.result())

    capsys.readouterr()
    run_stages(plan.stages())  # a second run finds everything there
    assert "wrote" not in capsys.readouterr().out


def test_every_stage_reads_only_what_a_stage_before_wrote(tmp_path: Path) -> None:
    for chain in (WINNER, BASELINE):
        plan = Plan.load(write_recipe(tmp_path, chain), [])
        raw = {
            plan.run(name) / "features" / f"{part}.npz"
            for name in ("a", "b", "orientation", "camera")
            for part in ("query", "gallery")
        }
        untrained = {path for one in plan.ablation()[:2] for path in one.inputs}
        made_files = raw | untrained
        for one in (*plan.stages(), *plan.ablation()):
            assert set(one.inputs) <= made_files, one
            assert all(str(path) in one.words for path in one.inputs)
            made_files |= written(one)
        assert {path for _, _, path in plan.scoreboard()} <= made_files


def written(one: Stage) -> set[Path]:
    if one.output.name == "gallery.npz":
        return {one.output, one.output.with_name("query.npz")}
    return {one.output}


def test_steps_of_the_table_are_those_of_the_chain(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, WINNER), [])
    groups = list(dict.fromkeys(group for group, _, _ in plan.scoreboard()))
    assert groups == [
        *("untrained", "single member", "1 branches", "2 tracklets", "4 rerank", "5 minus"),
        *("6 average", "7 constrain", "9 fuse_members"),
    ]
    reranked = [row for row in plan.scoreboard() if row[0] == "4 rerank"]
    labels = [label for _, label, _ in reranked]
    assert labels == ["a plain", "a whitened", "b plain", "b whitened", "ensemble"]
    assert reranked[0][2].name == "a.plain.4-rerank.images.npy"
    assert list(plan.classifiers) == ["orientation", "camera"]


def test_no_stage_makes_a_square_distance(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, BASELINE), [])
    assert not [one for one in (*plan.stages(), *plan.ablation()) if "--square" in one.words]


CONCAT = """
chain:
  - {stage: augment, k: 2, among: all}
  - {stage: whiten, dims: 4}
  - {stage: subtract_cameras, alpha: 0.5}
  - {stage: blend, keep: 0.5}
  - {stage: tracklets, weights: distance}
  - {stage: fuse_members, rule: concat, weights: {a: 3}}
  - distance
  - {stage: rerank, k1: 3, k2: 1}
  - {stage: constrain, one_track_per_camera: true, remove: true}
  - spread
"""
RANKS = """
chain:
  - {stage: predicted_cameras}
  - {stage: whiten_cameras}
  - {stage: distance, metric: cosine}
  - {stage: fuse_members, rule: reciprocal, weights: {a: 2}}
  - {stage: constrain, never_same_camera: true, penalty: 1}
"""


@pytest.mark.usefixtures("in_process")
def test_concatenated_members_go_on_as_one(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, CONCAT), [])
    write_features(plan)
    run_stages([*plan.stages(), *plan.ablation()])
    groups = [group for group, label, _ in plan.scoreboard() if label == "ensemble"]
    assert groups[-3:] == ["8 rerank", "9 constrain", "10 spread"]
    joined = Features.load(plan.base / "distances" / "ensemble.6-fuse_members" / "query.npz")
    assert joined.feats.shape == (NUM_QUERY, 8)
    np.testing.assert_allclose(np.linalg.norm(joined.feats, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((joined.feats[:, :4] ** 2).sum(axis=1), 0.75, atol=1e-5)


@pytest.mark.usefixtures("in_process")
def test_hidden_cameras_are_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan.load(write_recipe(tmp_path, RANKS), [])
    write_features(plan)
    with pytest.raises(DataError, match=r"camera/features/query\.npz: holds no predicted cameras"):
        run_stages(plan.stages())
    predicted = {}
    for part in ("query", "gallery"):
        path = plan.run("camera") / "features" / f"{part}.npz"
        old = Features.load(path)
        predicted[part] = old.camids.copy()
        predicted[part][:2] += 1
        replace(old, meta={**old.meta, "predicted": predicted[part].tolist()}).save(path)
    capsys.readouterr()
    run_stages(plan.stages())
    folder = plan.base / "distances" / "a.1-predicted_cameras"
    assert Features.load(folder / "query.npz").camids.tolist() == predicted["query"].tolist()
    voted = Features.load(folder / "gallery.npz")
    assert voted.camids[:4].tolist() == [0] * 4  # two against two: the smaller one
    assert "66.7% of 6 known cameras predicted right" in capsys.readouterr().out
    assert plan.classifiers == {"camera": 0.0}


def test_small_images_are_left_out_of_tracklets(tmp_path: Path) -> None:
    chain = "chain: [{stage: tracklets, min_area: 900}, distance, spread, fuse_members]\n"
    plan = Plan.load(write_recipe(tmp_path, chain), ["solver.seed", "2"])
    areas, pooled = [one for one in plan.stages() if "area-900.csv" in " ".join(one.words)][:2]
    assert areas.words[:6] == (
        *("scripts.areas", str(plan.recipe), "solver.seed", "2", "--min-area", "900"),
    )
    assert pooled.words[0] == "ensemble.tracks"
    assert areas.output in pooled.inputs


def test_one_model_alone_needs_no_fusing(tmp_path: Path) -> None:
    path = tmp_path / "solo.yml"
    path.write_text("name: solo\nchain: [distance, {stage: rerank, k1: 5}]\n")
    plan = Plan.load(path, [])
    assert [one.words[0] for one in plan.stages()] == ["ensemble.distance", "ensemble.rerank"]
    assert plan.stages()[-1].output == plan.result()
    assert [row[1] for row in plan.scoreboard()] == ["vehicle"] * 3
    alone = Plan.load(path, ["chain", "[{'stage': 'distance'}]"])
    assert alone.stages()[-1].output == alone.result()
