"""Gains of a chain's stages, against chains that were written without them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import scripts.chain_gains
import scripts.stages
from scripts.plan import Plan
from scripts.sources import score
from scripts.stages import run_stages
from tests.scripts.chains import BASELINE, WINNER, run_here, write_features, write_recipe
from vreid.bootstrap import paired_gain
from vreid.errors import ConfigError, DataError
from vreid.files import read_json, write_json
from vreid.protocol import AICITY
from vreid.report.gains import ChainGains
from vreid.runs import finish_run
from vreid.scores import Scores

COST = {"cpu_seconds": 0.5, "wall_seconds": 1.0, "peak_bytes": 3 * 2**20}
Truth = dict[str, tuple[int, int]]


def run_measured_here(words: Sequence[str]) -> None:
    if words[0] == "scripts.measure":
        run_here(words[2:])
        write_json(Path(words[1]), [COST])
    elif words[0] != "scripts.extract":
        run_here(words)


@pytest.fixture
def truth() -> Truth:
    """Six queries, the last without a match; five vehicles of two tracks, others between."""
    found = {f"image_query/{row:06}.jpg": (row, row % 4) for row in range(6)}
    for row in range(30):
        track = row // 4
        pid = track if track < 5 else 10 + track % 2
        found[f"image_gallery/{row:06}.jpg"] = (pid, track % 4)
    return found


@pytest.fixture
def trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truth: Truth
) -> Callable[[str, str], Plan]:
    """A recipe with a chain in a folder of its own, with features and finished runs."""
    for module in (scripts.stages, scripts.chain_gains):
        monkeypatch.setattr(module, "run_verb", run_measured_here)
    monkeypatch.setattr(scripts.chain_gains, "known_identities", lambda plan: truth)

    def make(folder: str, chain: str) -> Plan:
        (tmp_path / folder).mkdir()
        recipe = write_recipe(tmp_path / folder, chain + "test: {protocol: aicity}\n")
        plan = Plan.load(recipe, [])
        write_features(plan)
        for name in ("a", "b", "orientation", "camera"):
            finish_run(plan.run(name), {})
        return plan

    return make


def read_gains(path: Path) -> ChainGains:
    return ChainGains.from_dict(read_json(path), source=path)


def result(plan: Plan, truth: Truth) -> Scores:
    run_stages(plan.stages())
    return score(plan.result(), truth, AICITY)


def without(chain: str, *stages: str) -> str:
    lines = chain.splitlines(keepends=True)
    kept = [line for line in lines if not any(f"{name}" in line for name in stages)]
    assert len(kept) == len(lines) - len(stages)
    return "".join(kept)


def test_turned_off_is_the_chain_without_the_stage(
    trained: Callable[[str, str], Plan], truth: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = trained("whole", BASELINE)
    path = scripts.chain_gains.main(plan.recipe, draws=200, seed=3)
    gains = read_gains(path)
    whole = result(plan, truth)
    off = {one.title: one for one in gains.off}
    assert list(off) == [
        *("1 smooth", "2 expand", "3 distance", "4 minus", "5 rerank", "6 constrain"),
        *("7 fuse_members", "8 whole_tracks"),
    ]
    for title, stage in (("1 smooth", "smooth"), ("5 rerank", "rerank"), ("8 w", "whole_tracks")):
        other = result(trained(title, without(BASELINE, stage)), truth)
        row = next(one for key, one in off.items() if key.startswith(title))
        assert row.score == pytest.approx(other.headline), title
        assert row.rank_1 == pytest.approx(other.rank(1))
        assert row.gain == paired_gain(whole.ap, other.ap, draws=200, seed=3)
    assert "stages behind it change distances" in off["3 distance"].note
    shown = capsys.readouterr().out
    assert "3 distance cannot be turned off" in shown
    assert str(AICITY) in shown and "200 draws, seed 3" in shown
    assert (path.parent / "gains.md").read_text() in shown
    assert (path.parent / "waterfall.svg").read_text().startswith("<?xml")


def test_one_by_one_begins_with_the_members_and_ends_with_the_result(
    trained: Callable[[str, str], Plan], truth: Truth
) -> None:
    plan = trained("whole", WINNER)
    gains = read_gains(scripts.chain_gains.main(plan.recipe, draws=100))
    steps = {one.title: one for one in gains.steps}
    assert list(steps) == [
        "single member",
        *("1 branches", "2 tracklets", "3 distance", "4 rerank", "5 minus", "6 average"),
        *("7 constrain", "8 spread", "9 fuse_members"),
    ]
    plain = [score(plan.dist(name, "plain"), truth, AICITY) for name in ("a", "b")]
    assert steps["single member"].score == pytest.approx(np.mean([one.headline for one in plain]))
    whole = result(plan, truth)
    assert steps["9 fuse_members"].score == pytest.approx(whole.headline)
    assert steps["9 fuse_members"].rank_1 == pytest.approx(whole.rank(1))
    for before, one in pairwise(gains.steps):  # every row is the one before and its gain
        assert before.score is not None
        gained = one.gain.mean if one.gain is not None else 0
        assert one.score == pytest.approx(before.score + gained)
    assert steps["8 spread"].note == steps["3 distance"].note == "changes no score by itself"
    # Both members were re-ranked in both branches, one process each.
    assert steps["4 rerank"].cpu_seconds == 4 * COST["cpu_seconds"]
    assert steps["4 rerank"].peak_bytes == COST["peak_bytes"]
    fused = next(one for one in gains.off if one.title == "9 fuse_members")
    assert fused.gain is not None
    assert fused.score == pytest.approx(whole.headline - fused.gain.mean)
    assert gains.num_query == 5


def test_a_second_run_makes_nothing_anew(
    trained: Callable[[str, str], Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = trained("whole", BASELINE)
    path = scripts.chain_gains.main(plan.recipe, draws=50)
    before = path.read_text()
    capsys.readouterr()
    assert scripts.chain_gains.main(plan.recipe, draws=50).read_text() == before
    assert "wrote" not in capsys.readouterr().out
    assert scripts.chain_gains.main(plan.recipe, draws=50, seed=1).read_text() != before


def test_what_cannot_be_measured(trained: Callable[[str, str], Plan]) -> None:
    plan = trained("whole", BASELINE)
    with pytest.raises(ConfigError, match="--draws is 0; give at least 1"):
        scripts.chain_gains.main(plan.recipe, draws=0)
    (plan.run("b") / "finished.json").unlink()
    with pytest.raises(DataError, match=r"run .*b does not exist; train first"):
        scripts.chain_gains.main(plan.recipe)
    with pytest.raises(ConfigError, match="the recipe has no chain"):
        scripts.chain_gains.main(trained("bare", "").recipe)
