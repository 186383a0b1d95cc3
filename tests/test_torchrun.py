"""A training in two processes is the training of one with the same batches."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from tests.processes import run_processes
from vreid.data.sample import Sample, Split
from vreid.engine import fit
from vreid.errors import ConfigError
from vreid.options import Config, InputOptions, LossOptions, ModelOptions, SolverOptions
from vreid.validate import retrieval

CONFIG = Config(
    device="cpu",
    input=InputOptions(size=(32, 32), pad=2),
    model=ModelOptions(backbone="test_resnet", weights="none", last_stride=2),
    # A memory, an adapted weight and centres: all of them must see the whole batch.
    loss=LossOptions(
        id="circle",
        metric="triplet+supcon",
        center_weight=5e-4,
        memory_size=24,
        memory_start=2,
        balance="malw",
        malw_interval=2,
    ),
    solver=SolverOptions(
        base_lr=1e-3,
        optimizer="sgd",  # Adam turns the rounding of a gradient near 0 into a whole step
        max_epochs=2,
        warmup_epochs=0.0,
        ims_per_batch=12,
        num_instance=3,
        clip_norm=1.0,
        average="ema",
        precision="fp32",
        log_period=1,
    ),
)


def train(samples: list[Sample], run_dir: Path, config: Config = CONFIG) -> dict[str, Any]:
    labels = np.array([sample.pid for sample in samples], dtype=np.int64)
    # An odd number of queries: the shares of two processes differ in length.
    split = Split("made", query=tuple(samples[:9]), gallery=tuple(samples[9:]))
    fit(config, samples, labels, evaluate=retrieval(config, split), run_dir=run_dir)
    return {"weights": torch.load(run_dir / "last.pt", weights_only=True)["model"]}


def read_lines(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    samples = make_samples(tmp_path / "pictures", vehicles=6)
    alone = train(samples, tmp_path / "one")["weights"]
    run_processes(partial(train, samples, tmp_path / "two"), tmp_path)
    ours, theirs = read_lines(tmp_path / "two"), read_lines(tmp_path / "one")
    assert len(ours) == len(theirs) == 2 * (4 + 1)  # one log: each step and validation once
    for left, right in zip(ours, theirs, strict=True):
        assert left.pop("protocol", "") == right.pop("protocol", "")
        assert left.pop("kind") == right.pop("kind")
        assert left == pytest.approx(right, rel=2e-4, abs=1e-5), left
    assert len({line["id_weight"] for line in theirs if "id_weight" in line}) > 1
    together = torch.load(tmp_path / "two" / "last.pt", weights_only=True)["model"]
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-3, atol=1e-5)
    log = (tmp_path / "two" / "log.txt").read_text()
    assert log.count("epoch 1/2 step 1/4") == 1
    assert "2 processes" in log


def test_batches_that_cannot_be_shared_equally_are_refused(tmp_path: Path) -> None:
    samples = make_samples(tmp_path / "pictures", vehicles=6)
    odd = replace(CONFIG, solver=replace(CONFIG.solver, ims_per_batch=9))
    run_processes(partial(refused, samples, tmp_path / "run", odd), tmp_path)


def refused(samples: list[Sample], run_dir: Path, config: Config) -> dict[str, Any]:
    with pytest.raises(ConfigError, match=r"2 processes cannot share batches of 9 images"):
        train(samples, run_dir, config)
    return {}
