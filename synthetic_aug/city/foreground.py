"""Things that stand in front of a vehicle: a twig, a traffic sign, a railing."""

import numpy as np

from synthetic_aug.city.geometry import Mesh, box, grid_faces, make_mesh, merge
from synthetic_aug.city.paint import RGB, STEEL, Material
from synthetic_aug.city.places import BARK, POLE
from synthetic_aug.city.shapes import sweep

Parts = list[tuple[Material, Mesh]]

_SIGNS: tuple[tuple[RGB, RGB], ...] = (
    ((0.6, 0.02, 0.02), (0.8, 0.8, 0.8)),
    ((0.02, 0.08, 0.4), (0.8, 0.8, 0.8)),
    ((0.75, 0.5, 0.02), (0.02, 0.02, 0.02)),
)


def twig(rng: np.random.Generator) -> Parts:
    """A twig with leaves about the origin, hanging down, a metre wide across y."""
    shade = rng.uniform(0.7, 1.4)
    green = Material((0.07 * shade, 0.15 * shade, 0.03 * shade), roughness=0.9)
    leaves, stems = [], []
    for _ in range(5):
        start = np.array([0.0, rng.uniform(-0.25, 0.25), 0.75])
        end = np.array([rng.uniform(-0.2, 0.2), rng.uniform(-0.5, 0.5), rng.uniform(-0.45, 0.0)])
        stems.append(
            sweep([start, (start + end) / 2 + np.array([0.0, 0.05, 0.05]), end], radius=0.008)
        )
        for _ in range(16):
            at = start + (end - start) * rng.uniform(0.2, 1.05) + rng.normal(0, 0.07, 3)
            leaves.append(_leaf(rng, at))
    return [(green, merge(leaves)), (BARK, merge(stems))]


def _leaf(rng: np.random.Generator, at: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Mesh:
    """A leaf as a lozenge that is seen from both sides."""
    along = rng.normal(0, 1, 3) + np.array([0.0, 0.0, -0.8])
    along /= np.linalg.norm(along)
    across = np.cross(along, rng.normal(0, 1, 3))
    across /= np.linalg.norm(across)
    long, wide = rng.uniform(0.04, 0.075), rng.uniform(0.018, 0.032)
    corners = np.stack(
        [at - long * along, at - wide * across, at + wide * across, at + long * along]
    )
    faces = grid_faces(2, 2)
    front, back = make_mesh(corners, faces), make_mesh(corners, faces[:, ::-1].copy())
    return merge([front, back])


def sign(rng: np.random.Generator) -> Parts:
    """A traffic sign on its post; its face looks towards +x."""
    edge, field = (
        Material(color, roughness=0.5) for color in _SIGNS[int(rng.integers(0, len(_SIGNS)))]
    )
    level = float(rng.uniform(1.5, 2.1))
    size = (0.62, 0.62) if rng.random() < 0.5 else (0.5, 0.75)
    return [
        (POLE, box((0, 0, level / 2 + 0.3), (0.08, 0.08, level + 0.6), bevel=0.03)),
        (edge, box((0.06, 0, level), (0.03, *size), bevel=0.01)),
        (field, box((0.08, 0, level), (0.02, 0.66 * size[0], 0.66 * size[1]), bevel=0.005)),
    ]


def railing(rng: np.random.Generator) -> Parts:
    """A railing across y, seven metres long and about a metre high."""
    height = float(rng.uniform(0.9, 1.15))
    bars = [box((0, 0, level), (0.06, 7.0, 0.07)) for level in (0.15, height)]
    if rng.random() < 0.5:  # upright bars, or two more across
        bars += [
            box((0, y, height / 2), (0.04, 0.04, height))
            for y in np.arange(-3.4, 3.5, 0.2).tolist()
        ]
    else:
        bars += [box((0, 0, share * height), (0.05, 7.0, 0.06)) for share in (0.45, 0.72)]
        bars += [
            box((0, y, height / 2), (0.08, 0.08, height))
            for y in np.arange(-3.4, 3.5, 1.7).tolist()
        ]
    return [(STEEL, merge(bars))]
