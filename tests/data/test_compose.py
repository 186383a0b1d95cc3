"""A vehicle laid over a plate, against the formula in float64, with and without numba."""

import numpy as np
import pytest

from vreid.data.compose import compose
from vreid.data.images import ImageArray

Four = tuple[ImageArray, ImageArray, ImageArray, ImageArray]
GAINS = (0.6, 1.0, 1.6)


def draw_four(height: int = 61, width: int = 83) -> Four:
    """Vehicle, plate, opacity and light; the opacity mostly at its ends, as masks are."""
    generator = np.random.default_rng(0)
    vehicle, plate = generator.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    front, light = generator.integers(0, 256, (2, height, width), dtype=np.uint8)
    ends = generator.integers(0, 3, (height, width))
    front[ends == 0], front[ends == 1] = 0, 255
    return vehicle, plate, front, light


def run(four: Four, gains: tuple[float, float, float] = GAINS) -> ImageArray:
    vehicle, plate, front, light = four
    return compose(vehicle, plate, front=front, light=light, gains=gains)


def test_the_formula() -> None:
    vehicle, plate, front, light = (one.astype(np.float64) for one in draw_four())
    opacity, light = front[:, :, None] / 255, light[:, :, None] / 255
    exact = np.minimum(np.array(GAINS) * opacity * vehicle + (1 - opacity) * light * plate, 255)
    assert np.abs(run(draw_four()).astype(np.float64) - exact).max() < 0.501


def test_ends_are_exact() -> None:
    vehicle, plate, front, light = draw_four()
    front[:], light[:] = 255, 255
    np.testing.assert_array_equal(run((vehicle, plate, front, light), (1.0, 1.0, 1.0)), vehicle)
    front[:] = 0
    np.testing.assert_array_equal(run((vehicle, plate, front, light)), plate)
    assert not run((vehicle, plate, front, np.zeros_like(light))).any()


@pytest.mark.parametrize("gains", [GAINS, (0.93, 1.234, 1.0), (1.6, 1.6, 1.6)])
def test_without_numba_the_same_bytes(
    gains: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = run(draw_four(), gains)
    monkeypatch.setenv("VREID_COMPILED", "0")
    np.testing.assert_array_equal(run(draw_four(), gains), fast)


def test_views_with_gaps_are_read_as_they_are_seen() -> None:
    vehicle, plate, front, light = draw_four()
    apart = np.ascontiguousarray(vehicle.transpose(2, 0, 1)).transpose(1, 2, 0)
    wide = [np.repeat(one, 2, axis=1)[:, ::2] for one in (plate, front, light)]
    np.testing.assert_array_equal(run((apart, wide[0], wide[1], wide[2])), run(draw_four()))
