"""From ``input.boxes`` to the images of an epoch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.backgrounds import BOX, make_swappable
from vreid.build import build_loader
from vreid.build_boxes import build_boxes
from vreid.data.boxes import Box, boxes_path, write_boxes
from vreid.data.images import read_image, resize_to_tensor
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError
from vreid.options import Config, DataOptions, InputOptions, SolverOptions

OFF = {"flip": 0.0, "pad": 0, "jitter": 0.0, "augmix": 0.0, "blur": 0.0, "erasing": 0.0}
VEHICLE = Box(BOX[1].start, BOX[0].start, BOX[1].stop, BOX[0].stop)


def config_of(root: Path, *, rate: float, **options: Any) -> Config:
    folder = str(root / "crops")
    shown = InputOptions(size=(32, 40), boxes=folder, box_rate=rate, **{**OFF, **options})
    data = DataOptions(masks=str(root / "masks"), plates=str(root / "plates"))
    return Config(data=data, input=shown, solver=SolverOptions(ims_per_batch=4, num_instance=2))


def epoch(config: Config, samples: list[Sample], number: int = 0) -> dict[int, torch.Tensor]:
    """Index of each image -> what is seen of it."""
    classes = np.array([sample.pid for sample in samples], dtype=np.int64)
    batches = list(build_loader(config, samples, classes, epoch=number))
    return {
        int(idx): image
        for batch in batches
        for idx, image in zip(batch.indices, batch.images, strict=True)
    }


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    found = make_swappable(tmp_path)
    boxes = {sample.name: VEHICLE for sample in found}
    write_boxes(boxes_path(tmp_path / "crops", "train"), boxes)
    return found


def test_the_box_alone_is_seen(samples: list[Sample], tmp_path: Path) -> None:
    whole = epoch(config_of(tmp_path, rate=0.0), samples)
    boxed = epoch(config_of(tmp_path, rate=1.0), samples)
    assert whole.keys() == boxed.keys() and len(whole) == len(samples)
    for idx, image in boxed.items():
        picture = read_image(samples[idx].path)
        assert torch.equal(whole[idx], resize_to_tensor(picture, (32, 40)))
        assert torch.equal(image, resize_to_tensor(picture[BOX], (32, 40)))


def test_a_share_is_seen_so_and_the_others_stay_as_they_were(
    samples: list[Sample], tmp_path: Path
) -> None:
    steps = {"jitter": 1.0, "erasing": 1.0}
    whole, boxed, some, again, later = (
        epoch(config_of(tmp_path, rate=rate, **steps), samples, number)
        for rate, number in ((0.0, 0), (1.0, 0), (0.5, 0), (0.5, 0), (0.5, 1))
    )
    kinds = {
        idx: "box" if torch.equal(image, boxed[idx]) else "whole" for idx, image in some.items()
    }
    assert set(kinds.values()) == {"box", "whole"}
    for idx, kind in kinds.items():
        assert torch.equal(some[idx], boxed[idx] if kind == "box" else whole[idx])
        assert torch.equal(some[idx], again[idx])
    assert any(not torch.equal(some[idx], later[idx]) for idx in some)


def test_boxes_are_cut_behind_the_background_swap(samples: list[Sample], tmp_path: Path) -> None:
    steps = {"swap": 1.0, "swap_shadow": 0.0, "swap_color": 0.0, "swap_feather": 0.0}
    for idx, image in epoch(config_of(tmp_path, rate=1.0, **steps), samples).items():
        color = torch.tensor([0, 60 + 20 * idx, 200]).view(3, 1, 1)
        inner = image[:, 3:-3, 3:-3].int()
        assert int((inner - color).abs().max()) < 12  # the vehicle alone fills the view


def test_further_sets_are_seen_whole(samples: list[Sample], tmp_path: Path) -> None:
    more = [replace(sample, name=f"other/{sample.name}") for sample in samples]
    config = replace(config_of(tmp_path, rate=1.0), extra={"other": DataOptions()})
    views = build_boxes(config, [*samples, *more])
    assert views is not None
    assert views.boxes == [VEHICLE] * len(samples) + [None] * len(more)


def test_every_other_image_needs_a_box(samples: list[Sample], tmp_path: Path) -> None:
    more = replace(samples[0], name="image_train/new.png")
    message = r"train.csv: no box of 1 of 9 training images \(first: image_train/new.png\)"
    with pytest.raises(DataError, match=message):
        build_boxes(config_of(tmp_path, rate=0.1), [*samples, more])


def test_nothing_is_read_when_they_are_off() -> None:
    assert build_boxes(Config(input=InputOptions(boxes="nowhere")), []) is None


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"input.box_rate is 1.5; a share in \[0, 1\]"):
        InputOptions(boxes="crops", box_rate=1.5)
    with pytest.raises(ConfigError, match=r"input.boxes is ''; input.box_rate needs the folder"):
        InputOptions(box_rate=0.5)


def test_a_box_beyond_its_image_stops_the_epoch(samples: list[Sample], tmp_path: Path) -> None:
    boxes = {sample.name: Box(0, 0, 41, 32) for sample in samples}
    write_boxes(boxes_path(tmp_path / "crops", "train"), boxes)
    with pytest.raises(DataError, match="goes beyond its 40 x 32 pixels"):
        epoch(config_of(tmp_path, rate=1.0), samples)
