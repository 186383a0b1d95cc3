"""Chains in memory give what the same chains give through files and verbs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scripts.graph.memory
import scripts.graph.memory_stages
import scripts.stages
from scripts.graph.memory import Cache, plain_chain, run_chain
from scripts.graph.memory_stages import MemoryLine
from scripts.plan import Plan
from scripts.stages import run_stages
from tests.scripts.chains import (
    BASELINE,
    WINNER,
    run_here,
    write_features,
    write_recipe,
    write_times,
)
from tests.scripts.test_graph import CONCAT, RANKS
from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.features import Features, FloatArray
from vreid.options.chain import parse_chain

OTHERS = """
chain:
  - {stage: predicted_cameras, vote: false}
  - {stage: augment, k: 2}
  - {stage: blend, keep: 0.4}
  - {stage: tracklets, min_area: 900}
  - distance
  - {stage: minus, camera: 0.2}
  - {stage: fuse_members, weights: {a: 0.5, b: 2}}
  - {stage: constrain, groups: [[0, 1], [2, 9]], remove: true}
  - spread
"""
TIMED = """
chain:
  - {{stage: tracklets, when_missing: skip}}
  - distance
  - {{stage: constrain, times: {folder}/times.csv, travel: {folder}/travel.csv, penalty: 3}}
  - spread
  - {{stage: constrain, times: {folder}/times.csv, travel: {folder}/travel.csv, remove: true}}
  - fuse_members
"""
CHAINS = {"winner": WINNER, "baseline": BASELINE, "concat": CONCAT, "ranks": RANKS}


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts.stages, "run_verb", run_here)


def add_predictions(
    plan: Plan, found: dict[str, tuple[Features, Features]]
) -> dict[str, tuple[Features, Features]]:
    """The camera classifier's features with cameras that are not all the true ones."""
    sides = []
    for part, one in zip(("query", "gallery"), found["camera"], strict=True):
        predicted = one.camids.copy()
        predicted[:3] = (predicted[:3] + 1) % 4
        side = replace(one, meta={**one.meta, "predicted": predicted.tolist()})
        side.save(plan.run("camera") / "features" / f"{part}.npz")
        sides.append(side)
    return {**found, "camera": (sides[0], sides[1])}


def in_memory(
    plan: Plan,
    found: dict[str, tuple[Features, Features]],
    areas: dict[str, int] | None = None,
    cache: Cache | None = None,
) -> DistMat:
    members = {name: found[name] for name in plan.members}
    classifiers = {name: found[name] for name in plan.classifiers}
    chain = plain_chain(plan.config)
    return run_chain(chain, members, classifiers, areas=areas, cache=cache)


def check_equal(made: DistMat, path: Path) -> None:
    expected = DistMat.load(path)
    assert made.rows == expected.rows and made.cols == expected.cols
    np.testing.assert_allclose(made.dist, expected.dist, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("chain", CHAINS.values(), ids=list(CHAINS))
def test_memory_and_files_agree(chain: str, tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, chain), [])
    found = add_predictions(plan, write_features(plan))
    run_stages(plan.stages())
    check_equal(in_memory(plan, found), plan.result())


@pytest.mark.usefixtures("in_process")
def test_small_images_and_given_cameras_agree_too(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, OTHERS), [])
    found = add_predictions(plan, write_features(plan))
    names = found["a"][1].names
    areas = {name: 500 * (1 + row % 3) for row, name in enumerate(names)}
    table = plan.base / "distances" / "area-900.csv"
    table.parent.mkdir(parents=True)
    rows = [f"{name},{int(area >= 900)}" for name, area in areas.items()]
    table.write_text("\n".join(["name,weight", *rows]) + "\n")
    run_stages([one for one in plan.stages() if one.words[0] != "scripts.areas"])
    check_equal(in_memory(plan, found, areas), plan.result())
    with pytest.raises(DataError, match="the size of image_gallery/000000"):
        in_memory(plan, found)


def by_hand(found: tuple[Features, Features], times: dict[str, float]) -> FloatArray:
    """What TIMED makes of a member: by tracklets' mean times, then by each image's own."""
    windows = {(0, 1): (20, 60), (2, 0): (30, np.inf), (1, 3): (0, 80), (3, 1): (10, 40)}

    def broken(left: int, right: int, gap: float) -> bool:
        there = windows.get((left, right), windows.get((right, left), (-np.inf, np.inf)))
        back = windows.get((right, left), there)
        allowed = there[0] <= gap <= there[1] or back[0] <= -gap <= back[1]
        return not (np.isnan(gap) or allowed)

    query, gallery = found
    seconds = [np.array([times.get(name, np.nan) for name in part.names]) for part in found]
    result = np.empty((len(query), len(gallery)))
    for col, track in enumerate(gallery.trackids):
        images = gallery.trackids == track
        mean = gallery.feats[images].mean(axis=0)
        gaps = np.nanmean(seconds[1][images]) - seconds[0]
        dist = ((query.feats - mean / np.linalg.norm(mean)) ** 2).sum(axis=1)
        moved = [
            broken(*two)
            for two in zip(query.camids, [gallery.camids[col]] * len(query), gaps, strict=True)
        ]
        result[:, col] = dist + 3 * np.array(moved)
    for row, line in enumerate(result):
        moved = [
            broken(query.camids[row], camid, gap)
            for camid, gap in zip(gallery.camids, seconds[1] - seconds[0][row], strict=True)
        ]
        line += np.array(moved) * (line.max() - line.min() + 1)
    return result.astype(np.float32)


@pytest.mark.usefixtures("in_process")
def test_travel_times_agree_too(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, TIMED.format(folder=tmp_path)), [])
    found = write_features(plan)
    times = write_times(tmp_path, found["a"])
    run_stages(plan.stages())
    result = in_memory(plan, found)
    check_equal(result, plan.result())
    expected = (by_hand(found["a"], times) + by_hand(found["b"], times)) / 2
    np.testing.assert_allclose(result.dist, expected, atol=1e-5)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "overrides",
    [[], ["rerank.enabled", "false", "fusion.camera", "0"], ["fusion.camera", "0.3"]],
    ids=["defaults", "no re-ranking", "weights"],
)
def test_the_plain_order_is_a_chain(overrides: list[str], tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, ""), overrides)
    found = write_features(plan)
    run_stages(plan.stages())
    check_equal(in_memory(plan, found), plan.result())


def test_a_solo_model_is_not_fused(tmp_path: Path) -> None:
    path = tmp_path / "solo.yml"
    path.write_text("name: solo\nrerank: {k1: 7}\n")
    stages = [one.stage for one in plain_chain(Plan.load(path, []).config)]
    assert stages == ["distance", "rerank"]


def test_only_the_stages_behind_a_change_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.load(write_recipe(tmp_path, WINNER), [])
    found = write_features(plan)
    cache: Cache = {}
    first = in_memory(plan, found, cache=cache)
    ran: list[str] = []
    advance = scripts.graph.memory_stages.advance

    def spy(one, line: MemoryLine, inputs) -> MemoryLine:  # type: ignore[no-untyped-def]
        ran.append(one.stage)
        return advance(one, line, inputs)

    monkeypatch.setattr(scripts.graph.memory, "advance", spy)
    again = in_memory(plan, found, cache=cache)
    assert not ran
    np.testing.assert_array_equal(again.dist, first.dist)
    text = WINNER.replace("lambda: 0.6", "lambda: 0.2")
    changed = Plan.load(write_recipe(tmp_path, text), [])
    other = in_memory(changed, found, cache=cache)
    assert set(ran) == {"rerank", "minus", "constrain", "spread"}
    np.testing.assert_array_equal(other.dist, in_memory(changed, found).dist)
    assert not np.array_equal(other.dist, first.dist)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    plan = Plan.load(write_recipe(tmp_path, WINNER), [])
    found = write_features(plan, bare=True)
    wanted = r"no image has a known camera, which chain\[1\] branches\.whitened"
    with pytest.raises(DataError, match=wanted):
        in_memory(plan, found)
    parts = write_features(plan)
    members = {name: parts[name] for name in ("a", "b")}
    with pytest.raises(DataError, match="no features of the orientation classifier"):
        run_chain(plan.config.chain, members, {})
    query, gallery = parts["b"]
    turned = replace(gallery, names=gallery.names[::-1])
    with pytest.raises(DataError, match="the gallery of a and of b are of different images"):
        run_chain(plan.config.chain, {"a": parts["a"], "b": (query, turned)}, {})
    skipped = parse_chain(["distance", {"stage": "whole_tracks", "when_missing": "skip"}], "chain")
    dist = run_chain(skipped, {"a": found["a"]}, {})
    assert dist.dist.shape == (len(found["a"][0]), len(found["a"][1]))
