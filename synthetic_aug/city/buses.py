"""City buses and coaches complete."""

from itertools import pairwise

import numpy as np

from synthetic_aug.city.body import Body, Panel, Parts, both_sides, mirror_pair, rectangle
from synthetic_aug.city.geometry import Block, box
from synthetic_aug.city.heavy import SCREEN, shell, slab
from synthetic_aug.city.paint import HEADLAMP, SEAM, TAILLAMP, TRIM, Material
from synthetic_aug.city.profiles import BodyPlan

_SIGN = Material((0.015, 0.012, 0.008), roughness=0.4)


def build_bus(
    plan: BodyPlan, coat: Material, roof: Material, pane: Material, *, plate: Material
) -> Body:
    """Build a city bus or a coach.

    A city bus has doors on its right, a destination sign and a unit on its roof. A coach has one
    door behind the front axle's overhang, flaps of the luggage hold and mirrors on long arms.
    """
    front, rear, half = plan.length / 2, -plan.length / 2, plan.width / 2
    arch = plan.wheel_radius + 0.07
    block = slab(
        rear,
        front,
        half,
        plan.clearance,
        plan.height,
        bow=0.16,
        rake=0.12,
        edge=0.12,
        arches=plan.axles,
        arch=arch,
        wheel=plan.wheel_radius,
    )
    parts = shell(block, coat, roof)
    low, high = _level(plan, plan.belt - 0.05), _level(plan, plan.height - 0.55)
    parts.append((SCREEN, block.patch("front", rectangle((-0.9, 0.9), (low - 0.1, high + 0.05)))))
    coach = plan.body_type == "coach"
    if not coach:
        parts += _destination(block, high)
    parts.append((pane, block.patch("rear", rectangle((-0.75, 0.75), (low + 0.1, high)))))
    # One dark band with panes on it: the pillars between bus windows are black as a rule.
    parts += both_sides(block, rectangle((-0.95, 0.94), (low, high + 0.04)), SEAM, steps=(14, 3))
    edges = np.linspace(-0.94, 0.92, 8)
    for start, end in pairwise(edges):
        window = rectangle((start + 0.012, end - 0.012), (low + 0.04, high))
        parts += both_sides(block, window, pane, lift=0.016)
    for door in (front - 0.35,) if coach else (front - 0.35, 0.1):
        s0, s1 = (door - 1.25) / front, door / front
        base = _level(plan, plan.clearance + 0.12)
        parts.append((SEAM, block.patch("right", rectangle((s0, s1), (base, high)), lift=0.02)))
        for a, b in ((s0 + 0.012, (s0 + s1) / 2 - 0.006), ((s0 + s1) / 2 + 0.006, s1 - 0.012)):
            leaf = rectangle((a, b), (base + 0.06, high - 0.03))
            parts.append((pane, block.patch("right", leaf, lift=0.028)))
    lamp = rectangle((0.62, 0.93), (-0.74, -0.56))
    parts += mirror_pair(block, "front", lamp, HEADLAMP)
    parts += mirror_pair(block, "rear", rectangle((0.76, 0.96), (-0.7, -0.25)), TAILLAMP)
    parts += mirror_pair(block, "rear", rectangle((0.8, 0.96), (0.84, 0.92)), TAILLAMP)
    parts.append((TRIM, block.patch("rear", rectangle((-0.6, 0.6), (-0.6, -0.2)))))
    parts.append((TRIM, block.patch("front", rectangle((-0.95, 0.95), (-0.97, -0.8)))))
    parts.append((plate, block.patch("front", rectangle((-0.2, 0.2), (-0.78, -0.69)), lift=0.02)))
    parts.append((plate, block.patch("rear", rectangle((0.2, -0.2), (-0.78, -0.69)), lift=0.02)))
    if coach:
        parts += _coach_fittings(plan, block)
    else:
        unit = box((-0.12 * front, 0, plan.height + 0.08), (2.4, 1.5, 0.3), bevel=0.08)
        parts.append((roof, unit))
        for side in (1, -1):
            parts.append((TRIM, box((front + 0.12, side * (half + 0.1), 2.1), (0.12, 0.2, 0.42))))
            parts.append((TRIM, box((front, side * (half - 0.02), 2.35), (0.3, 0.06, 0.05))))
    skirt = Panel(
        block,
        (-0.9, 0.9),
        (_level(plan, plan.clearance + 0.25), low - 0.03),
        (plan.length * 0.9, plan.belt - 0.65),
    )
    tail = Panel(block, (-0.7, 0.7), (-0.15, low + 0.05), (1.7, 0.6))
    top = Panel(block, (-0.9, 0.9), (-0.8, 0.8), (plan.length * 0.9, 2.0))
    face = Panel(block, (-0.6, 0.6), (-0.65, low - 0.15), (1.5, 0.5))
    roof_place = (rear + 0.8, front - 1.0, half - 0.25, plan.height)
    return Body(plan, parts, skirt, tail, top, face, bonnet=False, roof=roof_place)


def _destination(block: Block, high: float) -> Parts:
    letters = Material((0.9, 0.45, 0.05), roughness=0.6)
    text = rectangle((-0.4, 0.3), (high + 0.13, high + 0.23))
    field = rectangle((-0.7, 0.7), (high + 0.1, high + 0.26))
    return [(_SIGN, block.patch("front", field)), (letters, block.patch("front", text, lift=0.02))]


def _coach_fittings(plan: BodyPlan, block: Block) -> Parts:
    """Seams of the luggage flaps, and mirrors that hang before the windscreen."""
    front, half = plan.length / 2, plan.width / 2
    low, high = _level(plan, plan.clearance + 0.2), _level(plan, plan.belt - 0.2)
    arch = plan.wheel_radius + 0.25
    parts: Parts = []
    for x in np.linspace(plan.axles[1] + arch, plan.axles[0] - arch, 5):
        s = float(x) / front
        parts += both_sides(block, rectangle((s - 0.002, s + 0.002), (low, high)), SEAM)
    for side in (1, -1):
        arm = (front + 0.05, side * (half - 0.08), plan.height - 0.35)
        parts.append((TRIM, box(arm, (0.8, 0.07, 0.07), bevel=0.02)))
        glass = (front + 0.4, side * (half - 0.06), plan.height - 0.6)
        parts.append((TRIM, box(glass, (0.12, 0.22, 0.5), bevel=0.05)))
    return parts


def _level(plan: BodyPlan, height: float) -> float:
    """Cube coordinate u of a bus's side at a height in metres."""
    return 2 * (height - plan.clearance) / (plan.height - plan.clearance) - 1
