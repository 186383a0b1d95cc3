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
