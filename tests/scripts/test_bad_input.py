"""What a user gets wrong: exit code 2, one sentence with the value found, no traceback."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import scripts.evaluate
import scripts.extract
import scripts.test
import scripts.train
from tests.pictures import make_samples
from vreid.data.images import read_image
from vreid.errors import run_command
from vreid.protocol import MARKET

RECIPE = """
name: own
output: {folder}/runs
device: cpu
data: {{dataset: csv, root: {folder}/crops, test_fraction: 0.4}}
input: {{size: [32, 32], pad: 2}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
solver: {{max_epochs: 1, warmup_epochs: 0, ims_per_batch: 8, num_instance: 2, precision: fp32}}
test: {{protocol: market, checkpoint: last}}
rerank: {{enabled: false}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    samples = make_samples(tmp_path / "crops", vehicles=6, frames=2)
    lines = [f"{sample.name},{sample.pid},{sample.camid}" for sample in samples]
    table = tmp_path / "crops" / "samples.csv"
    table.write_text("\n".join(["path,vehicle_id,camera_id", *lines]) + "\n")
    path = tmp_path / "own.yml"
    path.write_text(RECIPE.format(folder=tmp_path))
    return path


def remove_folder(crops: Path) -> None:
    for path in crops.iterdir():
        path.unlink()
    crops.rmdir()


def empty_folder(crops: Path) -> None:
    for path in crops.glob("*.png"):
        path.unlink()


def cut_off_images(crops: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for path in list(crops.glob("*.png")):
        data = cv2.imencode(".jpg", noise)[1].tobytes()
        path.write_bytes(data[: len(data) // 2])


def forget_an_image(crops: Path) -> None:
    next(iter(sorted(crops.glob("*.png")))).unlink()


def break_the_header(crops: Path) -> None:
    table = crops / "samples.csv"
    table.write_text(table.read_text().replace("vehicle_id", "car"))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (remove_folder, "samples.csv"),
        (empty_folder, "24 of 24 images are not in"),
        (cut_off_images, "cut off"),
        (forget_an_image, "1 of 24 images are not in"),
        (break_the_header, "vehicle_id"),
    ],
)
def test_bad_data(
    recipe: Path,
    damage: Callable[[Path], None],
    found: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(recipe.parent / "crops")
    assert run_command(lambda: scripts.train.main(recipe)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert found in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        (["solver.base_rl", "1"], "did you mean solver.base_lr?"),
        (["solver.base_lr", "fast"], "'fast' of type str; expected float"),
        (["model.backbone", "resnet5"], "resnet5"),
        (["model.weights", "no/such/file.pt"], "no/such/file.pt"),
        (["data.root", "no/such/folder"], "no/such/folder"),
        (["data.query_camera", "9"], "query camera '9' is not in"),
        (["device", "gpu9"], "'gpu9'; auto, cpu or cuda is needed"),
        (["solver.precision", "fp16"], "fp16 needs a CUDA device"),
        (["solver.warmup_epochs", "5"], "shorten the warm-up"),
    ],
)
def test_bad_options(
    recipe: Path, pairs: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(lambda: scripts.train.main(recipe, pairs)) == 2
    assert found in capsys.readouterr().err


def test_a_loss_that_is_not_finite(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = ["solver.optimizer", "sgd", "solver.base_lr", "1e30", "solver.max_epochs", "3"]
    assert run_command(lambda: scripts.train.main(recipe, pairs)) == 2
    assert "the loss is not finite in epoch" in capsys.readouterr().err


def test_test_before_train_says_how_to_train(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(lambda: scripts.test.main(recipe)) == 2
    assert f"train first: ./scripts/train.sh {recipe}" in capsys.readouterr().err


def test_a_run_of_another_architecture(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [run] = scripts.train.main(recipe)
    assert run_command(lambda: scripts.train.main(recipe, ["model.embedding_dim", "16"])) == 2
    assert "model.embedding_dim: 0 -> 16" in capsys.readouterr().err
    pairs = ["model.embedding_dim", "16"]
    assert run_command(lambda: scripts.extract.main([run], overrides=pairs)) == 2
    assert "last.pt: the checkpoint belongs to another architecture" in capsys.readouterr().err


def test_features_are_made_again_when_images_change(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [run] = scripts.train.main(recipe)
    [folder] = scripts.extract.main([run])
    scripts.extract.main([run])
    assert capsys.readouterr().out.count("up to date") == 2
    before = (folder / "query.npz").read_bytes()
    for path in (recipe.parent / "crops").glob("*_0_0.png"):
        cv2.imwrite(str(path), 255 - read_image(path)[:, :, ::-1])
    scripts.extract.main([run])
    assert (folder / "query.npz").read_bytes() != before


def test_evaluating_what_has_no_identities(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nothing.npy"
    assert run_command(lambda: scripts.evaluate.main([missing], protocol=MARKET)) == 2
    assert "nothing.json: no such file" in capsys.readouterr().err
