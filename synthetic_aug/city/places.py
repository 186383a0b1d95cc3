"""Places of the city: painted grounds, lanes, and the things that stand beside the road.

A place is centred at the origin with its main road along x; traffic keeps to the right, so vehicles
heading towards +x drive at negative y.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.geometry import FloatArray, Mesh, box, grid_faces, make_mesh, merge
from synthetic_aug.city.ground import paint_ground
from synthetic_aug.city.paint import RGB, Material
from synthetic_aug.city.shapes import sweep

EXTENT = 64.0  # side of the painted square in metres
BARK = Material((0.09, 0.06, 0.04), roughness=0.9)
POLE = Material((0.22, 0.23, 0.24), roughness=0.5, metallic=0.6)
_CLEARANCE = 2.6  # metres that a tree keeps from a line of sight
CONCRETE = Material((0.36, 0.35, 0.33), roughness=0.85)


@dataclass(frozen=True)
class Place:
    """A stretch of road.

    Attributes:
        name: for people.
        lanes: y of the lanes' middles; negative ones run towards +x, positive ones towards -x.
        road: colour of the road surface.
        verge: colour beside the road.
        marking: colour of the lines.
        zebra: has crossings.
        barrier: a concrete wall beside the road.
        turns: vehicles turn here, so that they are seen under changing angles.
        trees: number of trees along the road.
    """

    name: str
    lanes: tuple[float, ...]
    road: RGB
    verge: RGB
    marking: RGB
    zebra: bool
    barrier: bool
    turns: bool
    trees: int

    @property
    def half_road(self) -> float:
        """Half the width of the road in metres."""
        return max(abs(lane) for lane in self.lanes) + 1.9


PLACES: tuple[Place, ...] = (
    Place("avenue", (-5.3, -1.9, 1.9, 5.3), (0.11, 0.11, 0.115), (0.10, 0.16, 0.05),
          (0.7, 0.7, 0.68), False, False, False, 7),
    Place("junction", (-1.9, 1.9), (0.075, 0.075, 0.08), (0.30, 0.28, 0.25),
          (0.72, 0.7, 0.6), True, False, True, 2),
    Place("highway", (-5.3, -1.9, 1.9, 5.3), (0.24, 0.235, 0.22), (0.26, 0.24, 0.18),
          (0.75, 0.75, 0.73), False, True, False, 0),
    Place("old town", (-1.9, 1.9), (0.17, 0.14, 0.12), (0.24, 0.16, 0.12),
          (0.45, 0.42, 0.38), True, False, True, 3),
    Place("works gate", (-1.9, 1.9), (0.145, 0.15, 0.155), (0.20, 0.19, 0.17),
          (0.7, 0.45, 0.05), False, True, True, 1),
)  # fmt: skip


def ground_picture(place: Place, rng: np.random.Generator) -> NDArray[np.float32]:
    """Paint the place's ground, (N, N, 3) linear RGB; rows run along -y, columns along +x."""
    return paint_ground(
        extent=EXTENT, lanes=place.lanes, half_road=place.half_road, road=place.road,
        verge=place.verge, marking=place.marking, zebra=place.zebra, rng=rng,
    )  # fmt: skip


def tree(rng: np.random.Generator, *, height: float) -> list[tuple[Material, Mesh]]:
    """A trunk and some rough balls of leaves, standing at the origin."""
    trunk = sweep([(0, 0, 0), (0, 0, 0.75 * height)], radius=0.17, sides=7)
    shade = rng.uniform(0.7, 1.3)
    leaves = Material((0.09 * shade, 0.17 * shade, 0.04 * shade), roughness=0.9)
    balls = []
    for _ in range(5):
        center = np.array([*rng.uniform(-1.0, 1.0, 2), height * rng.uniform(0.68, 0.95)])
        balls.append(_leafy_ball(rng, center, float(rng.uniform(0.6, 1.1))))
    return [(BARK, trunk), (leaves, merge(balls))]


def _leafy_ball(
    rng: np.random.Generator,
    center: FloatArray,
    radius: float,
) -> Mesh:
    polar, turn = np.meshgrid(
        np.linspace(0.05, np.pi - 0.05, 7), np.linspace(0, 2 * np.pi, 11), indexing="ij"
    )
    rough = radius * rng.uniform(0.75, 1.2, polar.shape)
    rough[:, -1] = rough[:, 0]
    way = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    points = (center + way * rough[..., None]).reshape(-1, 3)
    return make_mesh(points, grid_faces(7, 11))


def pole(height: float = 8.0) -> list[tuple[Material, Mesh]]:
    """A lamp post or sign post standing at the origin."""
    return [(POLE, box((0, 0, height / 2), (0.2, 0.2, height), bevel=0.06))]


Line = tuple[tuple[float, float], tuple[float, float]]


def _away(at: Sequence[float], line: Line) -> float:
    """Distance of a place from a line of sight on the ground."""
    start, end = (np.asarray(point) for point in line)
    way = end - start
    share = float(np.clip((np.asarray(at[:2]) - start) @ way / (way @ way), 0, 1))
    return float(np.linalg.norm(np.asarray(at[:2]) - start - share * way))


def furniture(
    place: Place, rng: np.random.Generator, *, free: Sequence[Line] = ()
) -> list[tuple[Material, Mesh]]:
    """Everything that stands still beside the road.

    Args:
        place: the place.
        rng: draws what stands where.
        free: lines of sight on the ground, from and to, near which no tree is planted.
    """
    parts: list[tuple[Material, Mesh]] = []
    edge = place.half_road
    for side in (-1, 1):
        kerb = box((0, side * (edge + 0.12), 0.06), (EXTENT, 0.22, 0.14), bevel=0.02)
        parts.append((CONCRETE, kerb))
        for x in np.arange(-24, 25, 16.0):
            at = (float(x + rng.uniform(-2, 2)), side * (edge + 0.8), 0.0)
            parts += [(material, mesh.moved(at)) for material, mesh in pole(7.0)]
        if place.barrier:
            wall = box((0, side * (edge + 0.6), 0.45), (EXTENT, 0.3, 0.9), bevel=0.08)
            parts.append((CONCRETE, wall))
    for _ in range(place.trees):
        at = (
            float(rng.uniform(-26, 26)),
            float(rng.choice((-1, 1)) * (edge + rng.uniform(2, 6))),
            0.0,
        )
        height = float(rng.uniform(4.0, 6.5))
        grown = tree(rng, height=height)
        if min((_away(at, line) for line in free), default=_CLEARANCE) >= _CLEARANCE:
            parts += [(material, mesh.moved(at)) for material, mesh in grown]
    for x in np.arange(-27, 28, 13.5):
        size = (rng.uniform(7, 12), 6.0, rng.uniform(4, 11))
        toward = float(rng.choice((-1, 1)))
        middle = (float(x), toward * (edge + 20 + size[1] / 2), size[2] / 2)
        shade = rng.uniform(0.12, 0.5)
        front = Material((shade, 0.93 * shade, 0.85 * shade), roughness=0.8)
        parts.append((front, box(middle, size, bevel=0.1)))
    groups: dict[Material, list[Mesh]] = {}
    for material, mesh in parts:
        groups.setdefault(material, []).append(mesh)
    return [(material, merge(meshes)) for material, meshes in groups.items()]
