"""A training with every random part of the models, stopped and resumed, ends bit for bit alike."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from vreid.engine import fit
from vreid.models.embedder import Embedder
from vreid.options import Config, InputOptions, ModelOptions, SolverOptions
from vreid.validate import Validation

MIXED = ModelOptions(
    backbone="test_resnet",
    weights="none",
    mixstyle="halves",
    drop_path=0.3,
    embedding_dim=16,
    embedding="bn_dropout_fc",
    embedding_dropout=0.3,
    neck_dropout=0.5,
)
TOKENS = ModelOptions(
    backbone="test_vit",
    last_stride=2,
    weights="none",
    pooling="token",
    drop_path=0.3,
    token_dropout=0.2,
    attention_dropout=0.2,
)


def _steady(model: Embedder) -> Validation:
    return Validation(0.5, {"map": 0.5}, "a fixed number")


def _stop(model: Embedder) -> Validation:
    os.kill(os.getpid(), signal.SIGTERM)  # arrives before the next epoch's first batch ends
    return _steady(model)


@pytest.mark.parametrize("options", [MIXED, TOKENS], ids=["mixed", "tokens"])
def test_stopped_and_resumed(options: ModelOptions, tmp_path: Path) -> None:
    solver = SolverOptions(
        max_epochs=2, ims_per_batch=8, num_instance=2, precision="fp32", sampler="domains"
    )
    config = Config(
        device="cpu", input=InputOptions(size=(32, 32), pad=2), model=options, solver=solver
    )
    samples = [
        replace(sample, synthetic=sample.pid % 2 == 1)
        for sample in make_samples(tmp_path / "pictures", vehicles=6)
    ]
    labels = np.array([sample.pid for sample in samples], dtype=np.int64)
    fit(config, samples, labels, evaluate=_steady, run_dir=tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        fit(config, samples, labels, evaluate=_stop, run_dir=tmp_path / "stopped")
    fit(config, samples, labels, evaluate=_steady, run_dir=tmp_path / "stopped")
    ours, theirs = (
        torch.load(tmp_path / run / "last.pt", weights_only=True)["model"]
        for run in ("straight", "stopped")
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
