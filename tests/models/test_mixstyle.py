import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.mixstyle import MixStyle, draw_partners, mix_styles


def _slow(maps: Tensor, partners: list[int], weights: list[float]) -> Tensor:
    """Image by image and channel by channel, from the paper."""
    mixed = torch.empty_like(maps)
    for image, (partner, lam) in enumerate(zip(partners, weights, strict=True)):
        for channel in range(maps.shape[1]):
            own, other = maps[image, channel], maps[partner, channel]
            std, std_other = ((x.var() + 1e-6).sqrt() for x in (own, other))
            gamma = lam * std + (1 - lam) * std_other
            beta = lam * own.mean() + (1 - lam) * other.mean()
            mixed[image, channel] = gamma * (own - own.mean()) / std + beta
    return mixed


def test_by_the_formula() -> None:
    maps = torch.randn(4, 3, 5, 6) * torch.rand(4, 3, 1, 1) + torch.randn(4, 3, 1, 1)
    partners, weights = [2, 3, 1, 0], [0.0, 1.0, 0.3, 0.9]
    found = mix_styles(maps, torch.tensor(partners), weights=torch.tensor(weights))
    torch.testing.assert_close(found, _slow(maps, partners, weights))
    torch.testing.assert_close(found[1], maps[1])  # weight 1 keeps the own style


def test_no_gradient_flows_through_the_styles() -> None:
    maps = torch.randn(2, 1, 3, 3, requires_grad=True)
    found = mix_styles(maps, torch.tensor([1, 0]), weights=torch.tensor([0.5, 0.5]))
    found[0].sum().backward()
    assert maps.grad is not None
    # Only the own values count, each by sigma mixed / sigma own; the partner gets nothing.
    std = maps.detach().std(dim=(2, 3)).flatten()
    assert torch.equal(maps.grad[1], torch.zeros(1, 3, 3))
    expected = torch.full((1, 3, 3), float((std[0] + std[1]) / 2 / std[0]))
    torch.testing.assert_close(maps.grad[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    maps = (torch.randn(4, 3, 8, 8) + 100).to(dtype)  # variances that bfloat16 cannot hold
    with torch.autocast("cpu", torch.bfloat16):
        found = mix_styles(maps, torch.tensor([1, 2, 3, 0]), weights=torch.full((4,), 0.2))
    assert found.dtype == dtype and found.isfinite().all()
    expected = mix_styles(maps.float(), torch.tensor([1, 2, 3, 0]), weights=torch.full((4,), 0.2))
    torch.testing.assert_close(found, expected.to(dtype))


@pytest.mark.parametrize("batch", [2, 6, 7])
def test_halves_take_their_partners_from_the_other_half(batch: int) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        partners = draw_partners(batch, halves=True, generator=generator).tolist()
        half = batch // 2
        assert sorted(partners[:half]) == list(range(batch - half, batch))
        assert sorted(partners[batch - half :]) == list(range(half))
        if batch % 2:
            assert partners[half] == half


def test_shuffle_takes_any_image() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_partners(6, halves=False, generator=generator) for _ in range(50)]
    assert all(sorted(partners.tolist()) == list(range(6)) for partners in drawn)
    assert {int(partners[0]) for partners in drawn} == set(range(6))


def _trained_maps(mixstyle: MixStyle | None, *, seed: int) -> Tensor:
    torch.manual_seed(7)
    backbone = build_backbone("resnet18", weights="none", mixstyle=mixstyle)
    images = torch.rand(4, 3, 64, 64)
    torch.manual_seed(seed)
    maps: Tensor = backbone(images)
    return maps


def test_the_seed_decides_everything() -> None:
    mixstyle = MixStyle("halves", prob=1.0)
    first = _trained_maps(mixstyle, seed=1)
    assert torch.equal(first, _trained_maps(mixstyle, seed=1))
    assert not torch.equal(first, _trained_maps(mixstyle, seed=2))
    assert not torch.equal(first, _trained_maps(None, seed=1))
    assert torch.equal(
        _trained_maps(MixStyle("halves", prob=0.0), seed=1), _trained_maps(None, seed=1)
    )


def test_a_saved_state_of_the_generator_goes_on_alike() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("resnet18", weights="none", mixstyle=MixStyle("shuffle"))
    images = torch.rand(4, 3, 64, 64)
    weights = copy.deepcopy(backbone.state_dict())
    state = torch.get_rng_state()
    first = [backbone(images) for _ in range(3)]
    torch.set_rng_state(state)
    backbone.load_state_dict(weights)
    again = [backbone(images) for _ in range(3)]
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not all(torch.equal(*pair) for pair in pairwise(first))


def test_it_sits_behind_the_first_two_stages_and_rests_in_evaluation() -> None:
    plain = build_backbone("resnet18", weights="none")
    mixed = build_backbone("resnet18", weights="none", mixstyle=MixStyle("shuffle", prob=1.0))
    mixed.load_state_dict(plain.state_dict())  # no names of its own
    hooked = [path for path, module in mixed.net.named_modules() if module._forward_hooks]
    assert hooked == ["layer1", "layer2"]
    images = torch.rand(4, 3, 64, 64)
    assert torch.equal(plain.eval()(images), mixed.eval()(images))
    # The copy for a moving average is in evaluation mode while the original trains.
    follower = copy.deepcopy(mixed)
    mixed.train()
    assert torch.equal(follower(images), plain(images))
    assert not torch.equal(mixed(images), mixed(images))


def test_the_two_places_switch_independently() -> None:
    mixstyle = MixStyle("shuffle", prob=0.5)
    stage = torch.nn.Identity()
    maps = torch.randn(4, 2, 3, 3)
    torch.manual_seed(0)
    mixed = [mixstyle(stage, (), maps) is not maps for _ in range(400)]
    assert 160 < sum(mixed) < 240
    both = sum(a and b for a, b in zip(mixed[::2], mixed[1::2], strict=True))
    assert 30 < both < 70


def test_tiny_alphas_give_numbers() -> None:
    mixstyle = MixStyle("shuffle", prob=1.0, alpha=0.01)
    torch.manual_seed(0)
    assert all(
        mixstyle(torch.nn.Identity(), (), torch.randn(64, 2, 3, 3)).isfinite().all()
        for _ in range(50)
    )


@pytest.mark.parametrize("name", ["regnety_002", "efficientnet_b0", "test_convnext"])
def test_other_convolutional_networks(name: str) -> None:
    last_stride = 2 if "convnext" in name else 1
    mixstyle = MixStyle("shuffle", prob=1.0)
    torch.manual_seed(0)
    backbone = build_backbone(
        name, last_stride=last_stride, weights="none", mixstyle=mixstyle
    ).train()
    hooked = [path for path, module in backbone.net.named_modules() if module._forward_hooks]
    assert len(hooked) == 2
    backbone(torch.rand(2, 3, 64, 64)).sum().backward()


@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224", "hrnet_w18_small"])
def test_networks_without_such_stages(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"model\.mixstyle: {name} has no two stages.*none"):
        build_backbone(
            name, last_stride=2, weights="none", image_size=(64, 64), mixstyle=MixStyle()
        )


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"model\.mixstyle is 'domains'; expected halves or shuf"):
        MixStyle("domains")
    with pytest.raises(ConfigError, match=r"probability 1\.5 and alpha 0\.1; expected"):
        MixStyle(prob=1.5)
