"""A small training of cameras, and what it predicts for images whose cameras are hidden."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import camera.predict
import camera.train
import ensemble.cameras
import scripts.extract
import vreid.classify
from camera.predict import describe_accuracy, most_probable
from tests.pictures import draw_vehicle, make_samples
from vreid.class_values import ClassValues
from vreid.classify import Classifier
from vreid.data.loader import extract_loader
from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.features import Features
from vreid.predictions import Predictions
from vreid.validate import predict

RECIPE = """
name: hidden
output: {folder}/runs
device: cpu
data: {{dataset: csv, root: {folder}/crops}}
input: {{size: [32, 32], pad: 0, flip: 0.0, jitter: 0.0, blur: 0.0, erasing: 0.0}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
loss: {{metric: none}}
solver: {{precision: fp32, warmup_epochs: 0}}
test: {{batch_size: 8}}
camera: {{solver: {{sampler: shuffle, max_epochs: 8, ims_per_batch: 16, base_lr: 3.0e-3}}}}
"""
FIRST = 30  # number of the first camera in the table


def write_crops(folder: Path) -> None:
    """Vehicles 0 to 7 to train on, 8 searched for with half its cameras known, 9 searched in."""
    lines = ["path,vehicle_id,camera_id,split"]
    for sample in make_samples(folder, vehicles=10, frames=4):
        part = "train" if sample.pid < 8 else ("query" if sample.pid == 8 else "gallery")
        known = part == "train" or (part == "query" and sample.name.endswith(("0.png", "1.png")))
        lines.append(f"{sample.name},{sample.pid},{FIRST + sample.camid if known else -1},{part}")
    (folder / "samples.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden")
    write_crops(folder / "crops")
    (folder / "recipe.yml").write_text(RECIPE.format(folder=folder))
    run = camera.train.main(folder / "recipe.yml")
    scripts.extract.main([run], overrides=["test.flip", "false"])
    return run


@pytest.fixture
def run(trained: Path) -> Path:
    """The run without predictions."""
    for path in (trained / "features").glob("*.labels.npz"):
        path.unlink()
    return trained


def cameras_drawn(predictions: Predictions) -> list[int]:
    return [FIRST + int(name.split("_")[1]) for name in predictions.names]


def test_hidden_cameras_are_predicted_with_their_numbers(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, gallery = camera.predict.main(run)
    for found, name in ((query, "query"), (gallery, "gallery")):
        saved = Predictions.load(run / "features" / f"{name}.labels.npz")
        assert saved.names == found.names
        assert saved.predicted.tolist() == found.predicted.tolist() == cameras_drawn(found)
        assert saved.meta["classes"] == [FIRST, FIRST + 1]
    printed = capsys.readouterr().out
    # Half of the queries have a camera, and none of the gallery.
    sentence = "samples query: camera accuracy 100.0% on 4 of 8 images"
    assert sentence in printed
    assert "gallery: camera" not in printed


def test_confidence_is_the_probability_of_each_image_alone(run: Path) -> None:
    query, _ = camera.predict.main(run)
    classifier = Classifier.load(run, "camera")
    model = classifier.restore()
    for row, name in enumerate(query.names):
        path = Path(classifier.config.data.root) / name
        [batch] = extract_loader([Sample(path, name)], size=(32, 32), batch_size=1)
        assert model.classifier is not None
        logits = model.classifier(model(batch.images).feat_bn)[0]
        probs = (logits.exp() / logits.exp().sum()).tolist()
        assert query.confidence[row] == pytest.approx(max(probs), abs=1e-4)
        assert query.predicted[row] == FIRST + probs.index(max(probs))


def test_only_a_changed_input_is_predicted_again(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    camera.predict.main(run)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(vreid.classify, "predict", lambda *_, **__: pytest.fail("predicted again"))
        camera.predict.main(run)
        assert capsys.readouterr().out.count("up to date") == 2
    config = Classifier.load(run, "camera").config
    path = Path(config.data.root) / "0009_0_0.png"
    kept = path.read_bytes()
    try:
        shutil.copy(path.with_name("0009_1_0.png"), path)
        _, gallery = camera.predict.main(run)
    finally:
        path.write_bytes(kept)
    assert gallery.predicted[gallery.names.index(path.name)] == FIRST + 1
    printed = capsys.readouterr().out
    assert "query.labels.npz: up to date" in printed
    assert "gallery.labels.npz: 8 images" in printed
    assert "gallery.npz is not of these images and weights" in printed
    camera.predict.main(run, overrides=["test.checkpoint", "last"])
    assert "up to date" not in capsys.readouterr().out


def test_finished_parts_are_kept_after_a_stop(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vreid.classify, "PART_SIZE", 4)
    calls: list[int] = []

    def stopping(*args: object, **options: object) -> object:
        calls.append(len(calls))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **options)  # type: ignore[arg-type]

    real = predict
    monkeypatch.setattr(vreid.classify, "predict", stopping)
    with pytest.raises(KeyboardInterrupt):
        camera.predict.main(run)
    assert len(list((run / "features" / "labels.parts").iterdir())) == 1
    query, _ = camera.predict.main(run)
    assert len(calls) == 2 + 1 + 2  # the stopped part, then both of the gallery
    assert query.predicted.tolist() == cameras_drawn(query)
    assert not (run / "features" / "labels.parts").exists()


def test_the_chain_finds_them_in_the_features(run: Path, tmp_path: Path) -> None:
    camera.predict.main(run)
    pair = [run / "features" / f"{part}.npz" for part in ("query", "gallery")]
    out = ensemble.cameras.main(*pair, of=(pair[0], pair[1]), out=tmp_path / "predicted")
    for part, path in zip(("query", "gallery"), pair, strict=True):
        made = Features.load(out / f"{part}.npz")
        assert made.camids.tolist() == [FIRST + int(name.split("_")[1]) for name in made.names]
        assert (Features.load(path).camids == -1).any()  # the classifier's own file hides them
    before = pair[0].read_bytes()
    scripts.extract.main([run], overrides=["test.flip", "false"])  # has nothing to do
    assert pair[0].read_bytes() == before


def test_cameras_of_other_places_count_as_wrong() -> None:
    classes = ClassValues("camera", (3, 5))
    values, confidence = most_probable(np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]), classes)
    assert values.tolist() == [5, 3, 3]
    assert confidence.tolist() == pytest.approx([0.8, 0.6, 0.5])
    found = Predictions(("a", "b", "c"), values, confidence)
    samples = [
        Sample(Path(name), name, camid=camid) for name, camid in zip("abc", (5, 9, -1), strict=True)
    ]
    assert describe_accuracy(found, samples, classes) == (
        "camera accuracy 50.0% on 2 of 3 images, those whose camera is known; 2 cameras were"
        " trained on, and 1 of the images are by others"
    )
    hidden = [Sample(Path(name), name) for name in "abc"]
    assert describe_accuracy(found, hidden, classes) == ""


def test_runs_that_cannot_predict_say_why(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run here"):
        camera.predict.main(tmp_path)
    copy = tmp_path / "camera"
    shutil.copytree(run, copy)
    (copy / "classes.json").write_text('{"label": "camera", "classes": [1], "facts": {}}')
    with pytest.raises(DataError, match=r"best\.pt has 2 classes, but classes\.json 1 camera"):
        camera.predict.main(copy)
    (copy / "best.pt").unlink()
    with pytest.raises(DataError, match=r"best\.pt: no such checkpoint; train the run first"):
        camera.predict.main(copy)


def test_the_pictures_show_their_camera() -> None:
    """The oracle of this file: the road's grey is the camera's."""
    greys = [draw_vehicle(3, camid, 0)[-1].mean() for camid in (0, 1)]
    assert greys == pytest.approx([60, 100], abs=8)
