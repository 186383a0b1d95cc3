"""The whole chain in miniature: a rendered city, three members, two classifiers, a submission."""

import json
from pathlib import Path

import numpy as np
import pytest

import camera.train
import orientation.train
import scripts.report
import scripts.scoreboard
import scripts.test
import scripts.train
import submissions.check
import submissions.score
import synthetic_aug.render
from synthetic_aug.city.options import CityOptions
from vreid.features import Features

ROOT = Path(__file__).parents[1]
RECIPE = """
name: mini
output: runs
device: cpu
data: {dataset: cityflow, root: city, holdout: 0.3}
input: {size: [48, 48], pad: 3, blur: 0.0}
model: {weights: none, last_stride: 2}
solver: {max_epochs: 2, warmup_epochs: 0, ims_per_batch: 16, num_instance: 4, base_lr: 2.0e-3}
test: {protocol: aicity, truth: city/truth}
members:
  plain: {model: {backbone: test_resnet}}
  ibn: {model: {backbone: test_resnet, ibn: true}}
  efficient: {model: {backbone: test_efficientnet}}
orientation:
  data: {dataset: vehiclex, holdout: 0.2}
  model: {backbone: test_resnet}
  input: {flip: 0.0}
  loss: {triplet_weight: 0.0}
  solver: {sampler: shuffle}
  test: {flip: false}
camera:
  model: {backbone: test_resnet}
  loss: {triplet_weight: 0.0}
  solver: {sampler: shuffle}
rerank: {k1: 6, k2: 3, lambda_: 0.3}
"""
CITY = CityOptions(
    train_vehicles=12,
    test_vehicles=6,
    cameras=4,
    frames=2,
    image_size=40,
    samples=1,
    vehiclex_images=40,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered city with its recipe; rendering takes most of the test's time."""
    pytest.importorskip("mitsuba", reason="rendering needs Mitsuba: pip install -e '.[render]'")
    folder = tmp_path_factory.mktemp("chain")
    synthetic_aug.render.main(folder / "city", CITY, jobs=1)
    (folder / "mini.yml").write_text(RECIPE)
    return folder


def test_from_pictures_to_a_checked_and_scored_submission(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'lib'}")
    recipe = Path("mini.yml")
    runs = scripts.train.main(recipe)
    runs += [orientation.train.main(recipe), camera.train.main(recipe)]
    assert [run.name for run in runs] == ["plain", "ibn", "efficient", "orientation", "camera"]

    track2 = scripts.test.main(recipe)
    [query_names] = Path("city").rglob("name_query.txt")
    [gallery_names] = Path("city").rglob("name_test.txt")
    submissions.check.main(track2, queries=query_names, gallery=gallery_names)
    scores = submissions.score.main(
        track2, query=Path("city/truth/query.csv"), gallery=Path("city/truth/gallery.csv")
    )

    board = json.loads(scripts.scoreboard.main(recipe).read_text())
    final = board["rows"][-1]
    assert final["label"] == "ensemble"
    assert final["scores"]["mAP@100"] == pytest.approx(scores.fractions()["mAP@100"])
    assert len([row for row in board["rows"] if row["group"] == "untrained"]) == 3

    manifest = json.loads(track2.with_suffix(".manifest.json").read_text())
    for needed in ("mini.yml", "runs/mini/ibn/best.pt", "runs/mini/camera/config.yml"):
        assert len(manifest["inputs"][needed]) == 64

    page = scripts.report.main(recipe)
    assert "aicity: AP over the top 100" in page.read_text()

    capfd.readouterr()
    before = track2.read_bytes()
    scripts.test.main(recipe)  # a second run reuses what is there and comes to the same bytes
    assert track2.read_bytes() == before
    printed = capfd.readouterr().out
    assert printed.count("up to date") >= 10 + len(runs)
    assert "wrote runs" not in printed  # no distance was computed again


def test_queries_and_gallery_never_mix(folder: Path) -> None:
    """CityFlow numbers its images anew in each folder: 000001.jpg is in all of them."""
    features = folder / "runs" / "mini" / "plain" / "features"
    query, gallery = (Features.load(features / f"{part}.npz") for part in ("query", "gallery"))
    assert not set(query.names) & set(gallery.names)
    assert {name.split("/")[0] for name in query.names} == {"image_query"}
    assert (query.pids == -1).all()
    assert (gallery.pids == -1).all()
    np.testing.assert_allclose(np.linalg.norm(query.feats, axis=1), 1, atol=1e-4)
