"""The shells of passenger cars, pickups and vans: a lower hull with wheel arches and a cabin.

Cross-sections are lofted along x. The hull's upper edge follows the side profile (boot, window
line, bonnet, nose), its lower edge rises over the wheels; the front profile narrows towards sill
and shoulder; plan and nose are curved. The cabin is a second block with raked ends and sides that
lean in.
"""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.geometry import Block, FloatArray
from synthetic_aug.city.profiles import OPEN_BED, STEPPED_REAR, UPRIGHT_REAR, BodyPlan


@dataclass(frozen=True)
class Dent:
    """A hollow in a side: place, depth and radius in metres; ``side`` is +1 left, -1 right."""

    x: float
    z: float
    depth: float
    radius: float
    side: int


def side_profile(plan: BodyPlan) -> tuple[FloatArray, FloatArray]:
    """Upper edge of the hull as increasing x and the heights there."""
    front, rear = plan.length / 2, -plan.length / 2
    bonnet = front - plan.cowl
    nose = [
        (plan.cowl - 0.05, plan.belt),
        (plan.cowl + 0.30 * bonnet, plan.belt - 0.22 * (plan.belt - plan.nose)),
        (plan.cowl + 0.65 * bonnet, plan.belt - 0.52 * (plan.belt - plan.nose)),
        (front - 0.10, plan.nose + 0.02),
        (front, plan.nose - 0.05),
    ]
    if plan.body_type in STEPPED_REAR:
        tail = [
            (rear, plan.deck - 0.05),
            (rear + 0.10, plan.deck),
            (plan.glass_rear, plan.deck),
            (plan.glass_rear + 0.5, plan.belt),
        ]
    elif plan.body_type in OPEN_BED or plan.body_type == "boxvan":
        floor = 0.85 if plan.body_type == "boxvan" else 0.62 * plan.deck
        tail = [(rear, floor), (plan.glass_rear - 0.04, floor), (plan.glass_rear, plan.belt)]
    else:
        tail = [(rear, plan.belt), (plan.glass_rear + 0.2, plan.belt)]
    points = np.array(tail + nose)
    return points[:, 0], points[:, 1]


def _arch_radius(plan: BodyPlan) -> float:
    return plan.wheel_radius + 0.055


def _lower_edge(plan: BodyPlan, x: FloatArray) -> FloatArray:
    """Height of the hull's lower edge at x: the sill, and a half circle over each wheel."""
    edge = np.full_like(x, plan.clearance)
    radius = _arch_radius(plan)
    for axle in plan.axles:
        inside = np.clip(radius**2 - (x - axle) ** 2, 0.0, None)
        over = np.abs(x - axle) <= radius + 1e-9
        edge = np.where(over, np.maximum(edge, plan.wheel_radius + np.sqrt(inside)), edge)
    return edge


def _hull_lines(plan: BodyPlan) -> list[float]:
    """Cube coordinates s at which the hull needs a cross-section."""
    radius = _arch_radius(plan)
    arch = radius * np.cos(np.linspace(0, np.pi, 9))
    stations = list(side_profile(plan)[0][1:-1])
    for axle in plan.axles:
        stations += list(axle + arch)
        stations += [axle - radius - 0.012, axle + radius + 0.012]
    stations += list(np.linspace(plan.axles[1] + radius, plan.axles[0] - radius, 7)[1:-1])
    ordered = np.unique(np.round(np.array(stations), 4))
    keep = np.concatenate([[True], np.diff(ordered) > 0.009])
    return [float(x) for x in ordered[keep] / (plan.length / 2)]


def hull(plan: BodyPlan, dents: tuple[Dent, ...] = ()) -> Block:
    """Lower body of a car from sill to window line, bonnet and boot."""
    profile_x, profile_z = side_profile(plan)
    half, width = plan.length / 2, plan.width / 2

    def bend(cube: FloatArray) -> FloatArray:
        s, t, u = cube.T
        x = s * half
        low, high = _lower_edge(plan, x), np.interp(x, profile_x, profile_z)
        # Whatever would lie below the wheel arch is drawn up onto its edge.
        z = np.maximum(plan.clearance + (u + 1) / 2 * (high - plan.clearance), low)
        level = np.clip((z - plan.clearance) / (plan.belt - plan.clearance), 0.0, 1.1)
        section = (
            1.0
            - 0.07 * np.clip((0.42 - level) / 0.42, 0, None) ** 2
            - 0.05 * np.clip((level - 0.6) / 0.4, 0, None) ** 1.5
        )
        front, rear = np.clip(s, 0, None) ** 8, np.clip(-s, 0, None) ** 8
        y = t * width * section * (1 - 0.07 * front - 0.05 * rear)
        rise = (z - plan.clearance) / (high - plan.clearance)
        x = x - front * (plan.bow_front * t**2 + 0.09 * (1.6 * (rise - 0.4)) ** 2)
        x = x + rear * (plan.bow_rear * t**2 + 0.07 * (1.6 * (rise - 0.45)) ** 2)
        for dent in dents:
            near = ((x - dent.x) ** 2 + (z - dent.z) ** 2) / (2 * dent.radius**2)
            y = y - np.where(t * dent.side > 0, dent.side * dent.depth * np.exp(-near), 0.0)
        return np.stack([x, y, z], axis=1)

    rounding = (0.12 / half, 0.05 / width, 0.05 / (0.5 * (plan.belt - plan.clearance)))
    lines = np.linspace(-0.75, 0.75, 6)
    return Block(bend, rounding, (_hull_lines(plan), (-0.5, 0.0, 0.5), list(lines)))


def cabin_base(plan: BodyPlan) -> float:
    """Height at which the cabin starts, hidden inside the hull."""
    return plan.belt - 0.12


def cabin(plan: BodyPlan) -> Block:
    """Upper body: pillars, roof, and the surfaces on which the windows lie."""
    base = cabin_base(plan)
    width = plan.width / 2 * 0.945
    upright = plan.body_type in UPRIGHT_REAR

    def bend(cube: FloatArray) -> FloatArray:
        s, t, u = cube.T
        up = (u + 1) / 2
        ahead = plan.cowl + (plan.roof_front - plan.cowl) * up ** (1.25 if upright else 1.15)
        behind = plan.glass_rear + (plan.roof_rear - plan.glass_rear) * up ** (
            1.8 if upright else 1.1
        )
        ahead = ahead - 0.11 * t**2 * np.clip(s, 0, None) ** 6
        behind = behind + 0.07 * t**2 * np.clip(-s, 0, None) ** 6
        x = behind + (s + 1) / 2 * (ahead - behind)
        crown = 0.028 * t**2 + 0.045 * np.clip(s, 0, None) ** 4 + 0.05 * np.clip(-s, 0, None) ** 4
        z = base + up * (plan.height - base) - up * crown
        y = t * width * (1 - plan.lean * up**1.2) * (1 - 0.03 * s**4)
        return np.stack([x, y, z], axis=1)

    long = (plan.cowl - plan.glass_rear) / 2
    rounding = (0.07 / long, 0.065 / width, 0.065 / (0.5 * (plan.height - base)))
    inner = list(np.linspace(-0.8, 0.8, 9))
    return Block(bend, rounding, (inner, (-0.5, 0.0, 0.5), (-0.6, -0.2, 0.2, 0.6)))


def cabin_level(plan: BodyPlan, height: float) -> float:
    """Cube coordinate u of the cabin at a height above the ground in metres."""
    base = cabin_base(plan)
    return 2 * (height - base) / (plan.height - base) - 1


def hull_side(plan: BodyPlan, x: float, z: float) -> tuple[float, float]:
    """Cube coordinates (s, u) of a place on the hull's side, away from nose and tail."""
    profile_x, profile_z = side_profile(plan)
    high = float(np.interp(x, profile_x, profile_z))
    return x / (plan.length / 2), 2 * (z - plan.clearance) / (high - plan.clearance) - 1
