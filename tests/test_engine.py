import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from tests.tiny import CONFIG
from vreid.data.sample import Sample
from vreid.engine import fit
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.finite import TrainingError
from vreid.models.embedder import Embedder
from vreid.models.heads import BNNeck
from vreid.options import LossOptions
from vreid.validate import Validation


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return make_samples(tmp_path_factory.mktemp("pictures"), vehicles=6)


def labels_of(samples: list[Sample]) -> IntArray:
    return np.array([7 * sample.pid + 3 for sample in samples], dtype=np.int64)


def steady(model: Embedder) -> Validation:
    return Validation(0.5, {"map": 0.5}, "a fixed number")


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(path, weights_only=True)["model"])


def assert_same_weights(left: Path, right: Path) -> None:
    ours, theirs = weights_of(left), weights_of(right)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def read_lines(run_dir: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def straight(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    run_dir = tmp_path_factory.mktemp("runs") / "straight"
    fit(CONFIG, samples, labels_of(samples), evaluate=steady, run_dir=run_dir)
    return run_dir


def test_the_loss_falls(straight: Path) -> None:
    totals = [line["total"] for line in read_lines(straight) if "total" in line]
    assert np.mean(totals[-3:]) < 0.8 * np.mean(totals[:3])


def test_a_run_leaves_its_files(straight: Path) -> None:
    names = {path.name for path in straight.iterdir()}
    assert {"config.yml", "log.txt", "metrics.jsonl", "last.pt", "best.pt"} <= names
    assert list((straight / "tensorboard").iterdir())


def test_one_line_a_step_with_named_losses(straight: Path) -> None:
    lines = [line for line in read_lines(straight) if "total" in line]
    assert [line["step"] for line in lines] == list(range(1, 10))
    for line in lines:
        assert line["total"] == pytest.approx(line["id"] + line["triplet"], rel=1e-5)


def test_stopped_inside_an_epoch_and_resumed_it_ends_bit_for_bit_the_same(
    samples: list[Sample], straight: Path, tmp_path: Path
) -> None:
    def stop_after_first_epoch(model: Embedder) -> Validation:
        os.kill(os.getpid(), signal.SIGTERM)  # arrives before the next epoch's first batch ends
        return steady(model)

    arguments = (CONFIG, samples, labels_of(samples))
    with pytest.raises(KeyboardInterrupt):
        fit(*arguments, evaluate=stop_after_first_epoch, run_dir=tmp_path)
    progress = torch.load(tmp_path / "last.pt", weights_only=True)["progress"]
    assert (progress["epoch"], progress["batch"]) == (1, 1)
    fit(*arguments, evaluate=steady, run_dir=tmp_path)
    assert_same_weights(tmp_path / "last.pt", straight / "last.pt")
    assert read_lines(tmp_path) == read_lines(straight)


def test_losses_with_a_state_are_resumed_bit_for_bit_too(
    samples: list[Sample], tmp_path: Path
) -> None:
    def stop(model: Embedder) -> Validation:
        os.kill(os.getpid(), signal.SIGTERM)
        return steady(model)

    loss = LossOptions(
        id="circle",
        metric="triplet+supcon",
        center_weight=5e-4,
        memory_size=40,
        memory_start=2,
        balance="malw",
        malw_interval=3,
    )
    arguments = (replace(CONFIG, loss=loss), samples, labels_of(samples))
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    fit(*arguments, evaluate=steady, run_dir=straight)
    with pytest.raises(KeyboardInterrupt):
        fit(*arguments, evaluate=stop, run_dir=stopped)
    fit(*arguments, evaluate=steady, run_dir=stopped)
    assert_same_weights(stopped / "last.pt", straight / "last.pt")
    assert read_lines(stopped) == read_lines(straight)
    ours, theirs = (
        torch.load(run / "last.pt", weights_only=True)["loss"] for run in (stopped, straight)
    )
    assert {"center.centers", "memory.feats", "malw.weight"} <= ours.keys() == theirs.keys()
    for key, value in ours.items():
        is_tensor = isinstance(value, torch.Tensor)
        assert torch.equal(value, theirs[key]) if is_tensor else value == theirs[key], key
    weights = [line["id_weight"] for line in read_lines(straight) if "id_weight" in line]
    assert weights[0] == 1 and weights[-1] < 1


def test_killed_between_checkpoints_it_repeats_the_lost_part(
    samples: list[Sample], straight: Path, tmp_path: Path
) -> None:
    calls = 0

    def die_at_second_call(model: Embedder) -> Validation:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SystemExit
        return steady(model)

    arguments = (CONFIG, samples, labels_of(samples))
    with pytest.raises(SystemExit):
        fit(*arguments, evaluate=die_at_second_call, run_dir=tmp_path)
    fit(*arguments, evaluate=steady, run_dir=tmp_path)
    assert_same_weights(tmp_path / "last.pt", straight / "last.pt")
    assert read_lines(tmp_path) == read_lines(straight)


def test_a_finished_run_returns_at_once(samples: list[Sample], straight: Path) -> None:
    before = (straight / "last.pt").stat().st_mtime_ns
    fit(CONFIG, samples, labels_of(samples), evaluate=steady, run_dir=straight)
    assert (straight / "last.pt").stat().st_mtime_ns == before


def test_best_keeps_the_weights_of_the_best_score(samples: list[Sample], tmp_path: Path) -> None:
    scores = iter([0.2, 0.9, 0.4])
    seen: list[torch.Tensor] = []

    def varying(model: Embedder) -> Validation:
        assert isinstance(model.neck, BNNeck)
        assert model.neck.running_mean is not None
        seen.append(model.neck.running_mean.clone())
        return Validation(next(scores), {}, "made up")

    fit(CONFIG, samples, labels_of(samples), evaluate=varying, run_dir=tmp_path)
    best = weights_of(tmp_path / "best.pt")["neck.running_mean"]
    assert torch.equal(best, seen[1])
    assert json.loads((tmp_path / "finished.json").read_text())["best_epoch"] == 2


def test_without_validation_the_last_is_the_best(samples: list[Sample], tmp_path: Path) -> None:
    fit(CONFIG, samples, labels_of(samples), evaluate=None, run_dir=tmp_path)
    assert_same_weights(tmp_path / "best.pt", tmp_path / "last.pt")


def test_validation_does_not_change_the_training(
    samples: list[Sample], straight: Path, tmp_path: Path
) -> None:
    def thirsty(model: Embedder) -> Validation:
        torch.rand(1000)
        return steady(model)

    fit(CONFIG, samples, labels_of(samples), evaluate=thirsty, run_dir=tmp_path)
    assert_same_weights(tmp_path / "last.pt", straight / "last.pt")


def test_a_loss_that_is_not_finite_stops_the_training(
    samples: list[Sample], tmp_path: Path
) -> None:
    one_epoch = replace(CONFIG, solver=replace(CONFIG.solver, warmup_epochs=0.0))

    def poison(model: Embedder) -> Validation:
        assert isinstance(model.neck, BNNeck)
        with torch.no_grad():
            model.neck.weight.fill_(float("nan"))
        return steady(model)

    def good(model: Embedder) -> Validation:
        return steady(model)

    calls = iter([good, poison, good])
    with pytest.raises(TrainingError, match=r"not finite in epoch 3, step 7 .*nan.* is kept"):
        fit(
            one_epoch,
            samples,
            labels_of(samples),
            evaluate=lambda model: next(calls)(model),
            run_dir=tmp_path,
        )
    assert not (tmp_path / "finished.json").exists()


def test_a_run_of_other_options_is_refused(samples: list[Sample], straight: Path) -> None:
    other = replace(CONFIG, solver=replace(CONFIG.solver, base_lr=1e-3))
    with pytest.raises(ConfigError, match=r"solver\.base_lr: 0\.003 -> 0\.001"):
        fit(other, samples, labels_of(samples), evaluate=steady, run_dir=straight)


def test_a_checkpoint_of_another_architecture_is_refused(
    samples: list[Sample], straight: Path, tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes((straight / "last.pt").read_bytes())
    other = replace(CONFIG, model=replace(CONFIG.model, backbone="test_resnet", embedding_dim=8))
    with pytest.raises(DataError, match=r"last\.pt: the checkpoint belongs to another architect"):
        fit(other, samples, labels_of(samples), evaluate=steady, run_dir=tmp_path)


def test_a_damaged_checkpoint_is_refused(
    samples: list[Sample], straight: Path, tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes((straight / "last.pt").read_bytes()[:5000])
    with pytest.raises(DataError, match=r"last\.pt: the checkpoint cannot be read"):
        fit(CONFIG, samples, labels_of(samples), evaluate=steady, run_dir=tmp_path)
