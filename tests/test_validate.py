from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from vreid.build import build_model
from vreid.data.holdout import hold_out_vehicles
from vreid.options import Config, EvaluationOptions, InputOptions, ModelOptions
from vreid.validate import LogitArray, Validation, accuracy, classification, predict, retrieval

CONFIG = Config(
    device="cpu",
    input=InputOptions(size=(32, 32)),
    model=ModelOptions(backbone="test_resnet", weights="none", last_stride=2),
    test=EvaluationOptions(batch_size=8, protocol="market"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


def test_retrieval_scores_the_plain_map_and_names_its_protocol(folder: Path) -> None:
    torch.manual_seed(0)
    samples = make_samples(folder / "a", vehicles=6)
    split = hold_out_vehicles(samples, count=6, seed=0)
    found = retrieval(CONFIG, split)(build_model(CONFIG, 3).eval())
    assert found.score == found.values["map"]
    assert 0 < found.values["map"] <= 1
    assert found.protocol.startswith("validation: market: ")
    aicity = replace(CONFIG, test=replace(CONFIG.test, protocol="aicity"))
    assert "aicity: " in retrieval(aicity, split)(build_model(CONFIG, 3).eval()).protocol


def test_a_classifier_is_measured_on_its_logits_in_order(folder: Path) -> None:
    torch.manual_seed(0)
    samples = tuple(make_samples(folder / "b", vehicles=3, frames=1))
    model = build_model(CONFIG, 4).eval()
    logits = predict(model, samples, config=CONFIG)
    assert logits.shape == (6, 4)
    backwards = predict(model, samples[::-1], config=CONFIG)
    np.testing.assert_allclose(backwards[::-1], logits, atol=0.02)

    def measure(found: LogitArray) -> Validation:
        return Validation(float(found.shape[0]), {}, "counted")

    assert classification(CONFIG, samples, measure)(model).score == 6


def test_side_information_reaches_the_model(folder: Path) -> None:
    torch.manual_seed(0)
    config = replace(
        CONFIG,
        model=ModelOptions(
            backbone="test_vit", weights="none", last_stride=2, pooling="token", side_cameras=2
        ),
    )
    samples = tuple(make_samples(folder / "c", vehicles=4, frames=2))
    model = build_model(config, 4).eval()
    model.learn_cameras(np.array([sample.camid for sample in samples]))
    logits = predict(model, samples, config=config)
    others = tuple(replace(sample, camid=1 - sample.camid) for sample in samples)
    assert np.abs(predict(model, others, config=config) - logits).max() > 1e-3
    split = hold_out_vehicles(samples, count=4, seed=0)
    assert 0 < retrieval(config, split)(model).score <= 1


def test_accuracy() -> None:
    logits = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4]], dtype=np.float32)
    assert accuracy(logits, np.array([1, 0, 0])) == pytest.approx(2 / 3)
