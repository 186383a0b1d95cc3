"""Round things that no block makes: turned parts and tubes, balls and limbs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthetic_aug.city.geometry import FloatArray, Mesh, grid_faces, make_mesh, merge

Point = tuple[float, float, float]


def ball(center: Sequence[float], radii: Sequence[float], *, rings: int = 8) -> Mesh:
    """Make an upright ellipsoid; ``center`` and half axes ``radii`` in metres."""
    polar, turn = np.meshgrid(
        np.linspace(0.03, np.pi - 0.03, rings),
        np.linspace(0, 2 * np.pi, 2 * rings + 1),
        indexing="ij",
    )
    way = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    points = np.asarray(center) + way.reshape(-1, 3) * np.asarray(radii)
    return make_mesh(points, grid_faces(rings, 2 * rings + 1))


def limb(points: Sequence[Point], radii: Sequence[float], *, flat: float = 1.0) -> Mesh:
    """Make a tube of changing thickness along a polyline, closed by balls, bent at balls.

    Args:
        points: at least two, in metres.
        radii: thickness at each of them in metres.
        flat: factor by which it is wider along y than its radius.
    """
    path, size = np.asarray(points, dtype=np.float64), np.asarray(radii, dtype=np.float64)
    parts = [
        ball(point, (radius, radius * flat, radius), rings=6)
        for point, radius in zip(path, size, strict=True)
    ]
    for index in range(len(path) - 1):
        parts.append(_cone(path[index], path[index + 1], size[index], size[index + 1], flat))
    return merge(parts)


def _cone(start: FloatArray, end: FloatArray, first: float, second: float, flat: float) -> Mesh:
    along = (end - start) / np.linalg.norm(end - start)
    helper = [0.0, 1.0, 0.0] if abs(along[1]) < 0.9 else [1.0, 0.0, 0.0]
    side = np.cross(along, helper)
    side = side / np.linalg.norm(side)
    across = np.cross(side, along)
    angle = np.linspace(0.0, 2 * np.pi, 11)
    stretch = 1 + (flat - 1) * np.abs(across[1])
    ring = np.outer(np.cos(angle), side) + np.outer(np.sin(angle) * stretch, across)
    points = np.concatenate([start + first * ring, end + second * ring])
    return make_mesh(points, grid_faces(2, 11))


def lathe(profile: Sequence[tuple[float, float]], *, segments: int = 20) -> Mesh:
    """Turn a profile about the y axis.

    Args:
        profile: (radius, y) pairs, y falling from the outer (left) side to the inner one.
        segments: number of flat facets round the axis; normals are smooth.
    """
    angle = np.linspace(0.0, 2 * np.pi, segments + 1)
    radius, y = (np.array(column) for column in zip(*profile, strict=True))
    points = np.stack(
        [
            np.outer(np.cos(angle), radius),
            np.broadcast_to(y, (len(angle), len(y))),
            np.outer(np.sin(angle), radius),
        ],
        axis=-1,
    ).reshape(-1, 3)
    faces = grid_faces(len(angle), len(y))
    return make_mesh(points, faces)


def sweep(points: Any, *, radius: float, sides: int = 5) -> Mesh:
    """Make a thin tube along a polyline of (N, 3) points, open at its ends."""
    path = np.asarray(points, dtype=np.float64)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, along)
    angle = np.linspace(0.0, 2 * np.pi, sides + 1)
    ring = side[:, None] * np.cos(angle)[:, None] + up[:, None] * np.sin(angle)[:, None]
    vertices = path[:, None] + radius * ring  # (N, sides + 1, 3)
    return make_mesh(vertices.reshape(-1, 3), grid_faces(len(path), sides + 1))
