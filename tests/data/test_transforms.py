import math

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from vreid.data.augmentation import Augmentation
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


def plain(value: int, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.full((3, *size), value, dtype=torch.uint8)


def build(**options: object) -> Augmentation:
    return build_train_transform(size=SIZE, **{**OFF, **options})  # type: ignore[arg-type]


def white() -> Tensor:
    return plain(255)


def apply(image: Tensor, **options: object) -> Tensor:
    return build(**options)(image, white).image


def test_everything_off_changes_nothing(image: Tensor) -> None:
    assert torch.equal(apply(image), image)


@pytest.mark.parametrize(
    "options",
    [
        {"flip_prob": 1.0},
        {"perspective_prob": 1.0},
        {"pad": 10},
        {"zoom_prob": 1.0},
        {"rotation_prob": 1.0},
        {"patch_prob": 1.0},
        {"color_prob": 1.0, "saturation": 0.2, "hue": 0.1},
        {"augmix_prob": 1.0},
        {"blur_prob": 1.0},
        {"erase_prob": 1.0},
        {"erase_fill": "pixel", "erase_prob": 1.0},
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


def test_the_flip_mirrors_left_to_right_and_says_so(image: Tensor) -> None:
    assert torch.equal(apply(image, flip_prob=1.0), image.flip(2))
    torch.manual_seed(0)
    found = [build(flip_prob=0.5)(image, white) for _ in range(20)]
    assert {one.mirrored for one in found} == {False, True}
    for one in found:
        assert torch.equal(one.image, image.flip(2) if one.mirrored else image)


def test_recipes_without_the_newer_steps_keep_their_random_numbers(image: Tensor) -> None:
    """The steps and strengths of before there were perspective, rotation, patch and fills."""
    aspect = SIZE[1] / SIZE[0]
    zoom = v2.RandomResizedCrop(
        SIZE,
        scale=(0.75, 1.0),
        ratio=(3 / 4 * aspect, 4 / 3 * aspect),
        interpolation=v2.InterpolationMode.BICUBIC,
        antialias=True,
    )
    mix = v2.AugMix(severity=1, mixture_width=3, chain_depth=1, alpha=0.1, all_ops=False)
    mean = [round(255 * value) for value in IMAGENET_MEAN]
    before = v2.Compose(
        [
            v2.RandomApply([v2.RandomHorizontalFlip(p=1)], p=0.5),
            v2.RandomCrop(SIZE, padding=10),
            v2.RandomApply([zoom], p=0.5),
            v2.RandomApply([v2.ColorJitter(0.2, 0.15, 0.0, 0.0)], p=0.25),
            v2.RandomApply([mix], p=0.25),
            v2.RandomApply(
                [v2.RandomErasing(p=1, scale=(0.02, 0.4), ratio=(0.3, 3.33), value=mean)], p=0.5
            ),
        ]
    )
    transform = build_train_transform(size=SIZE, zoom_prob=0.5, blur_prob=0.0)
    for seed in range(40):
        torch.manual_seed(seed)
        expected, next_numbers = before(image), torch.rand(3)
        torch.manual_seed(seed)
        assert torch.equal(transform(image, white).image, expected)
        assert torch.equal(torch.rand(3), next_numbers)


def test_a_perspective_moves_the_corners_inwards_over_black() -> None:
    torch.manual_seed(0)
    bright = plain(200)
    rows, columns = round(0.2 * SIZE[0] / 2), round(0.2 * SIZE[1] / 2)
    seen = [apply(bright, perspective_prob=1.0, perspective_scale=0.2) for _ in range(20)]
    for one in seen:
        assert (one[:, rows + 1 : -rows - 1, columns + 1 : -columns - 1] == 200).all()
    assert min(int(one.min()) for one in seen) == 0
    assert torch.equal(apply(bright, perspective_prob=1.0, perspective_scale=0.0), bright)


def test_a_rotation_keeps_its_range_over_black() -> None:
    torch.manual_seed(0)
    marked = plain(0)
    marked[:, 11:13, 28:] = 255  # 14 pixels to the right of the centre
    rows = torch.arange(SIZE[0]) - (SIZE[0] - 1) / 2
    lifts = []
    for _ in range(40):
        turned = apply(marked, rotation_prob=1.0, rotation_degrees=20.0)[0].float()
        lifts.append(float((turned.sum(dim=1) * rows).sum() / turned.sum()))
    furthest = 14 * math.sin(math.radians(20))
    assert -furthest - 0.5 < min(lifts) < -furthest / 2
    assert furthest / 2 < max(lifts) < furthest + 0.5
    assert {0, 200} <= set(apply(plain(200), rotation_prob=1.0).unique().tolist())


def test_only_a_patch_asks_for_another_image(image: Tensor) -> None:
    torch.manual_seed(0)
    asked = 0

    def donor() -> Tensor:
        nonlocal asked
        asked += 1
        return white()

    transform = build(patch_prob=0.5)
    changed = sum(not torch.equal(transform(image, donor).image, image) for _ in range(100))
    assert asked == changed
    assert 30 < asked < 70
    build_train_transform(size=SIZE)(image, donor)
    assert asked == changed


def test_the_patch_comes_behind_the_crop_and_before_the_colours() -> None:
    torch.manual_seed(0)
    size = {"patch_area": (0.5, 0.5), "patch_ratio": (0.9, 1.1)}
    options = {"patch_prob": 1.0, "color_prob": 1.0, "brightness": 0.5, "pad": 10, **size}
    brightest = [int(apply(plain(0), **options).max()) for _ in range(20)]
    assert min(brightest) > 90  # never cropped away: 16 x 24 pixels are hidden, 10 are moved
    assert any(value < 250 for value in brightest)
    shares = [(apply(plain(0), patch_prob=1.0, pad=10, **size) > 0).float().mean() for _ in [0] * 9]
    assert min(shares) > 0.4


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
        erased = apply(plain(0, (64, 64)), erase_prob=1.0)
        mask = erased[0] > 0
        normalised = (erased[:, mask].float() / 255 - mean) / std
        assert normalised.abs().max() < 0.01
        shares.append(mask.float().mean().item())
    assert 0.015 < min(shares) < 0.1
    assert 0.3 < max(shares) < 0.42


@pytest.mark.parametrize("fill", ["mean", "zero", "pixel"])
def test_every_fill_takes_the_largest_share(fill: str) -> None:
    torch.manual_seed(2)
    image = plain(254, (64, 64))
    shares = []
    for _ in range(30):
        erased = apply(image, erase_prob=1.0, erase_fill=fill, erase_area=(0.02, 0.2))
        shares.append(float((erased != image).any(dim=0).float().mean()))
        if fill == "zero":
            assert set(erased.unique().tolist()) == {0, 254}
    assert 0.015 < min(shares) < 0.08
    assert 0.12 < max(shares) < 0.22


def test_probabilities_are_kept(image: Tensor) -> None:
    torch.manual_seed(3)
    flips = sum(not torch.equal(apply(image, flip_prob=0.3), image) for _ in range(400))
    assert 85 < flips < 155  # 120 expected, 4 standard deviations


def test_the_same_state_of_the_generator_gives_the_same_image(image: Tensor) -> None:
    transform = build_train_transform(
        size=SIZE,
        zoom_prob=0.5,
        perspective_prob=0.5,
        rotation_prob=0.5,
        patch_prob=0.5,
        erase_fill="pixel",
    )
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append([transform(image, white).image for _ in range(10)])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "flip_prob",
        "perspective_prob",
        "zoom_prob",
        "rotation_prob",
        "patch_prob",
        "blur_prob",
        "erase_prob",
    ],
)
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_probability_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"the probability {name} is {value}"):
        build_train_transform(size=SIZE, **{name: value})  # type: ignore[arg-type]
