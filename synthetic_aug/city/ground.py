"""Painted grounds: asphalt, lane lines, crossings, patches and stains as one picture from above."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.paint import RGB

SIZE = 1024  # pixels along each side of the picture

Picture = NDArray[np.float32]


def _cloud(rng: np.random.Generator, cells: int) -> Picture:
    """Smooth noise (SIZE, SIZE) with about ``cells`` blobs along a side, mean 0, spread 1."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), dtype=np.float32
    )


def _rows(extent: float, low: float, high: float) -> slice:
    """Picture rows of the strip low <= y <= high metres."""
    scale = SIZE / extent
    return slice(round((extent / 2 - high) * scale), round((extent / 2 - low) * scale))


def _columns(extent: float, low: float, high: float) -> slice:
    scale = SIZE / extent
    return slice(round((extent / 2 + low) * scale), round((extent / 2 + high) * scale))


def paint_ground(
    *,
    extent: float,
    lanes: tuple[float, ...],
    half_road: float,
    road: RGB,
    verge: RGB,
    marking: RGB,
    zebra: bool,
    rng: np.random.Generator,
) -> Picture:
    """Paint a square of ground seen from above, (SIZE, SIZE, 3) linear RGB in [0, 1].

    Args:
        extent: side of the square in metres; rows run along -y, columns along +x.
        lanes: y of the lanes' middles.
        half_road: half the road's width in metres.
        road, verge, marking: colours.
        zebra: paint crossings at x = -20, 0 and 20.
        rng: draws wear, stains and patches.
    """
    picture = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    picture[:] = verge
    picture *= (1 + 0.18 * _cloud(rng, 40) + 0.12 * _cloud(rng, 300))[..., None]
    walk = _rows(extent, -half_road - 2.6, half_road + 2.6)
    picture[walk] = np.array([0.30, 0.29, 0.27]) * (0.8 + 0.4 * np.mean(verge))
    picture[walk, :: round(1.2 * SIZE / extent)] *= 0.75  # joints of the paving slabs
    band = _rows(extent, -half_road, half_road)
    surface = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    surface[:] = road
    wear = 1 + 0.07 * _cloud(rng, 12) + 0.05 * _cloud(rng, 90) + 0.05 * _cloud(rng, 500)
    surface *= wear[..., None]
    for lane in lanes:
        for track in (-0.75, 0.75):  # wheels polish two darker strips into each lane
            surface[_rows(extent, lane + track - 0.25, lane + track + 0.25)] *= 0.9
        surface[_rows(extent, lane - 0.2, lane + 0.2)] *= 0.94
    for _ in range(9):  # repaired patches
        x, y = rng.uniform(-extent / 2, extent / 2 - 6), rng.uniform(-half_road, half_road - 2)
        spot = (
            _rows(extent, y, y + rng.uniform(1, 2.5)),
            _columns(extent, x, x + rng.uniform(1.5, 7)),
        )
        surface[spot] *= np.float32(rng.choice((0.75, 0.85, 1.15)))
    worn = np.clip(0.85 + 0.25 * _cloud(rng, 200), 0.3, 1.0)[..., None]
    lines = _line_mask(extent, lanes, half_road, zebra)[..., None] * worn
    surface = surface * (1 - lines) + np.array(marking, dtype=np.float32) * lines
    picture[band] = surface[band]
    return np.asarray(np.clip(picture, 0.005, 0.9), dtype=np.float32)


def _line_mask(extent: float, lanes: tuple[float, ...], half_road: float, zebra: bool) -> Picture:
    """1 where something is painted on the road."""
    mask = np.zeros((SIZE, SIZE), dtype=np.float32)
    for y in (-half_road + 0.3, half_road - 0.3):
        mask[_rows(extent, y - 0.07, y + 0.07)] = 1
    ordered = sorted(lanes)
    for low, high in pairwise(ordered):
        middle = (low + high) / 2
        row = _rows(extent, middle - 0.07, middle + 0.07)
        if low < 0 < high:
            mask[row] = 1
            continue
        for x in np.arange(-extent / 2, extent / 2, 6.0).tolist():
            mask[row, _columns(extent, x, x + 2.5)] = 1
    if zebra:
        for x in (-21.0, -1.5, 18.0):
            mask[_rows(extent, -half_road, half_road), _columns(extent, x - 0.8, x + 3.8)] = 0
            for y in np.arange(-half_road + 0.4, half_road - 0.3, 1.0).tolist():
                mask[_rows(extent, y, y + 0.5), _columns(extent, x, x + 3.0)] = 1
    return mask
