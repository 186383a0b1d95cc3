"""Further body types, two-wheelers, liveries and dirt: sizes, places, and that they can be seen."""

from dataclasses import replace

import numpy as np
import pytest

from synthetic_aug.city.geometry import Mesh
from synthetic_aug.city.livery import KINDS, draw_livery, livery_parts, may_be_taxi
from synthetic_aug.city.materials import dirt_cover
from synthetic_aug.city.paint import HEADLAMP, RUBBER, TAILLAMP
from synthetic_aug.city.profiles import BODY_TYPES, TWO_WHEELED
from synthetic_aug.city.shapes import ball, limb
from synthetic_aug.city.variants import ALL_TYPES, MORE_FREQUENCY, MORE_TYPES, draw_any_plan
from synthetic_aug.city.vehicle import VehicleSpec, _bare_body, build, draw_extras, draw_spec


def _spec(body_type: str, seed: int) -> VehicleSpec:
    rng = np.random.default_rng(seed)
    return draw_extras(draw_spec(rng, body_type=body_type, marks=0), rng)


def _volume(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def test_type_numbers_go_on_where_the_first_ones_end() -> None:
    assert ALL_TYPES[: len(BODY_TYPES)] == BODY_TYPES and len(set(ALL_TYPES)) == len(ALL_TYPES)
    assert len(MORE_FREQUENCY) == len(MORE_TYPES) and sum(MORE_FREQUENCY) == pytest.approx(1)


@pytest.mark.parametrize("body_type", MORE_TYPES)
def test_meshes_are_finite_and_of_the_plan_s_size(body_type: str) -> None:
    for seed in range(3):
        spec = _spec(body_type, seed)
        parts = build(spec)
        points = np.concatenate([mesh.vertices for mesh in parts.values()])
        assert np.isfinite(points).all()
        assert points[:, 2].min() == pytest.approx(0, abs=0.012)
        assert np.ptp(points[:, 0]) == pytest.approx(spec.plan.length, rel=0.1)
        top = spec.plan.deck if body_type == "boxvan" else spec.plan.height
        assert points[:, 2].max() == pytest.approx(top, abs=0.45)
        for mesh in parts.values():
            assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1)


@pytest.mark.parametrize("body_type", MORE_TYPES)
def test_wheels_stand_on_the_ground_and_lamps_at_their_ends(body_type: str) -> None:
    parts = build(_spec(body_type, 4))
    tyres = parts[RUBBER].vertices
    ground = tyres[np.abs(tyres[:, 2]) < 0.02]
    corners = {bool(x > 0) for x, _, _ in ground}
    assert len(corners) == 2
    sides = {bool(y > 0.2) for _, y, _ in ground}
    assert sides == ({False} if body_type in TWO_WHEELED else {False, True})
    assert parts[HEADLAMP].vertices[:, 0].min() > 0.3
    assert parts[TAILLAMP].vertices[:, 0].max() < -0.3


def test_plans_stay_inside_their_own_profile() -> None:
    for body_type in MORE_TYPES:
        for seed in range(20):
            plan = draw_any_plan(body_type, np.random.default_rng(seed))
            front, rear = plan.axles
            assert -plan.length / 2 < rear - plan.wheel_radius
            assert front + plan.wheel_radius < plan.length / 2 + 0.05
            if body_type not in TWO_WHEELED:
                assert plan.glass_rear < plan.roof_rear < plan.roof_front <= plan.cowl


def test_a_rider_sits_above_the_seat_and_only_on_two_wheels() -> None:
    for body_type in MORE_TYPES:
        spec = _spec(body_type, 2)
        assert (spec.rider is not None) == (body_type in TWO_WHEELED)
    points = np.concatenate([mesh.vertices for mesh in build(_spec("scooter", 2)).values()])
    assert points[:, 2].max() > 1.5


def test_balls_and_limbs_face_outwards() -> None:
    assert _volume(ball((1, 2, 3), (0.5, 0.4, 0.3), rings=30)) == pytest.approx(
        4 / 3 * np.pi * 0.06, rel=0.03
    )
    tube = limb([(0.0, 0.0, 0.0), (0.0, 0.0, 1.0)], [0.1, 0.1])
    # A cylinder open at its ends, of which only the side counts, and two balls inside it.
    assert _volume(tube) > 2 * 4 / 3 * np.pi * 0.001 * 0.7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body_type", ["sedan", "van", "bus", "truck", "boxvan", "coach"])
def test_liveries_lie_on_the_body(kind: str, body_type: str) -> None:
    spec = _spec(body_type, 1)
    livery = replace(draw_livery(np.random.default_rng(3), spec.coat, taxi=False), kind=kind)
    body = _bare_body(spec)
    points = np.concatenate([mesh.vertices for _, mesh in livery_parts(body, livery)])
    assert np.isfinite(points).all()
    assert np.abs(points[:, 1]).max() < spec.plan.width / 2 * 1.06
    assert points[:, 2].max() < max(spec.plan.height, spec.plan.deck) + 0.35


def test_livery_colours_stand_out_from_the_coat() -> None:
    spec = _spec("van", 0)
    for seed in range(20):
        livery = draw_livery(np.random.default_rng(seed), spec.coat, taxi=True)
        assert np.abs(np.subtract(livery.first, spec.coat.color)).sum() > 0.35
        assert livery.first != livery.second


def test_extras_follow_their_shares() -> None:
    specs = [
        draw_extras(
            draw_spec(np.random.default_rng(k), body_type="sedan"),
            np.random.default_rng([k, 1]),
            liveries=0.5,
            dirt=0.6,
        )
        for k in range(60)
    ]
    worn = [spec for spec in specs if spec.livery is not None]
    assert 18 < len(worn) < 42
    assert all(not spec.stickers for spec in worn)
    assert min(s.dirt for s in specs) >= 0 and max(s.dirt for s in specs) <= 0.6
    assert not any(may_be_taxi(kind) for kind in ("bus", "boxvan", "coupe"))


def test_dirt_is_thickest_near_the_ground() -> None:
    cover = dirt_cover(0.8, 5)
    assert cover.shape == (128, 192) and cover.min() >= 0 and cover.max() <= 0.95
    assert cover[:10].mean() > 2 * cover[60:].mean()
    assert dirt_cover(0.2, 5).mean() < cover.mean()
    assert not np.array_equal(cover, dirt_cover(0.8, 6))


def test_a_dirty_vehicle_has_the_same_shape() -> None:
    spec = _spec("suv", 3)
    clean, dirty = build(spec), build(replace(spec, dirt=0.7, grain=1))
    assert sum(len(m.faces) for m in clean.values()) == sum(len(m.faces) for m in dirty.values())
    assert any(material.dirt for material in dirty) and not any(m.dirt for m in clean)
