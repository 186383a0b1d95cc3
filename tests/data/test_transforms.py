import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from vreid.data.transforms import IMAGENET_MEAN, IMAGENET_STD, build_train_transform
from vreid.errors import ConfigError

SIZE = (24, 32)
OFF = {
    "flip_prob": 0.0,
    "pad": 0,
    "color_prob": 0.0,
    "augmix_prob": 0.0,
    "blur_prob": 0.0,
    "erase_prob": 0.0,
}


@pytest.fixture
def image() -> Tensor:
    return torch.randint(
        0, 256, (3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def apply(image: Tensor, **options: object) -> Tensor:
    transform = build_train_transform(size=SIZE, **{**OFF, **options})  # type: ignore[arg-type]
    return transform(image)


def test_everything_off_changes_nothing(image: Tensor) -> None:
    assert torch.equal(apply(image), image)


@pytest.mark.parametrize(
    "options",
    [
        {"flip_prob": 1.0},
        {"pad": 10},
        {"zoom_prob": 1.0},
        {"color_prob": 1.0, "saturation": 0.2, "hue": 0.1},
        {"augmix_prob": 1.0},
        {"blur_prob": 1.0},
        {"erase_prob": 1.0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_each_step_changes_the_image_and_keeps_its_shape_and_type(
    image: Tensor, options: dict[str, object]
) -> None:
    torch.manual_seed(0)
    before = image.clone()
    results = [apply(image, **options) for _ in range(4)]
    assert torch.equal(image, before)
    assert {(result.shape, result.dtype) for result in results} == {(image.shape, torch.uint8)}
    assert any(not torch.equal(result, image) for result in results)


def test_the_flip_mirrors_left_to_right(image: Tensor) -> None:
    assert torch.equal(apply(image, flip_prob=1.0), image.flip(2))


def test_padding_shifts_the_image_over_black(image: Tensor) -> None:
    torch.manual_seed(1)
    image = image.clamp(min=1)
    for _ in range(20):
        shifted = apply(image, pad=3)
        inside = (shifted > 0).all(dim=0)
        rows, columns = inside.any(dim=1), inside.any(dim=0)
        assert rows.sum() >= SIZE[0] - 3
        assert columns.sum() >= SIZE[1] - 3
        assert torch.equal(inside, rows[:, None] & columns[None, :])


def test_the_blur_is_torchvisions(image: Tensor) -> None:
    wanted = v2.GaussianBlur(5, (1.3, 1.3))(image)
    assert (apply(image, blur_prob=1.0).int() - wanted.int()).abs().max() <= 1
    sliced = image[:, 2:-3, 4:-1]  # as a crop leaves it: rows that do not follow each other
    wanted = v2.GaussianBlur(5, (1.3, 1.3))(sliced)
    assert (apply(sliced, blur_prob=1.0).int() - wanted.int()).abs().max() <= 1


def test_erased_areas_are_zero_after_normalisation_and_keep_their_bounds() -> None:
    torch.manual_seed(2)
    mean, std = (torch.tensor(values)[:, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    shares = []
    for _ in range(50):
        erased = apply(torch.zeros(3, 64, 64, dtype=torch.uint8), erase_prob=1.0)
        mask = erased[0] > 0
        normalised = (erased[:, mask].float() / 255 - mean) / std
        assert normalised.abs().max() < 0.01
        shares.append(mask.float().mean().item())
    assert 0.015 < min(shares) < 0.1
    assert 0.3 < max(shares) < 0.42


def test_probabilities_are_kept(image: Tensor) -> None:
    torch.manual_seed(3)
    flips = sum(not torch.equal(apply(image, flip_prob=0.3), image) for _ in range(400))
    assert 85 < flips < 155  # 120 expected, 4 standard deviations


def test_the_same_state_of_the_generator_gives_the_same_image(image: Tensor) -> None:
    transform = build_train_transform(size=SIZE, zoom_prob=0.5)
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append([transform(image) for _ in range(10)])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("name", ["flip_prob", "erase_prob", "blur_prob", "zoom_prob"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_probability_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"the probability {name} is {value}"):
        build_train_transform(size=SIZE, **{name: value})  # type: ignore[arg-type]
