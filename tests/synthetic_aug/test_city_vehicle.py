"""Vehicles: determined by the generator, of the measurements of their plan, told apart by marks."""

import numpy as np
import pytest

from synthetic_aug.city.geometry import Mesh
from synthetic_aug.city.marks import LOUD, RACKS, rack_parts
from synthetic_aug.city.paint import HEADLAMP, PAINTS, RUBBER, TAILLAMP, plate_picture, plate_text
from synthetic_aug.city.profiles import BODY_TYPES, draw_plan
from synthetic_aug.city.vehicle import VehicleSpec, _bare_body, build, draw_marks, draw_spec


def _spec(body_type: str, seed: int, marks: int | None = None) -> VehicleSpec:
    return draw_spec(np.random.default_rng(seed), body_type=body_type, marks=marks)


def _points(meshes: list[Mesh]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.concatenate([mesh.vertices for mesh in meshes])


@pytest.mark.parametrize("body_type", BODY_TYPES)
def test_meshes_are_finite_light_and_of_the_plan_s_size(body_type: str) -> None:
    for seed in range(4):
        spec = _spec(body_type, seed, marks=0)
        parts = build(spec)
        points = _points(list(parts.values()))
        assert np.isfinite(points).all()
        for mesh in parts.values():
            assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1)
            assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
        assert points[:, 2].min() == pytest.approx(0, abs=0.01)
        length = points[:, 0].max() - points[:, 0].min()
        assert length == pytest.approx(spec.plan.length, rel=0.06)
        assert spec.plan.width - 0.05 < np.ptp(points[:, 1]) < spec.plan.width + 0.65
        assert sum(len(mesh.faces) for mesh in parts.values()) < 12_000


@pytest.mark.parametrize("body_type", BODY_TYPES)
def test_lamps_are_at_the_right_ends_and_four_wheels_stand_on_the_ground(body_type: str) -> None:
    spec = _spec(body_type, 5, marks=0)
    parts = build(spec)
    quarter = spec.plan.length / 4
    assert parts[HEADLAMP].vertices[:, 0].min() > quarter
    assert parts[TAILLAMP].vertices[:, 0].max() < -quarter
    tyres = parts[RUBBER].vertices
    ground = tyres[np.abs(tyres[:, 2]) < 0.02]
    corners = {(bool(x > 0), bool(y > 0)) for x, y, _ in ground}
    assert len(corners) == 4


def test_plans_stay_inside_their_own_profile() -> None:
    for body_type in BODY_TYPES:
        for seed in range(20):
            plan = draw_plan(body_type, np.random.default_rng(seed))
            front, rear = plan.axles
            assert -plan.length / 2 < rear - plan.wheel_radius
            assert front + plan.wheel_radius < plan.length / 2
            assert plan.glass_rear < plan.roof_rear < plan.roof_front <= plan.cowl
            assert plan.nose < plan.belt < plan.height


def test_same_generator_same_vehicle() -> None:
    first, second = (draw_spec(np.random.default_rng(3)) for _ in range(2))
    assert first == second
    for a, b in zip(build(first).values(), build(second).values(), strict=True):
        assert np.array_equal(a.vertices, b.vertices)


def test_look_alike_shares_model_and_paint_but_not_the_marks() -> None:
    model = _spec("van", 1)
    twin = draw_marks(model, np.random.default_rng(9), marks=3)
    assert (twin.plan, twin.coat, twin.load) == (model.plan, model.coat, model.load)
    marks = ("rack", "stickers", "roof", "scuff")
    assert any(getattr(twin, name) != getattr(model, name) for name in marks)
    assert twin.plate != model.plate


def test_marks_change_what_is_built() -> None:
    plain = _spec("sedan", 2, marks=0)
    marked = draw_marks(plain, np.random.default_rng(4), marks=3)
    assert {m.color for m in build(marked)} - {m.color for m in build(plain)}


@pytest.mark.parametrize("kind", RACKS)
def test_racks_stand_on_the_roof(kind: str) -> None:
    body = _bare_body(_spec("suv", 0, marks=0))
    points = _points([mesh for _, mesh in rack_parts(body, kind, LOUD[0])])
    top = body.plan.height
    assert top - 0.1 < points[:, 2].min() and points[:, 2].max() < top + 0.6
    assert np.abs(points[:, 1]).max() < body.plan.width / 2


def test_paints_are_colours_and_frequencies_sum_to_one() -> None:
    assert sum(weight for _, _, weight in PAINTS) == pytest.approx(1)
    assert all(0 < value < 1 for _, rgb, _ in PAINTS for value in rgb)


def test_plates_differ_and_are_drawn() -> None:
    rng = np.random.default_rng(0)
    texts = {plate_text(rng) for _ in range(50)}
    assert len(texts) > 45 and all(len(text) == 7 for text in texts)
    pictures = [plate_picture(text) for text in sorted(texts)[:2]]
    assert pictures[0].shape == (16, 72, 3)
    assert not np.array_equal(pictures[0], pictures[1])
