"""Triangle meshes in NumPy: rounded blocks bent by a function, patches lying on them, turned parts.

A vehicle here is a handful of *blocks*. A block is the cube [-1, 1]^3 with rounded edges, carried
into the world by a smooth function (free-form deformation; Sederberg and Parry, "Free-Form
Deformation of Solid Geometric Models", SIGGRAPH 1986, with any function in place of their spline
lattice). Windows, lamps, panel gaps and stickers are *patches* of the same cube carried by the same
function and lifted by some millimetres, so they follow every curve of the body.

Vehicle axes: x forward, y to the left, z up, metres, the ground at z = 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Bend = Callable[[FloatArray], FloatArray]

FACES = ("front", "rear", "left", "right", "top", "bottom")
_AXIS = {"front": 0, "rear": 0, "left": 1, "right": 1, "top": 2, "bottom": 2}
_SIGN = {"front": 1, "rear": -1, "left": 1, "right": -1, "top": 1, "bottom": -1}
_ARC = (
    0.0,
    0.45,
    1.0,
)  # places of the lines across a rounded edge: 0, 24 and 45 degrees of the arc


@dataclass(frozen=True)
class Mesh:
    """Triangles with a normal per vertex.

    Attributes:
        vertices: (V, 3) metres.
        faces: (F, 3) indices, counter-clockwise seen from outside.
        normals: (V, 3) unit length.
        uvs: (V, 2) texture coordinates in [0, 1], zero where nothing is textured.
    """

    vertices: FloatArray
    faces: IntArray
    normals: FloatArray
    uvs: FloatArray

    def moved(self, offset: Sequence[float], *, yaw: float = 0.0) -> "Mesh":
        """Return the mesh turned by ``yaw`` radians about z, then shifted by ``offset``."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return Mesh(
            self.vertices @ turn.T + np.asarray(offset, dtype=np.float64),
            self.faces,
            self.normals @ turn.T,
            self.uvs,
        )

    def mirrored(self) -> "Mesh":
        """Return the mesh reflected in the plane y = 0, faces still seen from outside."""
        flip = np.array([1.0, -1.0, 1.0])
        return Mesh(self.vertices * flip, self.faces[:, ::-1].copy(), self.normals * flip, self.uvs)


def make_mesh(vertices: FloatArray, faces: IntArray, uvs: FloatArray | None = None) -> Mesh:
    """Make a mesh with area-weighted smooth normals.

    The weight by area keeps large panels flat and lets the narrow bevels between them carry the
    turn of the normal, which is how a rounded sheet-metal edge catches the light.
    """
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)  # (F, 3)
    normals = np.zeros_like(vertices)
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(
                faces[:, corner], weights=area[:, axis], minlength=len(vertices)
            )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(length > 1e-12, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])
    return Mesh(vertices, faces, normals, np.zeros((len(vertices), 2)) if uvs is None else uvs)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """Put meshes into one without welding anything."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uvs for mesh in meshes]),
    )


def grid_faces(rows: int, columns: int) -> IntArray:
    """Triangles of a row-major grid, (2 (rows-1) (columns-1), 3); normal = row x column axis."""
    index = np.arange(rows * columns).reshape(rows, columns)
    return _quads(index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])


def _quads(a: IntArray, b: IntArray, c: IntArray, d: IntArray) -> IntArray:
    a, b, c, d = a.ravel(), b.ravel(), c.ravel(), d.ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


@dataclass(frozen=True)
class Block:
    """A rounded cube carried into the world by ``bend``.

    Attributes:
        bend: maps cube coordinates (N, 3) in [-1, 1] to metres (N, 3); keeps orientation.
        rounding: width of the rounded edges along s, t and u in cube units, each in (0, 1).
        inner: three increasing sequences of extra grid lines between the rounded edges.
        arc: places of the grid lines across a rounded edge, from 0 to 1.
    """

    bend: Bend
    rounding: tuple[float, float, float]
    inner: tuple[Sequence[float], Sequence[float], Sequence[float]] = ((), (), ())
    arc: Sequence[float] = _ARC

    def at(self, cube: FloatArray) -> FloatArray:
        """Carry points of the cube's surface (N, 3) onto the block (N, 3)."""
        edge = np.asarray(self.rounding)
        core = np.clip(cube, edge - 1.0, 1.0 - edge)
        rest = (cube - core) / edge
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        size = np.abs(rest).max(axis=1, keepdims=True)
        return self.bend(core + edge * rest * size / np.maximum(length, 1e-9))

    def _lines(self, axis: int) -> FloatArray:
        edge = self.rounding[axis]
        high = 1.0 - edge + edge * np.asarray(self.arc)
        middle = [line for line in self.inner[axis] if abs(line) < 1.0 - edge - 1e-6]
        return np.concatenate([-high[::-1], np.asarray(middle, dtype=np.float64), high])

    def mesh(self) -> tuple[Mesh, dict[str, IntArray]]:
        """Return the closed surface and its faces by side of the cube.

        The second value maps each of `FACES` to the rows of ``mesh.faces`` on that side.
        """
        lines = [self._lines(axis) for axis in range(3)]
        shape = tuple(len(line) for line in lines)
        number = np.arange(np.prod(shape)).reshape(shape)
        parts: dict[str, IntArray] = {}
        for name in FACES:
            layer = np.take(number, -1 if _SIGN[name] > 0 else 0, axis=_AXIS[name])
            # With the axes in cyclic order the normal of (first, second) is +axis for s and u,
            # and -axis for t, whose remaining axes (s, u) are in reversed cyclic order.
            outward = _SIGN[name] > 0 if name not in ("left", "right") else _SIGN[name] < 0
            corners = (layer[:-1, :-1], layer[1:, :-1], layer[1:, 1:], layer[:-1, 1:])
            parts[name] = _quads(*(corners if outward else corners[::-1]))
        faces = np.concatenate(list(parts.values()))
        used, compact = np.unique(faces, return_inverse=True)
        places = np.unravel_index(used, shape)
        cube = np.stack([line[place] for line, place in zip(lines, places, strict=True)], axis=1)
        points = self.at(cube)
        mesh = make_mesh(points, compact.reshape(-1, 3), dirt_places(points))
        rows: dict[str, IntArray] = {}
        start = 0
        for name, part in parts.items():
            rows[name] = np.arange(start, start + len(part))
            start += len(part)
        return mesh, rows

    def patch(
        self,
        face: str,
        corners: Sequence[tuple[float, float]],
        *,
        steps: tuple[int, int] = (4, 3),
        lift: float = 0.008,
    ) -> Mesh:
        """Cut a four-sided patch out of one side and lift it off by ``lift`` metres.

        Args:
            face: one of `FACES`.
            corners: four points in order round the patch, in the side's own coordinates: (t, u) for
                front and rear, (s, u) for left and right, (s, t) for top and bottom. The first
                component of ``uvs`` runs from the first to the second corner.
            steps: number of cells along the two edges.
            lift: metres along the patch's own normals.
        """
        first, second = np.meshgrid(
            np.linspace(0, 1, steps[0] + 1), np.linspace(0, 1, steps[1] + 1), indexing="ij"
        )
        p, q = first.ravel()[:, None], second.ravel()[:, None]
        c = np.asarray(corners, dtype=np.float64)
        flat = (c[0] * (1 - p) + c[1] * p) * (1 - q) + (c[3] * (1 - p) + c[2] * p) * q  # (N, 2)
        axis = _AXIS[face]
        cube = np.insert(np.clip(flat, -1.0, 1.0), axis, float(_SIGN[face]), axis=1)
        faces = grid_faces(steps[0] + 1, steps[1] + 1)
        x, y = c.T
        area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
        outward = (_SIGN[face] > 0) == (axis != 1)
        if outward != (area > 0):
            faces = faces[:, ::-1].copy()
        mesh = make_mesh(self.at(cube), faces, np.concatenate([p, q], axis=1))
        return Mesh(mesh.vertices + lift * mesh.normals, mesh.faces, mesh.normals, mesh.uvs)


def dirt_places(points: FloatArray) -> FloatArray:
    """Texture coordinates (V, 2) of a pattern that is laid over a vehicle by height.

    The first repeats every six metres along and three across, the second grows with the height, 1
    at four metres.
    """
    return np.stack([points[:, 0] / 6 + points[:, 1] / 3, points[:, 2] / 4], axis=1)


def select(mesh: Mesh, rows: IntArray) -> Mesh:
    """Return the triangles named by ``rows`` with the normals that they have in the whole mesh."""
    used, compact = np.unique(mesh.faces[rows], return_inverse=True)
    return Mesh(mesh.vertices[used], compact.reshape(-1, 3), mesh.normals[used], mesh.uvs[used])


def box(center: Sequence[float], size: Sequence[float], *, bevel: float = 0.02) -> Mesh:
    """Make an upright box with rounded edges; ``center`` and full ``size`` in metres."""
    half = np.asarray(size, dtype=np.float64) / 2
    edge = np.minimum(bevel / half, 0.49)
    middle = np.asarray(center, dtype=np.float64)
    block = Block(lambda cube: middle + cube * half, (edge[0], edge[1], edge[2]), arc=(0.0, 1.0))
    return block.mesh()[0]
