import pytest
import torch

from vreid.errors import ConfigError
from vreid.models.pooling import AveragePool, GeM, build_pooling


@pytest.mark.parametrize("p", [1.0, 3.0, 6.5])
def test_gem_by_its_formula(p: float) -> None:
    maps = torch.randn(2, 3, 4, 5, dtype=torch.float32)
    pooled = GeM(p)(maps)
    assert pooled.shape == (2, 3)
    for image in range(2):
        for channel in range(3):
            pixels = [max(x, 1e-6) ** p for x in maps[image, channel].flatten().tolist()]
            expected = (sum(pixels) / len(pixels)) ** (1 / p)
            assert pooled[image, channel].item() == pytest.approx(expected, rel=1e-4)


def test_gem_between_average_and_maximum() -> None:
    maps = torch.rand(2, 3, 4, 4) + 0.1
    average, maximum = maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))
    torch.testing.assert_close(GeM(1.0)(maps), average)
    torch.testing.assert_close(GeM(80.0)(maps), maximum, rtol=0.1, atol=0)
    assert (GeM(3.0)(maps) > average).all() and (GeM(3.0)(maps) < maximum).all()


def test_dead_maps_have_a_finite_gradient() -> None:
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    GeM()(maps).sum().backward()
    assert maps.grad is not None and maps.grad.isfinite().all()


@pytest.mark.parametrize("name", ["gem", "avg"])
def test_float32_inside_autocast(name: str) -> None:
    maps = torch.rand(2, 8, 4, 4).bfloat16()
    pooling = build_pooling(name)
    with torch.autocast("cpu", torch.bfloat16):
        pooled = pooling(maps)
    assert pooled.dtype == torch.float32
    assert torch.equal(pooled, pooling(maps.float()))


def test_learnable_exponent_by_finite_differences() -> None:
    maps = torch.rand(2, 3, 4, 4)
    gem = GeM(3.0, learnable=True)
    gem(maps).sum().backward()
    slope = (GeM(3.01)(maps).sum() - GeM(2.99)(maps).sum()) / 0.02
    exponent = gem.get_parameter("p")
    assert exponent.grad is not None
    assert exponent.grad.item() == pytest.approx(slope.item(), rel=1e-2)
    assert list(GeM(3.0).parameters()) == []


def test_average() -> None:
    maps = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(AveragePool()(maps), maps.flatten(2).mean(dim=2))


def test_bad_choices() -> None:
    with pytest.raises(ConfigError, match=r"model\.pooling is 'max'; expected one of gem, avg"):
        build_pooling("max")
    with pytest.raises(ConfigError, match=r"model\.gem_p is 0"):
        GeM(0)


def test_gem_plus_average() -> None:
    maps = torch.rand(2, 3, 4, 5)
    pooling = build_pooling("gem_avg", p=2.0, learnable=True)
    torch.testing.assert_close(pooling(maps), GeM(2.0)(maps) + maps.mean(dim=(2, 3)))
    assert [name for name, _ in pooling.named_parameters()] == ["gem.p"]
