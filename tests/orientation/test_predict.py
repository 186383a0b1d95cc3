"""A small training of orientations on rendered vehicles, applied to others."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import orientation.predict
import orientation.train
import vreid.classify
from orientation.predict import describe_error
from tests.data.layouts import write_xml
from tests.pictures import make_samples
from vreid.class_values import ClassValues, load_class_values
from vreid.config import load_config
from vreid.data.loader import Batch
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError
from vreid.learner import Learner
from vreid.options import Config
from vreid.predictions import Predictions
from vreid.validate import LogitArray, predict

RECIPE = """
name: turned
output: {folder}/runs
device: cpu
data: {{dataset: csv, root: {folder}/crops, test_fraction: 0.5}}
input: {{size: [32, 32], pad: 0, jitter: 0.0, blur: 0.0, erasing: 0.0}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
loss: {{metric: none}}
solver: {{precision: fp32, warmup_epochs: 0}}
orientation:
  data: {{dataset: vehiclex, root: {folder}/rendered, holdout: 0.2, bins: 4, check_counts: false}}
  input: {{flip: 0.0}}
  solver: {{sampler: shuffle, max_epochs: 2, ims_per_batch: 8}}
  test: {{flip: false}}
"""


def write_rendered(root: Path) -> None:
    """40 pictures of 10 vehicles, bright on the side that they face; 90 to 180 degrees has none."""
    images = root / "sys_image_train"
    images.mkdir(parents=True)
    rows = []
    for number in range(40):
        name, angle = f"{number // 4:04d}_c001_{number}.jpg", (10, 200, 300, 350)[number % 4]
        picture = np.random.default_rng(number).integers(0, 60, (32, 32, 3), dtype=np.uint8)
        picture[:, :8] += np.uint8(angle // 2)
        cv2.imwrite(str(images / name), picture)
        facts = {"cameraID": "c001", "colorID": "1", "typeID": "1", "vehicleID": name[:4]}
        rows.append({"imageName": name, "orientation": str(angle), **facts})
    write_xml(root / "train_label.xml", rows)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("turned")
    write_rendered(folder / "rendered")
    samples = make_samples(folder / "crops", vehicles=4, frames=2)
    lines = [f"{one.name},{one.pid},{one.camid}" for one in samples]
    (folder / "crops" / "samples.csv").write_text(
        "\n".join(["path,vehicle_id,camera_id", *lines]) + "\n"
    )
    path = folder / "recipe.yml"
    path.write_text(RECIPE.format(folder=folder))
    return path


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    return orientation.train.main(recipe)


def test_angles_of_other_images_are_predicted(
    run: Path, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = load_class_values(run, "orientation")
    assert classes.values == (0, 2, 3)
    assert classes.facts == {"bins": 4}
    rows: list[LogitArray] = []

    def recording(*args: object, **options: object) -> LogitArray:
        rows.append(predict(*args, **options))  # type: ignore[arg-type]
        return rows[-1]

    monkeypatch.setattr(vreid.classify, "predict", recording)
    orientation.predict.main(run, data=recipe)
    for part, logits in zip(("query", "gallery"), rows, strict=True):
        saved = Predictions.load(run / "features" / f"{part}.labels.npz")
        assert saved.meta["bins"] == 4
        middles = np.array([45.0, 225.0, 315.0])
        np.testing.assert_allclose(saved.predicted, middles[logits.argmax(axis=1)])
    printed = capsys.readouterr().out
    assert "query.labels.npz: 4 images" in printed
    assert "error" not in printed  # nobody knows these orientations


def test_the_rendered_vehicles_alone_have_nothing_to_predict(run: Path) -> None:
    with pytest.raises(DataError, match=r"vehiclex has 0 query and 0 gallery images; .*--data"):
        orientation.predict.main(run)


def test_a_run_goes_on_with_its_own_bins_only(run: Path, recipe: Path) -> None:
    with pytest.raises(ConfigError, match=r"other options \(data\.bins: 4 -> 36\)"):
        orientation.train.main(recipe, ["orientation.data.bins", "36"])
    with pytest.raises(DataError, match=r"3 orientation classes \(0 2 3, bins 4\), the data set"):
        ClassValues("orientation", (0, 1), {"bins": 4}).keep(run, load_config(run / "config.yml"))
    assert load_class_values(run, "orientation").values == (0, 2, 3)


def test_mirrored_images_have_the_mirrored_label(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Batch] = []
    learn = Learner.learn

    def recording(self: Learner, batch: Batch, *, step: int, number: int) -> Any:
        batches.append(batch)
        return learn(self, batch, step=step, number=number)

    monkeypatch.setattr(Learner, "learn", recording)
    pairs = ["output", str(tmp_path), "orientation.input.flip", "0.5", "data.bins", "4"]
    run = orientation.train.main(recipe, [*pairs, "orientation.data.holdout", "0"])
    values = np.array(load_class_values(run, "orientation").values)
    assert values.tolist() == [0, 1, 2, 3]  # 200 degrees mirrored is 160
    images = torch.cat([batch.images for batch in batches]).float().mean(dim=(1, 2))  # (B, W)
    sides = images[:, :8].mean(dim=1) - images[:, -8:].mean(dim=1)
    labels = torch.cat([batch.labels for batch in batches]).numpy()
    # The left side is brighter by half the angle, or the right one where the picture is mirrored.
    known = np.array((10, 200, 300, 350))
    angles = known[np.abs(2 * np.abs(sides.numpy())[:, None] - known).argmin(axis=1)]
    shown = np.where(sides.numpy() > 0, angles, 360 - angles)
    assert (values[labels] == shown // 90).all()
    assert {*values[labels].tolist()} == {0, 1, 2, 3}


def test_the_error_is_told_where_orientations_are_known() -> None:
    found = Predictions(tuple("abc"), np.array([350.0, 90.0, 7.0]), np.ones(3, np.float32))
    samples = [
        Sample(Path("a"), "a", angle=10.0),
        Sample(Path("b"), "b", angle=270.0),
        Sample(Path("c"), "c"),
    ]
    assert describe_error(found, samples) == (
        "circular error median 100.0, mean 100.0 degrees on 2 of 3 images, those whose orientation"
        " is known"
    )
    assert describe_error(found, [Sample(Path(name), name) for name in "abc"]) == ""
    assert Config().data.bins == 36
