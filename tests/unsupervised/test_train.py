"""The whole stage on made pictures: another city than the one trained on, brighter and bluer."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from scripts import extract
from tests.pictures import draw_vehicle
from unsupervised.record import read_labels
from unsupervised.train import main
from vreid.build_data import build_split
from vreid.checkpoint import num_classes
from vreid.clusters import cluster_means, score_clusters
from vreid.config import load_config
from vreid.engine import fit
from vreid.errors import ConfigError, DataError
from vreid.features import Features

RECIPE = """
name: town
output: {output}
device: cpu
data: {{dataset: csv, root: {root}}}
input: {{size: [32, 32], pad: 0, blur: 0.0, jitter: 0.0, erasing: 0.0}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
solver: {{max_epochs: 2, ims_per_batch: 16, num_instance: 4, base_lr: 1.0e-3, eval_period: 0}}
adapt:
  enabled: true
  k1: 8
  k2: 3
  min_samples: 3
  la: 0.1
  base_lr: 1.0e-3
  optimizer: adam
  max_epochs: 1
  ims_per_batch: 16
  num_instance: 4
"""


def write_town(root: Path) -> None:
    """Vehicles 0-3 to train on; 10-15 in the shifted part, their first frames being queries."""
    rows = ["path,vehicle_id,camera_id,track_id,split"]
    for pid in (*range(4), *range(10, 16)):
        for camid in range(2):
            for frame in range(4):
                name = f"{pid:02d}_{camid}_{frame}.png"
                picture = draw_vehicle(pid, camid, frame).astype(np.float64)
                part = "train"
                if pid >= 10:
                    picture = 0.8 * picture + np.array([45, 20, 10])
                    part = "gallery" if frame else "query"
                cv2.imwrite(str(root / name), np.clip(picture, 0, 255).astype(np.uint8))
                track = pid * 10 + camid + (500 if part == "query" else 0)
                rows.append(f"{name},{pid},{camid},{track},{part}")
    (root / "samples.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A recipe whose only model is trained."""
    folder = tmp_path_factory.mktemp("town")
    write_town(folder)
    path = folder / "town.yml"
    path.write_text(RECIPE.format(output=folder / "runs", root=folder))
    config = load_config(path)
    train = build_split(config.data).train
    pids = np.array([sample.pid for sample in train], dtype=np.int64)
    fit(config, train, pids, evaluate=None, run_dir=folder / "runs/town/vehicle")
    yield path


def test_the_run_is_adapted_and_is_an_ordinary_run(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = main(recipe)
    assert run == recipe.parent / "runs/town/vehicle-adapted"
    said = capsys.readouterr().out
    split = build_split(load_config(recipe).data)
    samples = (*split.query, *split.gallery)
    labels = read_labels(run, [sample.name for sample in samples])
    num_clusters = int(labels.max()) + 1
    assert num_clusters >= 2
    scores = score_clusters(labels, np.array([sample.pid for sample in samples]))
    assert scores.precision > 0.5  # six vehicles by chance: 0.15
    assert f"{num_clusters} clusters for 6 vehicles, purity {100 * scores.purity:.1f} %" in said
    found = json.loads((run / "clusters_found.json").read_text())
    assert (found["num_clusters"], found["num_images"]) == (num_clusters, 48)
    assert found["truth"] == {**asdict(scores), "num_identities": 6}
    assert num_classes(run / "best.pt") == num_clusters
    assert (run / "finished.json").exists() and not (run / "start.pt").exists()
    assert load_config(run / "config.yml").solver.max_epochs == 1
    (folder,) = extract.main([run])
    assert len(Features.load(folder / "gallery.npz")) == 36

    before = (run / "best.pt").stat().st_mtime_ns
    assert main(recipe) == [run]
    assert (run / "best.pt").stat().st_mtime_ns == before
    facts = json.loads((run / "clusters.json").read_text())
    (run / "clusters.json").write_text(json.dumps({**facts, "weights_sha256": "of old ones"}))
    with pytest.raises(ConfigError, match=r"adapted otherwise \(weights_sha256: of old ones -> "):
        main(recipe)
    (run / "clusters.json").write_text(json.dumps(facts))
    with pytest.raises(ConfigError, match=r"adapted otherwise \(eps: 0\.55 -> 0\.4\); remove"):
        main(recipe, ["adapt.eps", "0.4"])


def test_training_starts_from_the_means_of_the_clusters(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop behind the clustering: the start is there, and the next call goes on from it."""
    words = ["adapt.suffix", "stopped"]

    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("unsupervised.train.fit", stop)
        with pytest.raises(KeyboardInterrupt):
            main(recipe, words)
    run = recipe.parent / "runs/town/vehicle-stopped"
    made = [Features.load(run / f"target/{part}.npz") for part in ("query", "gallery")]
    labels = read_labels(run, [*made[0].names, *made[1].names])
    start = torch.load(run / "start.pt", weights_only=True)["model"]
    source = torch.load(run.parent / "vehicle/best.pt", weights_only=True)["model"]
    means = cluster_means(np.concatenate([made[0].feats, made[1].feats]), labels)
    np.testing.assert_array_equal(start["classifier.weight"].numpy(), means)
    others = [key for key in source if not key.startswith("classifier.")]
    assert all(torch.equal(start[key], source[key]) for key in others)

    with monkeypatch.context() as patched:
        patched.setattr("unsupervised.train.target_features", stop)  # it is not clustered again
        main(recipe, words)
    assert (run / "finished.json").exists()


def test_rounds_begin_where_the_last_one_ended(recipe: Path) -> None:
    # Without steps worth the name, so that the second clusters what the first did.
    words = ["adapt.suffix", "twice", "adapt.rounds", "2", "adapt.base_lr", "1e-12"]
    (run,) = main(recipe, words)
    first = run / "rounds/1"
    facts = json.loads((run / "clusters.json").read_text())
    assert facts["source"] == str(first / "best.pt")
    assert (first / "finished.json").exists() and (run / "finished.json").exists()


def test_the_recipe_of_the_shifted_city_goes_on_from_toycity() -> None:
    recipes = Path(__file__).parents[2] / "configs" / "recipes"
    shifted, source = (
        load_config(recipes / f"{name}.yml") for name in ("toycity-shifted", "toycity")
    )
    assert shifted.adapt.enabled and not source.adapt.enabled
    assert Path(shifted.adapt.source) == Path(source.output) / source.name
    assert list(shifted.members) == list(source.members)
    assert (shifted.model, shifted.input) == (source.model, source.input)


def test_mined_identities_and_features_of_extract_are_used(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = recipe.parent / "runs/town/vehicle"
    extract.main([source])
    words = ["adapt.suffix", "mined", "adapt.method", "mining", "adapt.near", "0.5"]
    (run,) = main(recipe, [*words, "adapt.cameras", "mean"])
    said = capsys.readouterr().out
    assert f"{source / 'features/query.npz'}: up to date" in said
    assert not (run / "target").exists()
    assert num_classes(run / "best.pt") >= 2


def test_it_is_off_unless_asked_for(recipe: Path) -> None:
    with pytest.raises(ConfigError, match=r"adapt\.enabled is false; adapting trains on the test"):
        main(recipe, ["adapt.enabled", "false"])
    with pytest.raises(ConfigError, match="no member 'r50'; it has none"):
        main(recipe, members=["r50"])
    with pytest.raises(DataError, match=r"nowhere/vehicle is not finished; train it first"):
        main(recipe, ["adapt.source", "nowhere"])


def test_too_few_vehicles_are_refused(recipe: Path) -> None:
    words = ["adapt.suffix", "none", "adapt.min_samples", "40"]
    with pytest.raises(DataError, match=r"0 vehicles were found among 48 .*adapt\.min_samples"):
        main(recipe, words)
