from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as oracle

from vreid.data.boxes import Box
from vreid.data.images import ImageArray
from vreid.data.looks import Look, centre_box, look_at, make_looks, scaled_size
from vreid.errors import ConfigError, DataError

PATH = Path("a.jpg")


@pytest.fixture
def image() -> ImageArray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def resized(part: ImageArray, size: tuple[int, int]) -> torch.Tensor:
    tensor = torch.from_numpy(part.transpose(2, 0, 1).copy())
    found: torch.Tensor = oracle.resize(
        tensor, list(size), interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    return found


@pytest.mark.parametrize("size", [(32, 32), (48, 80), (100, 100), (64, 96)])
def test_each_crop_is_torchvisions(image: ImageArray, size: tuple[int, int]) -> None:
    box = Box(10, 20, 50, 60)
    whole, centre, boxed = (
        look_at(image, Look(crop, size), box=box, path=PATH)
        for crop in ("whole", "centre", "boxes")
    )
    assert torch.equal(whole, resized(image, size))
    middle = oracle.center_crop(torch.from_numpy(image.transpose(2, 0, 1).copy()), [56, 84])
    assert torch.equal(centre, resized(middle.permute(1, 2, 0).numpy(), size))
    assert torch.equal(boxed, resized(image[20:60, 10:50], size))
    assert {tuple(one.shape) for one in (whole, centre, boxed)} == {(3, *size)}


def test_an_image_without_a_box_is_taken_whole(image: ImageArray) -> None:
    look = Look("boxes", (32, 32))
    whole = look_at(image, Look("whole", (32, 32)), box=None, path=PATH)
    assert torch.equal(look_at(image, look, box=None, path=PATH), whole)
    with pytest.raises(DataError, match=r"a\.jpg: its box .* goes beyond its 96 x 64 pixels"):
        look_at(image, look, box=Box(0, 0, 97, 10), path=PATH)


@pytest.mark.parametrize(
    ("size", "scale", "multiple", "expected"),
    [
        ((80, 80), 1.0, 32, (80, 80)),  # the size itself is never rounded
        ((80, 80), 0.875, 16, (64, 64)),
        ((80, 80), 1.125, 16, (96, 96)),
        ((320, 320), 0.875, 16, (288, 288)),  # 17.5 steps
        ((256, 128), 1.25, 16, (320, 160)),
        ((80, 80), 0.875, 1, (70, 70)),
        ((32, 32), 0.01, 16, (16, 16)),
    ],
)
def test_sizes(
    size: tuple[int, int], scale: float, multiple: int, expected: tuple[int, int]
) -> None:
    assert scaled_size(size, scale, multiple=multiple) == expected


def test_every_crop_at_every_scale() -> None:
    looks = make_looks((80, 80), scales=(0.75, 1.0), crops=("whole", "centre"), multiple=4)
    assert [str(look) for look in looks] == [
        "whole 60x60",
        "whole 80x80",
        "centre 60x60",
        "centre 80x80",
    ]
    assert make_looks((80, 60)) == (Look("whole", (80, 60)),)


def test_two_scales_of_one_size_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"test\.scales: 1 and 1\.05 both come to 80 x 80 .* multiples of 16"
    ):
        make_looks((80, 80), scales=(1.0, 1.05), multiple=16)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 9), (80, 81), (300, 17)])
def test_the_centre_lies_inside_and_in_the_middle(size: tuple[int, int]) -> None:
    box = centre_box(*size)
    for low, high, side in ((box.x0, box.x1, size[1]), (box.y0, box.y1, size[0])):
        assert 0 <= low < high <= side
        assert abs((high - low) - 0.875 * side) <= 0.5
        assert abs(low - (side - high)) <= 1
