"""What the trainer does beside plain steps: freezing, averages, accumulation, other starts."""

import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from tests.tiny import CONFIG
from vreid.build import build_model
from vreid.build_losses import build_loss
from vreid.checkpoint import load_model, load_start, save_model
from vreid.data.sample import Sample
from vreid.engine import fit
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.learner import compiled
from vreid.models.embedder import Embedder
from vreid.options import Config, LossOptions, ModelOptions
from vreid.precision import Precision
from vreid.runs import seed_torch
from vreid.step import TrainStep
from vreid.validate import Validation

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return make_samples(tmp_path_factory.mktemp("pictures"), vehicles=6)


def labels_of(samples: list[Sample]) -> IntArray:
    return np.array([sample.pid for sample in samples], dtype=np.int64)


def with_solver(**values: Any) -> Config:
    return replace(CONFIG, solver=replace(CONFIG.solver, **values))


def train(
    config: Config, samples: list[Sample], run_dir: Path, *, more: bool = False
) -> list[dict[str, torch.Tensor]]:
    """Train, and return the state of the model that each validation was given."""
    seen = []

    def note(model: Embedder) -> Validation:
        seen.append({key: value.clone() for key, value in model.state_dict().items()})
        return Validation(float(len(seen)), {"map": 0.5}, "made up")

    fit(config, samples, labels_of(samples), evaluate=note, run_dir=run_dir, more=more)
    return seen


def state_of(path: Path, part: str = "model") -> dict[str, torch.Tensor]:
    return dict(torch.load(path, weights_only=True)[part])


def read_lines(run_dir: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def same(left: Mapping[str, torch.Tensor], right: Mapping[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_a_frozen_backbone_stays_as_it_is_with_its_statistics(
    samples: list[Sample], tmp_path: Path
) -> None:
    config = with_solver(freeze_epochs=2)
    seed_torch(0)
    start = build_model(config, 6).state_dict()
    states = train(config, samples, tmp_path)
    backbone = [key for key in start if key.startswith("backbone.")]
    assert any("running_mean" in key for key in backbone)
    for key in backbone:
        assert torch.equal(states[0][key], start[key]), key
        assert torch.equal(states[1][key], start[key]), key
    changed = [key for key in backbone if not torch.equal(states[2][key], start[key])]
    assert {key.rsplit(".", 1)[1] for key in changed} >= {"weight", "running_mean"}
    assert not torch.equal(states[0]["classifier.weight"], start["classifier.weight"])


def test_swa_validates_and_keeps_the_mean_of_the_epochs(
    samples: list[Sample], tmp_path: Path
) -> None:
    plain = train(CONFIG, samples, tmp_path / "plain")
    averaged = train(with_solver(average="swa", swa_start=1), samples, tmp_path / "swa")
    assert same(averaged[0], plain[0])  # nothing is averaged yet
    assert same(averaged[1], plain[1])  # a mean of one
    key = "classifier.weight"
    torch.testing.assert_close(averaged[2][key], (plain[1][key] + plain[2][key]) / 2)
    last, best = tmp_path / "swa" / "last.pt", tmp_path / "swa" / "best.pt"
    assert same(state_of(last), plain[2])  # the training itself is not changed by it
    assert same(state_of(best), averaged[2])
    model = build_model(CONFIG, 6)
    load_model(last, model)  # last.pt gives the average too
    assert same(model.state_dict(), averaged[2])


def test_ema_is_resumed_bit_for_bit(samples: list[Sample], tmp_path: Path) -> None:
    config = with_solver(average="ema", ema_decay=0.9)
    straight = train(config, samples, tmp_path / "straight")

    def stop(model: Embedder) -> Validation:
        os.kill(os.getpid(), signal.SIGTERM)
        return Validation(0.0, {"map": 0.5}, "made up")

    with pytest.raises(KeyboardInterrupt):
        fit(config, samples, labels_of(samples), evaluate=stop, run_dir=tmp_path / "stopped")
    stopped = train(config, samples, tmp_path / "stopped")
    assert same(stopped[-1], straight[-1])
    for part in ("model", "average"):
        left, right = (
            state_of(tmp_path / run / "last.pt", part) for run in ("stopped", "straight")
        )
        assert same(left, right), part


def test_gradients_gathered_over_two_batches_are_their_mean(samples: list[Sample]) -> None:
    torch.manual_seed(0)
    model = build_model(CONFIG, 4).eval()  # statistics of a batch would differ from the halves'
    model.train(False)
    loss = build_loss(LossOptions(metric="none"), 4, dim=model.dim)
    images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(16) % 4

    def step(**options: Any) -> TrainStep:
        return TrainStep(
            model,
            loss,
            [torch.optim.SGD(model.parameters(), lr=0.0)],
            precision=Precision("fp32", CPU),
            scaler=torch.amp.GradScaler("cpu", enabled=False),
            **options,
        )

    def gradients() -> list[torch.Tensor]:
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    for module in model.modules():  # logits are made in training mode only
        module.training = module is model
    once = step()
    once(images, labels)
    whole = gradients()
    twice = step()
    twice(images[:8], labels[:8], share=0.5, update=False)
    twice(images[8:], labels[8:], share=0.5)
    for left, right in zip(whole, gradients(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    twice(images, labels)  # and after an update they start anew
    for left, right in zip(whole, gradients(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)


def test_the_optimizer_steps_once_in_so_many_batches(samples: list[Sample], tmp_path: Path) -> None:
    train(with_solver(accumulate=2), samples, tmp_path)  # 3 batches an epoch: 2, then 1
    moments = torch.load(tmp_path / "last.pt", weights_only=True)["optimizer"]["state"]
    assert {int(state["step"]) for state in moments.values()} == {6}


def test_accumulating_stops_only_between_two_steps_and_goes_on_the_same(
    samples: list[Sample], tmp_path: Path
) -> None:
    config = with_solver(accumulate=2)
    straight = train(config, samples, tmp_path / "straight")

    def stop(model: Embedder) -> Validation:
        os.kill(os.getpid(), signal.SIGTERM)
        return Validation(0.0, {"map": 0.5}, "made up")

    with pytest.raises(KeyboardInterrupt):
        fit(config, samples, labels_of(samples), evaluate=stop, run_dir=tmp_path / "stopped")
    place = torch.load(tmp_path / "stopped" / "last.pt", weights_only=True)["progress"]
    assert (place["epoch"], place["batch"]) == (1, 2)
    assert same(train(config, samples, tmp_path / "stopped")[-1], straight[-1])


def test_going_on_for_more_epochs_is_one_longer_training(
    samples: list[Sample], tmp_path: Path
) -> None:
    """With a constant rate, also when it is done twice."""
    long = with_solver(schedule="constant", max_epochs=4)
    states = train(long, samples, tmp_path / "long")
    first = with_solver(schedule="constant", max_epochs=2)
    train(first, samples, tmp_path / "parts")
    with pytest.raises(ConfigError, match=r"max_epochs: 2 -> 4.*--more trains it for more epochs"):
        train(long, samples, tmp_path / "parts")
    train(with_solver(schedule="constant", max_epochs=3), samples, tmp_path / "parts", more=True)
    again = train(long, samples, tmp_path / "parts", more=True)
    assert same(again[-1], states[-1])
    assert read_lines(tmp_path / "parts") == read_lines(tmp_path / "long")
    assert json.loads((tmp_path / "parts" / "finished.json").read_text())["epochs"] == 4


def test_further_weights_are_kept_where_they_are_asked_for(
    samples: list[Sample], tmp_path: Path
) -> None:
    seen: list[torch.Tensor] = []
    values = iter([(0.2, 0.9), (0.5, 0.3), (0.4, 0.9)])

    def varying(model: Embedder) -> Validation:
        seen.append(model.state_dict()["classifier.weight"].clone())
        score, rank1 = next(values)
        return Validation(score, {"map": score, "rank1": rank1}, "made up")

    config = with_solver(best_of=("rank1",), keep_period=2)
    fit(config, samples, labels_of(samples), evaluate=varying, run_dir=tmp_path)
    kept = {
        path.stem: state_of(path)["classifier.weight"]
        for path in tmp_path.glob("*.pt")
        if path.stem != "last"
    }
    assert kept.keys() == {"best", "best_rank1", "epoch_2"}
    assert torch.equal(kept["best"], seen[1])
    assert torch.equal(kept["best_rank1"], seen[0])  # the third is as good, not better
    assert torch.equal(kept["epoch_2"], seen[1])
    progress = torch.load(tmp_path / "last.pt", weights_only=True)["progress"]
    assert progress["best_values"] == {"rank1": 0.9}


def test_a_number_that_the_validation_does_not_give_is_refused(
    samples: list[Sample], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"best_of names 'rank5'.*it gives map"):
        train(with_solver(best_of=("rank5",)), samples, tmp_path)
    with pytest.raises(ConfigError, match=r"solver\.best_of is \('mAP',\); some of map, rank1"):
        with_solver(best_of=("mAP",))


def test_more_changes_nothing_else(samples: list[Sample], tmp_path: Path) -> None:
    train(CONFIG, samples, tmp_path)
    with pytest.raises(ConfigError, match=r"base_lr: 0\.003 -> 0\.001"):
        train(with_solver(max_epochs=4, base_lr=1e-3), samples, tmp_path, more=True)
    with pytest.raises(ConfigError, match=r"max_epochs: 3 -> 2"):
        train(with_solver(max_epochs=2), samples, tmp_path, more=True)
    assert train(CONFIG, samples, tmp_path, more=True) == []  # as many epochs: it is finished


def test_fine_tuning_starts_from_the_weights_of_a_run_of_other_classes(
    samples: list[Sample], tmp_path: Path
) -> None:
    train(CONFIG, samples, tmp_path / "first")
    trained = state_of(tmp_path / "first" / "best.pt")
    few = [sample for sample in samples if sample.pid < 5]
    # So small a rate that the weights stay where they are, to seven digits.
    config = with_solver(
        start=str(tmp_path / "first"), base_lr=1e-9, max_epochs=1, warmup_epochs=0.0
    )
    tuned = train(config, few, tmp_path / "second")[-1]
    assert tuned["classifier.weight"].shape[0] == 5
    learned = [key for key in trained if "running" not in key and "batches" not in key]
    for key in learned:
        if not key.startswith("classifier."):
            torch.testing.assert_close(tuned[key], trained[key], rtol=1e-5, atol=1e-6)
    assert "with a new classifier" in (tmp_path / "second" / "log.txt").read_text()


def test_a_start_of_the_same_classes_keeps_its_classifier(tmp_path: Path) -> None:
    old, new = build_model(CONFIG, 6), build_model(CONFIG, 6)
    assert load_start(save_model(tmp_path / "best.pt", old, facts={}), new)
    assert same(new.state_dict(), old.state_dict())


def test_a_start_of_another_network_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "best.pt", build_model(CONFIG, 6), facts={})
    other = replace(CONFIG, model=replace(CONFIG.model, embedding_dim=8))
    with pytest.raises(DataError, match=r"best\.pt: the checkpoint belongs to another architect"):
        load_start(tmp_path, build_model(other, 6))
    with pytest.raises(DataError, match=r"nowhere: no such checkpoint"):
        load_start(tmp_path / "nowhere", build_model(CONFIG, 6))


def test_side_information_is_fed_and_kept(samples: list[Sample], tmp_path: Path) -> None:
    model = ModelOptions(
        backbone="test_vit", weights="none", last_stride=2, side_cameras=2, pooling="token"
    )
    config = replace(CONFIG, model=model, input=replace(CONFIG.input, size=(160, 160)))
    config = replace(config, solver=replace(config.solver, max_epochs=1, warmup_epochs=0.0))
    train(config, samples[:24], tmp_path)
    tables = [key for key in state_of(tmp_path / "best.pt") if key.endswith("camera_ids")]
    assert [state_of(tmp_path / "best.pt")[key].tolist() for key in tables] == [[0, 1]]


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match=r"solver\.compile is true.*found neither g\+\+ nor"):
        compiled(build_model(CONFIG, 2), CPU)


@pytest.mark.slow
def test_a_compiled_training_has_the_losses_of_a_plain_one(
    samples: list[Sample], tmp_path: Path
) -> None:
    if not any(shutil.which(name) for name in ("g++", "clang++")):
        pytest.skip("this machine has no C++ compiler")
    for run, compile_it in (("compiled", True), ("plain", False)):
        config = with_solver(compile=compile_it, max_epochs=1, warmup_epochs=0.0)
        train(config, samples, tmp_path / run)
    ours, theirs = (
        [line["total"] for line in read_lines(tmp_path / run) if "total" in line]
        for run in ("compiled", "plain")
    )
    assert ours == pytest.approx(theirs, rel=1e-3)
    assert state_of(tmp_path / "compiled" / "best.pt").keys() == (
        state_of(tmp_path / "plain" / "best.pt").keys()
    )
