"""What lies between scene and sensor: glare of lamps, a moving vehicle's smear, falling rain.

All of it works on linear light before the exposure.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def glare(radiance: Picture, white: float, *, strength: float = 1.0) -> Picture:
    """Spread a part of what is brighter than white over its surroundings, as a lens does.

    Args:
        radiance: (H, W, 3) linear RGB.
        white: radiance of a white surface.
        strength: factor of the spread light.
    """
    excess = np.clip(radiance - 1.2 * white, 0, 8 * white).astype(np.float32)
    size = max(radiance.shape[:2])
    halo = np.zeros_like(excess)
    for share, spread in ((0.35, 0.02), (0.14, 0.06), (0.04, 0.15)):
        blurred = cv2.GaussianBlur(excess, (0, 0), max(spread * size, 0.6))
        halo += np.float32(share * strength) * np.asarray(blurred, dtype=np.float32)
    return np.asarray(radiance + halo, dtype=np.float32)


def moving(radiance: Picture, mask: NDArray[np.uint8], motion: NDArray[np.float64]) -> Picture:
    """Smear the vehicle along its way while what stands still keeps its edges.

    Args:
        radiance: (H, W, 3) linear RGB.
        mask: (H, W) 255 where the vehicle is seen.
        motion: (2,) its way across the picture in pixels while the shutter is open.
    """
    length = float(np.hypot(*motion))
    if length < 0.5:
        return radiance
    cover = (mask > 0).astype(np.float32)[..., None]
    # The background goes on under the vehicle's edge as the nearest light that is not its own.
    spread = 0.5 * length + 1.0
    around = _soft(radiance * (1 - cover), spread) / np.maximum(
        _soft(1 - cover, spread), np.float32(1e-3)
    )
    ground = np.where(cover > 0, around, radiance)
    steps = np.linspace(-0.5, 0.5, max(3, round(length) + 1))
    front, share = (
        np.mean([_shifted(layer, motion * step) for step in steps], axis=0)
        for layer in (radiance * cover, cover)
    )
    return np.asarray(front + (1 - share) * ground, dtype=np.float32)


def _soft(picture: Picture, spread: float) -> Picture:
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), spread), dtype=np.float32)
    return soft.reshape(picture.shape)


def _shifted(picture: Picture, way: NDArray[np.float64]) -> Picture:
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, way[0]], [0, 1, way[1]]])
    moved = cv2.warpAffine(
        picture, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.float32).reshape(picture.shape)


def rainfall(
    radiance: Picture, white: float, *, rain: float, slant: float, rng: np.random.Generator
) -> Picture:
    """Draw falling drops as faint streaks, and the haze of those too far to be told apart.

    Args:
        radiance: (H, W, 3) linear RGB.
        white: radiance of a white surface.
        rain: strength in [0, 1].
        slant: degrees from upright, positive to the right.
        rng: draws the drops.
    """
    height, width = radiance.shape[:2]
    size = max(height, width)
    level = np.float32(np.mean(radiance))
    sky = np.array([0.96, 1.0, 1.05], dtype=np.float32)
    haze = np.float32(0.16 * rain)
    picture = radiance * (1 - haze) + haze * np.float32(1.3) * level * sky
    veil: Picture = np.zeros((height, width), dtype=np.float32)
    # Few long soft streaks are near, many short thin ones far away.
    for count, length, thickness, alpha in ((5, 0.3, 0.9, 0.2), (26, 0.13, 0.45, 0.22)):
        layer: Picture = np.zeros((height, width), dtype=np.float32)
        number = rng.poisson(count * (0.4 + rain) * height * width / size**2)
        for _ in range(number):
            start = rng.uniform((-0.1 * width, -0.3 * height), (1.1 * width, height))
            reach = length * size * rng.uniform(0.5, 1.3)
            angle = np.radians(slant + rng.normal(0, 1.5))
            end = start + reach * np.array([np.sin(angle), np.cos(angle)])
            _line(layer, start, end, float(rng.uniform(0.4, 1.0)))
        layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), thickness), dtype=np.float32)
        veil = np.maximum(veil, np.float32(alpha * (0.6 + 0.4 * rain) / 0.6) * layer)
    veil = np.clip(veil, 0, 0.5)[..., None]
    bright = max(float(level) * 1.8, 0.25 * white)
    return np.asarray(picture * (1 - veil) + veil * np.float32(bright) * sky, dtype=np.float32)


def _line(
    layer: Picture, start: NDArray[np.float64], end: NDArray[np.float64], value: float
) -> None:
    """Draw an antialiased line into a layer, in sixteenths of a pixel."""
    first, last = ((round(float(p) * 16) for p in point) for point in (start, end))
    mark = np.zeros(layer.shape, dtype=np.uint8)
    cv2.line(mark, tuple(first), tuple(last), round(255 * value), 1, cv2.LINE_AA, 4)
    np.maximum(layer, mark.astype(np.float32) / 255, out=layer)
