"""The chain's benchmark: small, and with the verbs called in this process instead of new ones."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import scripts.stages
from benchmarks import chain, chain_tables
from benchmarks.chain_made import TRACK_IMAGES, make_scenery, write_member
from benchmarks.memory import GIB
from benchmarks.reports import Report
from scripts.stages import Stage
from vreid.errors import ConfigError
from vreid.features import Features

COST = {"cpu_seconds": 2.0, "wall_seconds": 1.0, "peak_bytes": 3 * GIB}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Call verbs here, note a made-up cost where one is asked for, and list their modules."""
    modules: list[str] = []

    def run_verb(words: Sequence[str]) -> None:
        if words[0] == "scripts.measure":
            record = Path(words[1])
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps([COST]))
            words = words[2:]
        modules.append(words[0])
        importlib.import_module(words[0]).command(words[1:])

    monkeypatch.setattr(scripts.stages, "run_verb", run_verb)
    monkeypatch.setattr(chain, "run_verb", run_verb)  # the name that it imported
    return modules


def test_all_recipes_run_to_a_checked_submission(
    called: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = chain.main(scale=0.03, dim=24, warm=False)
    assert capsys.readouterr().out.count("ok: ") == len(chain.RECIPES)
    assert {"ensemble.debias", "scripts.areas", "ensemble.concat", "ensemble.spread"} <= set(called)
    totals = report.tables[0]
    assert [row[0] for row in totals.rows] == list(chain.RECIPES)
    assert all(row[-1] == "yes" for row in totals.rows)
    assert Report.load(report.save(tmp_path / "r.json")).markdown() == report.markdown()
    for table, recipe in zip(report.tables[1:], chain.RECIPES, strict=True):
        own = [row for row in report.rows if row["recipe"] == recipe]
        assert sum(int(row[2]) for row in table.rows) == len(own)
        assert table.rows[-1][0] == chain_tables.BETWEEN
        assert all(row["written"] for row in own[:-3])
    reranks = [row for row in report.tables[1].rows if row[0] == "3-rerank"]
    assert reranks == [
        ["3-rerank", "ensemble.rerank", "3", "3.0", "6.0", "3.0 GiB", reranks[0][-1]]
    ]


@pytest.mark.parametrize(("wall", "peak", "fits"), [(179, 5, "yes"), (181, 5, "no"), (9, 7, "no")])
def test_limits(wall: float, peak: int, fits: str) -> None:
    row = chain_tables.Row("r", "1-a", "ensemble.a", 1.0, 1.0, peak * GIB, 0)
    outcome = chain_tables.Outcome([row], wall, 2.0, 0.5 * wall, GIB)
    assert chain_tables.total_table({"r": outcome}).rows[0][-1] == fits


def test_scenery_has_the_published_numbers() -> None:
    scenery = make_scenery()
    queries = slice(0, scenery.num_query)
    assert (scenery.num_query, len(scenery.pids)) == (1103, 32341)
    assert len(np.unique(scenery.pids)) == len(np.unique(scenery.pids[queries])) == 440
    assert set(scenery.camids) == set(range(1, 47))
    tracks = scenery.trackids[scenery.num_query :]
    assert np.all(scenery.trackids[queries] == -1)
    assert len(np.unique(tracks)) == 31238 // TRACK_IMAGES
    for values in (scenery.pids, scenery.camids, scenery.angles):  # one of each in a tracklet
        pairs = np.unique(np.stack([tracks, values[scenery.num_query :]]), axis=1)
        assert pairs.shape[1] == len(np.unique(tracks))
    second = scenery.camids > 40
    assert not set(scenery.pids[second]) & set(scenery.pids[~second])


def test_scales_that_cannot_be() -> None:
    for scale in (0.001, 1.5):
        with pytest.raises(ConfigError, match=r"scale is .*; expected a number in \[0.023, 1\]"):
            make_scenery(scale)


def test_members_differ_and_tracklets_are_alike(tmp_path: Path) -> None:
    scenery = make_scenery(0.03)
    for seed in (0, 1):
        write_member(scenery, tmp_path / str(seed), dim=48, seed=seed)
    first, other = (Features.load(tmp_path / str(seed) / "gallery.npz") for seed in (0, 1))
    assert first.names == other.names
    assert not np.allclose(first.feats, other.feats)
    np.testing.assert_allclose(np.linalg.norm(first.feats, axis=1), 1, rtol=1e-5)
    sims = first.feats @ first.feats.T
    same_track = first.trackids[:, None] == first.trackids
    same_camera = first.camids[:, None] == first.camids
    assert sims[same_track].mean() > sims[same_camera & ~same_track].mean() + 0.2
    assert sims[same_camera & ~same_track].mean() > sims[~same_camera].mean() + 0.05


def test_steps_and_the_machine(tmp_path: Path) -> None:
    names = ("a.whitened.4-rerank.npy", "a.1-branches.1-whiten_cameras/gallery.npz", "area-9.csv")
    steps = [chain.step_of(Stage((), (), tmp_path / name)) for name in names]
    assert steps == ["4-rerank", "1-whiten_cameras", "area-9"]
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 200 300 9999 9999 10 20 30 5 5\ncpu0 1\n")
    assert chain.machine_seconds(stat) == pytest.approx(660 / 100)
    assert chain.machine_seconds(tmp_path / "none") == 0
