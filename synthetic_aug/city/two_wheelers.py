"""Motorcycles and scooters with their riders, put together from balls, limbs, boxes and tubes."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.body import Parts, rectangle
from synthetic_aug.city.geometry import Mesh, box, merge
from synthetic_aug.city.heavy import slab
from synthetic_aug.city.marks import LOUD
from synthetic_aug.city.paint import (
    CHROME,
    HEADLAMP,
    RGB,
    SEAM,
    STEEL,
    TAILLAMP,
    TRIM,
    Material,
    solid,
)
from synthetic_aug.city.profiles import BodyPlan
from synthetic_aug.city.shapes import Point, ball, limb, sweep
from synthetic_aug.city.wheels import Rim, wheel

SKIN = Material((0.33, 0.2, 0.14), roughness=0.7)
VISOR = Material((0.01, 0.01, 0.012), roughness=0.12, clearcoat=1.0)
_CLOTH: tuple[RGB, ...] = (
    (0.015, 0.015, 0.017),
    (0.05, 0.06, 0.09),
    (0.2, 0.19, 0.17),
    (0.12, 0.07, 0.04),
    (0.03, 0.08, 0.25),
    *LOUD,
)


@dataclass(frozen=True)
class Rider:
    """Who sits on it: colours of jacket, trousers and helmet, and of a box behind, if any."""

    jacket: RGB
    trousers: RGB
    helmet: RGB
    case: RGB | None


def draw_rider(rng: np.random.Generator) -> Rider:
    """Draw a rider's clothes; trousers are rarely loud, a case comes with every third rider."""
    jacket, helmet = (_CLOTH[int(i)] for i in rng.integers(0, len(_CLOTH), 2))
    trousers = _CLOTH[int(rng.integers(0, 5))]
    case = LOUD[int(rng.integers(0, len(LOUD)))]
    return Rider(jacket, trousers, helmet, case if rng.random() < 0.35 else None)


def build_two_wheeler(
    plan: BodyPlan, coat: Material, rider: Rider, rim: Rim, *, plate: Material
) -> Parts:
    """Build a motorcycle or scooter and the rider on it.

    Args:
        plan: measurements; the body type says which of the two.
        coat: paint of tank, fairing or panels.
        rider: the rider's colours.
        rim: of both wheels.
        plate: number plate at the rear.
    """
    parts = _wheels(plan, rim)
    if plan.body_type == "scooter":
        parts += _scooter(plan, coat) + _person(rider, _SCOOTER_POSE, plan.belt)
    else:
        parts += _motorcycle(plan, coat)
        parts += _person(rider, _SPORT_POSE if plan.lamp_style == 0 else _UPRIGHT_POSE, plan.belt)
    rear = -plan.length / 2
    parts.append((plate, _plate(rear + 0.06, plan.belt - 0.3)))
    parts.append((TAILLAMP, box((rear + 0.05, 0, plan.belt - 0.1), (0.06, 0.2, 0.09))))
    if rider.case is not None:
        size = (0.42, 0.44, 0.42) if plan.body_type == "scooter" else (0.34, 0.42, 0.3)
        middle = (rear + 0.24, 0.0, plan.belt + 0.08 + size[2] / 2)
        parts.append((solid(rider.case), box(middle, size, bevel=0.06)))
    return parts


def _wheels(plan: BodyPlan, rim: Rim) -> Parts:
    width = 0.36 * plan.wheel_radius if plan.body_type == "motorcycle" else 0.11
    parts: Parts = []
    for x in plan.axles:
        for material, mesh in wheel(plan.wheel_radius, width, rim, hub=0.7):
            both = merge([mesh, mesh.mirrored()])
            parts.append((material, both.moved((x, 0, plan.wheel_radius))))
    return parts


def _plate(x: float, z: float) -> Mesh:
    block = slab(x, x + 0.03, 0.1, z - 0.07, z + 0.07, edge=0.01)
    return block.patch("rear", rectangle((0.95, -0.95), (-0.95, 0.95)), lift=0.01)


def _bar(x: float, half: float, z: float) -> Mesh:
    """A handlebar, swept back at its ends."""
    path = [(x - 0.1, -half, z), (x, -0.6 * half, z + 0.02), (x, 0.6 * half, z + 0.02)]
    return sweep([*path, (x - 0.1, half, z)], radius=0.022)


def _motorcycle(plan: BodyPlan, coat: Material) -> Parts:
    front, rear = plan.axles
    r, seat, half = plan.wheel_radius, plan.belt, plan.width / 2
    head = front - 0.3
    sport, cruiser = plan.lamp_style == 0, plan.lamp_style == 2
    frame = [
        sweep([(head, 0, seat + 0.12), (0.05, 0, 0.4), (-0.25, 0, 0.42)], radius=0.04),
        sweep([(rear + 0.3, 0, seat - 0.05), (-0.2, 0, seat - 0.1), (head, 0, 0.8)], radius=0.035),
    ]
    steel = [box((0.05, 0, 0.46), (0.46, 0.36, 0.36), bevel=0.1)]
    for side in (-1, 1):
        fork = [(front, side * 0.09, r), (head - 0.05, side * 0.09, seat + 0.2)]
        steel.append(sweep(fork, radius=0.032))
        frame.append(sweep([(rear, side * 0.09, r), (-0.12, side * 0.1, 0.42)], radius=0.035))
    pipe = [(0.28, -0.13, 0.36), (0.0, -0.2, 0.26), (rear - 0.05, -0.2, 0.34 + 0.08 * sport)]
    parts: Parts = [
        (STEEL, merge(steel)),
        (TRIM, merge([*frame, _bar(head - 0.02, half - 0.03, seat + 0.25)])),
        (CHROME, sweep(pipe, radius=0.055, sides=8)),
        (coat, ball((0.18, 0, seat + 0.06), (0.33, 0.17, 0.15))),
        (TRIM, box((-0.3, 0, seat - 0.01), (0.62, 0.27, 0.1), bevel=0.05)),
        (coat, ball((rear + 0.12, 0, seat + 0.01), (0.32, 0.12, 0.09))),
        (coat, box((front, 0, 2 * r + 0.03), (0.36, 0.13, 0.05), bevel=0.02)),
        (SEAM, box((rear - 0.17, 0, seat - 0.12), (0.26, 0.1, 0.04))),
    ]
    if sport:
        cowl = ball((head + 0.1, 0, seat + 0.05), (0.3, 0.2, 0.26))
        belly = box((0.12, 0, 0.46), (0.62, 0.4, 0.3), bevel=0.12)
        parts += [(coat, cowl), (coat, belly)]
        parts.append((VISOR, ball((head + 0.06, 0, seat + 0.27), (0.18, 0.13, 0.12))))
        lamp = box((head + 0.36, 0, seat + 0.05), (0.08, 0.24, 0.1), bevel=0.03)
    else:
        lamp = ball((head + 0.14, 0, seat + 0.14), (0.08, 0.1, 0.1))
        if cruiser:  # bags beside the rear wheel
            bags = [
                box((rear, s * 0.24, seat - 0.2), (0.45, 0.16, 0.28), bevel=0.06) for s in (1, -1)
            ]
            parts.append((TRIM, merge(bags)))
    parts.append((HEADLAMP, lamp))
    return parts


def _scooter(plan: BodyPlan, coat: Material) -> Parts:
    front, rear = plan.axles
    r, seat, half = plan.wheel_radius, plan.belt, plan.width / 2
    column = front - 0.22
    parts: Parts = [
        (coat, box((rear + 0.1, 0, 0.5), (0.82, 0.36, 0.38), bevel=0.17)),
        (coat, box((0.08, 0, 0.29), (0.62, 0.36, 0.12), bevel=0.05)),
        (coat, box((column - 0.06, 0, 0.62), (0.12, 0.42, 0.66), bevel=0.055)),
        (coat, ball((front, 0, 2 * r), (0.24, 0.1, 0.09))),
        (coat, ball((column - 0.03, 0, seat + 0.22), (0.14, 0.2, 0.11))),
        (TRIM, box((rear + 0.18, 0, seat - 0.04), (0.68, 0.3, 0.11), bevel=0.05)),
        (TRIM, box((-0.05, 0, 0.36), (0.4, 0.3, 0.02))),
        (TRIM, _bar(column - 0.08, half - 0.02, seat + 0.24)),
        (STEEL, sweep([(rear, -0.14, 0.26), (rear - 0.3, -0.18, 0.34)], radius=0.05, sides=8)),
        (HEADLAMP, ball((column + 0.09, 0, seat + 0.22), (0.05, 0.09, 0.07))),
    ]
    for side in (-1, 1):
        fork = [(front, side * 0.07, r), (column, side * 0.07, 0.7)]
        parts.append((STEEL, sweep(fork, radius=0.03)))
        parts.append((TRIM, box((column - 0.1, side * 0.34, seat + 0.42), (0.02, 0.14, 0.1))))
    return parts


# Hip, shoulder, elbow, hand, knee, foot: x, distance from the middle, height above the seat.
_Pose = tuple[Point, Point, Point, Point, Point, Point]
_SPORT_POSE: _Pose = (
    (-0.32, 0.1, 0.14), (0.06, 0.19, 0.5), (0.2, 0.32, 0.28), (0.36, 0.31, 0.24),
    (0.12, 0.24, -0.02), (-0.28, 0.18, -0.38),
)  # fmt: skip
_UPRIGHT_POSE: _Pose = (
    (-0.26, 0.1, 0.14), (-0.1, 0.2, 0.6), (0.06, 0.36, 0.38), (0.32, 0.34, 0.27),
    (0.18, 0.25, 0.0), (0.02, 0.2, -0.42),
)  # fmt: skip
_SCOOTER_POSE: _Pose = (
    (-0.32, 0.1, 0.12), (-0.24, 0.19, 0.62), (-0.06, 0.3, 0.36), (0.24, 0.28, 0.26),
    (0.06, 0.17, 0.08), (0.12, 0.15, -0.38),
)  # fmt: skip


def _person(rider: Rider, pose: _Pose, seat: float) -> Parts:
    hip, shoulder, elbow, hand, knee, foot = (np.array([x, y, seat + up]) for x, y, up in pose)
    jacket, trousers = (Material(rgb, roughness=0.85) for rgb in (rider.jacket, rider.trousers))
    center = np.array([1.0, 0.0, 1.0])
    # Chest and hips are wider than deep; the neck stands a little in front of the shoulders.
    chest = limb([_at(hip * center), _at(shoulder * center)], [0.13, 0.15], flat=1.45)
    neck = shoulder * center + np.array([0.04, 0.0, 0.13])
    head = neck + np.array([0.03, 0.0, 0.13])
    arms, legs, shoes, hands = [], [], [], []
    for side in (1.0, -1.0):
        way = np.array([1.0, side, 1.0])
        arms.append(limb([_at(way * p) for p in (shoulder, elbow, hand)], [0.075, 0.055, 0.045]))
        legs.append(limb([_at(way * p) for p in (hip, knee, foot)], [0.11, 0.08, 0.06]))
        toe = foot * way + np.array([0.06, 0.0, -0.03])
        shoes.append(box(_at(toe), (0.26, 0.1, 0.1), bevel=0.04))
        hands.append(ball(_at(hand * way), (0.06, 0.055, 0.05)))
    return [
        (jacket, merge([chest, *arms])),
        (trousers, merge(legs)),
        (TRIM, merge([*shoes, *hands])),
        (SKIN, ball(_at(neck), (0.07, 0.07, 0.08))),
        (solid(rider.helmet), ball(_at(head), (0.145, 0.13, 0.145))),
        (VISOR, ball(_at(head + np.array([0.045, 0.0, 0.005])), (0.115, 0.115, 0.065))),
    ]


def _at(point: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(point[0]), float(point[1]), float(point[2])
