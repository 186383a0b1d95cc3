"""From the options `input` and `model` to the batches of an epoch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.backgrounds import make_swappable
from tests.pictures import make_samples
from vreid.build import build_loader
from vreid.build_swap import build_swap
from vreid.data.joined import join_training
from vreid.data.loader import Batch
from vreid.data.sample import Sample
from vreid.errors import ConfigError
from vreid.options import Config, DataOptions, InputOptions, ModelOptions, SolverOptions

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


def swapping(root: Path, **options: Any) -> Config:
    data = DataOptions(masks=f"{root}/masks", plates=f"{root}/plates")
    return Config(
        data=data,
        input=InputOptions(size=(32, 40), swap=1.0, **{**OFF, **options}),
        solver=SolverOptions(ims_per_batch=4, num_instance=2),
    )


def test_backgrounds_are_swapped(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    classes = np.array([sample.pid for sample in samples], dtype=np.int64)
    config = swapping(tmp_path, swap_plates="camera", swap_shadow=0.0, swap_color=0.1)
    swap = build_swap(config, samples)
    assert swap is not None and swap.same_camera and (swap.shadow, swap.color) == (0.0, 0.1)
    given, made = (
        list(build_loader(config, samples, classes, epoch=0, swap=one)) for one in (swap, None)
    )
    for one, other in zip(given, made, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, torch.from_numpy(classes)[one.indices])
        corner = one.images[:, :, 0, 0]
        assert (corner == corner[:, :1]).all()  # the road is red, the plates are grey


def test_no_swap_is_built_when_it_is_off(tmp_path: Path) -> None:
    assert build_swap(Config(data=DataOptions(masks="nowhere", plates="nowhere")), []) is None


def test_a_swap_needs_both_folders(tmp_path: Path) -> None:
    config = Config(data=DataOptions(masks="masks"), input=InputOptions(swap=0.5))
    message = "input.swap is 0.5, but data.masks is 'masks' and data.plates ''; name both"
    with pytest.raises(ConfigError, match=message):
        build_swap(config, make_swappable(tmp_path))


def test_each_data_set_brings_its_own_masks(tmp_path: Path) -> None:
    """Two cities have images of one name, and cameras of one number, which joining shifts."""
    cities = [make_swappable(tmp_path / name) for name in "ab"]
    for path in (tmp_path / "b/masks/image_train").glob("*.png"):
        if path.stem > "000004":
            path.unlink()
    joined, _ = join_training(cities[0], {"other": cities[1]})
    config = swapping(tmp_path / "a")
    plain = build_swap(config, joined)
    extra = DataOptions(masks=f"{tmp_path}/b/masks", plates=f"{tmp_path}/b/plates")
    whole = build_swap(replace(config, extra={"other": extra}), joined)
    assert plain is not None and whole is not None
    assert whole.sources.num_missing == 3
    paths = [whole.sources.plates.paths[own] for own in whole.sources.own]
    assert [f"/{'ab'[idx // 8]}/plates/" in path for idx, path in enumerate(paths)] == [True] * 16
    assert len(set(paths)) == 16


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
        ("swap", 1.2, "input.swap is 1.2; a probability"),
        ("swap_shadow", 2.0, "input.swap_shadow is 2.0; a share"),
        ("perspective_scale", 1.5, "input.perspective_scale is 1.5; a share"),
        ("rotation_degrees", 200.0, "input.rotation_degrees is 200.0; 0 to 180"),
        ("erasing_max", 0.01, "input.erasing_max is 0.01; a share"),
    ],
)
def test_wrong_options(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        InputOptions(**{option: value})
