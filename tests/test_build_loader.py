"""From the options `input` and `model` to the batches of an epoch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from vreid.build import build_loader
from vreid.data.loader import Batch
from vreid.data.sample import Sample
from vreid.errors import ConfigError
from vreid.options import Config, InputOptions, ModelOptions, SolverOptions

OFF = {"flip": 0.0, "pad": 0, "jitter": 0.0, "augmix": 0.0, "blur": 0.0, "erasing": 0.0}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("pictures")
    return [
        replace(sample, angle=sample.camid * 180.0 + 5)
        for sample in make_samples(folder, vehicles=4)
    ]


def batches(samples: list[Sample], *, views: int = 0, **options: Any) -> list[Batch]:
    config = Config(
        input=InputOptions(size=(32, 32), **{**OFF, **options}),
        model=ModelOptions(side_views=views),
        solver=SolverOptions(ims_per_batch=8, num_instance=2),
    )
    classes = np.array([sample.pid for sample in samples], dtype=np.int64)
    return list(build_loader(config, samples, classes, epoch=0))


@pytest.mark.parametrize(
    "options",
    [
        {"perspective": 1.0},
        {"rotation": 1.0},
        {"patch": 1.0},
        {"erasing": 1.0},
        {"erasing": 1.0, "erasing_fill": "zero"},
        {"erasing": 1.0, "erasing_fill": "pixel"},
    ],
)
def test_options_switch_the_steps(samples: list[Sample], options: dict[str, Any]) -> None:
    plain, changed = batches(samples), batches(samples, **options)
    assert len(plain) == len(changed) > 0
    for one, other in zip(plain, changed, strict=True):
        assert torch.equal(one.indices, other.indices)
        differs = (one.images != other.images).flatten(1).any(dim=1)
        assert differs.float().mean() > 0.7


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ({"perspective": 1.0}, {"perspective": 1.0, "perspective_scale": 0.9}),
        ({"rotation": 1.0, "rotation_degrees": 2.0}, {"rotation": 1.0, "rotation_degrees": 90.0}),
        ({"erasing": 1.0, "erasing_max": 0.1}, {"erasing": 1.0, "erasing_max": 0.8}),
    ],
)
def test_strengths(samples: list[Sample], weak: dict[str, Any], strong: dict[str, Any]) -> None:
    plain = torch.cat([batch.images for batch in batches(samples)]).float()
    little, much = (
        (torch.cat([batch.images for batch in batches(samples, **options)]) - plain).abs().mean()
        for options in (weak, strong)
    )
    assert much > 1.5 * little > 0


def test_views_arrive(samples: list[Sample]) -> None:
    for batch in batches(samples, views=4):
        assert torch.equal(batch.side[:, 1], 2 * batch.side[:, 0])  # 5 and 185 degrees
    assert {int(view) for batch in batches(samples) for view in batch.side[:, 1]} == {-1}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("perspective", 1.5, "input.perspective is 1.5; a probability"),
        ("rotation", -0.5, "input.rotation is -0.5; a probability"),
        ("patch", 2.0, "input.patch is 2.0; a probability"),
        ("perspective_scale", 1.5, "input.perspective_scale is 1.5; a share"),
        ("rotation_degrees", 200.0, "input.rotation_degrees is 200.0; 0 to 180"),
        ("erasing_max", 0.01, "input.erasing_max is 0.01; a share"),
    ],
)
def test_wrong_options(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        InputOptions(**{option: value})
