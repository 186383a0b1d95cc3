"""Meshes are closed, face outwards and follow the function that bends them."""

import numpy as np
import pytest

from synthetic_aug.city.geometry import Block, Mesh, box, merge, select
from synthetic_aug.city.shapes import lathe, sweep


def _volume(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _open_edges(mesh: Mesh) -> int:
    """Directed edges whose opposite is missing; 0 for a closed surface of one orientation."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    forward = {(int(a), int(b)) for a, b in edges}
    return sum((b, a) not in forward for a, b in forward)


def _sphere_like() -> Block:
    return Block(lambda cube: cube * [2.0, 1.0, 0.5] + [0, 0, 1], (0.2, 0.2, 0.2), ((0.0,), (), ()))


def test_block_is_closed_and_has_the_volume_of_a_rounded_box() -> None:
    mesh, sides = _sphere_like().mesh()
    assert _open_edges(mesh) == 0
    assert 0.9 * 8 < _volume(mesh) < 8.0
    assert np.allclose(mesh.vertices.min(axis=0), [-2, -1, 0.5])
    assert np.allclose(mesh.vertices.max(axis=0), [2, 1, 1.5])
    assert sorted(np.concatenate(list(sides.values())).tolist()) == list(range(len(mesh.faces)))


def test_block_normals_point_outwards() -> None:
    mesh, _ = _sphere_like().mesh()
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1)
    assert (np.einsum("ij,ij->i", mesh.normals, mesh.vertices - [0, 0, 1]) > 0).all()


@pytest.mark.parametrize("face", ["front", "rear", "left", "right", "top", "bottom"])
@pytest.mark.parametrize("swapped", [False, True])
def test_patch_lies_outside_by_its_lift(face: str, swapped: bool) -> None:
    block = _sphere_like()
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    patch = block.patch(face, corners[::-1] if swapped else corners, lift=0.1)
    axis = {"front": 0, "rear": 0, "left": 1, "right": 1, "top": 2, "bottom": 2}[face]
    sign = 1 if face in ("front", "left", "top") else -1
    expected = sign * ([2.0, 1.0, 0.5][axis] + 0.1) + (1 if axis == 2 else 0)
    assert np.allclose(patch.vertices[:, axis], expected)
    assert np.allclose(patch.normals[:, axis], sign)


def test_box_has_its_size_and_is_closed() -> None:
    mesh = box((1, 2, 3), (0.4, 0.6, 0.8), bevel=0.02)
    assert _open_edges(mesh) == 0
    assert np.allclose(mesh.vertices.max(axis=0) - mesh.vertices.min(axis=0), [0.4, 0.6, 0.8])
    assert np.allclose(mesh.vertices.mean(axis=0), [1, 2, 3])
    assert 0.95 * 0.192 < _volume(mesh) < 0.192


def test_lathe_faces_outwards_with_the_volume_of_a_cylinder() -> None:
    mesh = lathe([(0.0, 0.5), (1.0, 0.5), (1.0, -0.5), (0.0, -0.5)], segments=64)
    assert _volume(mesh) == pytest.approx(np.pi, rel=0.01)


def test_sweep_faces_outwards() -> None:
    mesh = sweep([(0, 0, 0), (0, 0, 1), (0, 0, 2)], radius=0.1, sides=32)
    outward = np.einsum("ij,ij->i", mesh.normals[:, :2], mesh.vertices[:, :2])
    assert (outward > 0.09).all()


def test_moving_turns_and_mirroring_keeps_the_outside_out() -> None:
    mesh = box((1, 0.5, 0.25), (1, 0.5, 0.25))
    turned = mesh.moved((0, 0, 1), yaw=np.pi / 2)
    assert np.allclose(turned.vertices.mean(axis=0), [-0.5, 1, 1.25])
    assert _volume(turned) == pytest.approx(_volume(mesh))
    assert _volume(mesh.mirrored()) == pytest.approx(_volume(mesh))
    assert np.allclose(mesh.mirrored().vertices.mean(axis=0), [1, -0.5, 0.25])


def test_merge_and_select_keep_the_triangles() -> None:
    first, second = box((0, 0, 0), (1, 1, 1)), box((5, 0, 0), (1, 1, 1))
    both = merge([first, second])
    assert _volume(both) == pytest.approx(_volume(first) + _volume(second))
    part = select(both, np.arange(len(first.faces), len(both.faces)))
    assert np.allclose(part.vertices[part.faces], second.vertices[second.faces])
