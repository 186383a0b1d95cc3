"""Data without cameras or tracks: chains say so, or leave stages out and say that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scripts.stages
from scripts.plan import Plan
from scripts.stages import run_stages
from tests.scripts.chains import (
    NUM_GALLERY,
    run_here,
    write_features,
    write_recipe,
    write_times,
)
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts.stages, "run_verb", run_here)


MISSING = """
chain:
  - {stage: whiten_cameras, when_missing: skip}
  - {stage: tracklets, when_missing: skip}
  - distance
  - {stage: constrain, never_same_camera: true, when_missing: skip}
  - spread
  - fuse_members
"""


@pytest.mark.usefixtures("in_process")
def test_skipping_is_a_choice_and_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan.load(write_recipe(tmp_path, MISSING), [])
    write_features(plan, bare=True)
    stages = plan.stages()
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].split(" is ")[0] for line in printed] == [
        *("chain[1] whiten_cameras", "chain[2] tracklets", "chain[4] constrain", "chain[5] spread"),
    ]
    assert "no image has a track (when_missing: skip)" in printed[1]
    assert [one.words[0] for one in stages] == ["ensemble.distance"] * 2 + ["ensemble.mean"]
    run_stages(stages)
    loud = MISSING.replace(", when_missing: skip", "")
    plan = Plan.load(write_recipe(tmp_path, loud), [])
    wanted = r"a/features/query\.npz: no image has a known camera, which chain\[1\] whiten_cameras"
    with pytest.raises(DataError, match=wanted):
        plan.stages()
    tracks = "chain: [tracklets, distance, spread, fuse_members]\n"
    plan = Plan.load(write_recipe(tmp_path, tracks), [])
    with pytest.raises(DataError, match=r"gallery\.npz: no image has a track, which chain\[1\]"):
        plan.stages()


def test_rules_on_tracks_alone_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = "never_same_camera: true, one_track_per_camera: true, when_missing: skip"
    chain = f"chain: [distance, {{stage: constrain, {rule}}}, fuse_members]\n"
    plan = Plan.load(write_recipe(tmp_path, chain), [])
    for query, gallery in write_features(plan).values():
        for name in ("a", "b"):
            bare = replace(gallery, trackids=np.full(NUM_GALLERY, UNKNOWN))
            bare.save(plan.run(name) / "features" / "gallery.npz")
            query.save(plan.run(name) / "features" / "query.npz")
    [words] = {one.words[4:-2] for one in plan.stages() if one.words[0] == "ensemble.constrain"}
    assert words == ("--never-same-camera", "--penalty", "10.0")
    assert "leaves its rules on tracks out" in capsys.readouterr().out


@pytest.mark.usefixtures("in_process")
def test_rules_on_times_alone_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = f"times: {tmp_path}/times.csv, travel: {tmp_path}/travel.csv"
    chain = "chain: [distance, {{stage: constrain, {rule}}}, fuse_members]\n"
    plan = Plan.load(write_recipe(tmp_path, chain.format(rule=tables)), [])
    assert any(one.words[0] == "ensemble.constrain" for one in plan.stages())  # nothing to look at
    write_times(tmp_path, write_features(plan)["a"])
    changed = [one for one in plan.stages() if one.words[0] == "ensemble.constrain"]
    assert {tmp_path / "times.csv", tmp_path / "travel.csv"} <= set(changed[0].inputs)
    run_stages(plan.stages())

    (tmp_path / "times.csv").write_text("name,time\nother.jpg,1\n")
    wanted = r"query\.npz: no image has a time in .*times\.csv, which chain\[2\] constrain needs"
    with pytest.raises(DataError, match=wanted):
        plan.stages()
    capsys.readouterr()
    skipped = chain.format(rule=f"{tables}, when_missing: skip")
    stages = Plan.load(write_recipe(tmp_path, skipped), []).stages()
    assert not [one for one in stages if one.words[0] == "ensemble.constrain"]
    assert "chain[2] constrain is skipped: " in capsys.readouterr().out
    others = f"{tables}, never_same_camera: true, punishment: 0.1, when_missing: skip"
    stages = Plan.load(write_recipe(tmp_path, chain.format(rule=others)), []).stages()
    [words] = {one.words[4:-2] for one in stages if one.words[0] == "ensemble.constrain"}
    punishment = ("--punishment", "0.1", "--punished", "99")
    assert words == ("--never-same-camera", "--penalty", "10.0", *punishment)
    assert "constrain leaves its rules on travel times out" in capsys.readouterr().out
