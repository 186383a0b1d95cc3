"""Wheels: turned tyre, rim ring and spokes in several designs."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.geometry import Mesh, grid_faces, make_mesh, merge
from synthetic_aug.city.paint import RUBBER, TRIM, Material
from synthetic_aug.city.shapes import lathe


@dataclass(frozen=True)
class Rim:
    """Look of a rim: number of spokes (0 for a plain disc), their width as a share, its finish."""

    spokes: int
    share: float
    finish: Material


RIM_FINISHES = {
    "silver": Material((0.62, 0.63, 0.65), roughness=0.3, metallic=0.7),
    "white": Material((0.75, 0.75, 0.75), roughness=0.4, clearcoat=0.6),
    "black": Material((0.015, 0.015, 0.016), roughness=0.35, clearcoat=0.6),
    "bronze": Material((0.36, 0.20, 0.07), roughness=0.35, metallic=0.7),
    "steel": Material((0.16, 0.16, 0.165), roughness=0.6, metallic=0.3),
}


def draw_rim(rng: np.random.Generator) -> Rim:
    """Draw a design and a finish; silver alloys are the most common."""
    designs = ((5, 0.42), (6, 0.5), (8, 0.45), (10, 0.5), (5, 0.62), (0, 1.0))
    spokes, share = designs[int(rng.integers(0, len(designs)))]
    names = list(RIM_FINISHES)
    name = names[int(rng.choice(len(names), p=[0.5, 0.1, 0.2, 0.08, 0.12]))]
    return Rim(spokes, share, RIM_FINISHES[name])


def _spokes(rim: Rim, inner: float, outer: float, y: float) -> Mesh:
    count = max(rim.spokes, 12)
    share = rim.share if rim.spokes else 1.0
    angle = np.arange(count)[:, None] * (2 * np.pi / count)
    half = np.pi / count * share
    corners = []
    # Spokes widen slightly outwards and bow outwards at the hub, which gives them a highlight.
    for radius, spread, rise in (
        (0.02, half, 0.025),
        (inner, half, 0.02),
        (outer, 0.8 * half, 0.0),
    ):
        for side in (-1, 1):
            a = angle + side * spread
            corners.append(
                np.hstack([radius * np.cos(a), np.full_like(a, y + rise), radius * np.sin(a)])
            )
    points = np.stack(corners, axis=1).reshape(-1, 3)  # (count * 6, 3), rows of (radius, side)
    faces = np.concatenate([grid_faces(3, 2) + 6 * k for k in range(count)])
    return make_mesh(points, faces[:, ::-1].copy())


def wheel(
    radius: float, width: float, rim: Rim, *, hub: float = 0.66
) -> list[tuple[Material, Mesh]]:
    """Make a wheel centred at the origin with its outer side towards +y."""
    half = width / 2
    tyre = lathe(
        [
            (hub * radius, half - 0.02),
            (hub * radius + 0.02, half),
            (0.93 * radius, half),
            (radius, half - 0.035),
            (radius, 0.035 - half),
            (0.93 * radius, -half),
        ],
        segments=22,
    )
    dish = lathe([(0.0, half - 0.07), (hub * radius, half - 0.05)], segments=16)
    ring = lathe(
        [
            ((hub - 0.1) * radius, half - 0.03),
            ((hub - 0.03) * radius, half - 0.012),
            (hub * radius + 0.012, half - 0.004),
        ],
        segments=22,
    )
    spokes = _spokes(rim, 0.25 * radius, (hub - 0.05) * radius, half - 0.035)
    return [(RUBBER, tyre), (TRIM, dish), (rim.finish, merge([ring, spokes]))]


def wheel_set(
    places: list[tuple[float, float]], radius: float, width: float, rim: Rim
) -> list[tuple[Material, Mesh]]:
    """Put wheels on both sides at (x, outer y) places, standing on the ground."""
    parts = []
    for material, mesh in wheel(radius, width, rim):
        for x, outer in places:
            left = mesh.moved((x, outer - width / 2, radius))
            parts += [(material, left), (material, left.mirrored())]
    return parts
