"""Trucks complete, and the box body with rounded edges that buses are made of as well."""

import numpy as np

from synthetic_aug.city.body import Body, Panel, Parts, both_sides, mirror_pair, rectangle
from synthetic_aug.city.geometry import Block, FloatArray, Mesh, box, select
from synthetic_aug.city.paint import HEADLAMP, SEAM, STEEL, TAILLAMP, TRIM, Material
from synthetic_aug.city.profiles import BodyPlan

SCREEN = Material((0.03, 0.035, 0.037), roughness=0.12, clearcoat=1.0)


def slab(
    rear: float,
    front: float,
    half_width: float,
    low: float,
    high: float,
    *,
    bow: float = 0.0,
    rake: float = 0.0,
    edge: float = 0.06,
    arches: tuple[float, ...] = (),
    arch: float = 0.0,
    wheel: float = 0.0,
) -> Block:
    """A box body with rounded edges: bowed and raked front, optional wheel arches.

    Args:
        rear, front: x of the ends in metres; likewise ``low`` and ``high`` along z.
        half_width: half the width in metres.
        bow: metres by which the front's corners lie behind its middle.
        rake: metres by which the front's upper edge lies behind its lower one.
        edge: radius of the rounded edges in metres.
        arches: x of the wheel centres; ``arch`` is the radius cut out and ``wheel`` the height of
            the wheel centres above the ground.
    """
    half, middle = (front - rear) / 2, (front + rear) / 2

    def lower(x: FloatArray) -> FloatArray:
        bottom = np.full_like(x, low)
        for axle in arches:
            inside = np.abs(x - axle) <= arch + 1e-9
            height = wheel + np.sqrt(np.clip(arch**2 - (x - axle) ** 2, 0.0, None))
            bottom = np.where(inside, np.maximum(bottom, height), bottom)
        return bottom

    def bend(cube: FloatArray) -> FloatArray:
        s, t, u = cube.T
        x, up = middle + s * half, (u + 1) / 2
        z = np.maximum(low + up * (high - low), lower(x))
        ahead = np.clip(s, 0, None) ** 12
        share = np.clip((z - low) / (high - low), 0, 1)
        x = x - ahead * (bow * t**2 + rake * np.clip((share - 0.3) / 0.7, 0, None) ** 1.5)
        y = t * half_width * (1 - 0.025 * np.clip((share - 0.5) / 0.5, 0, None) ** 2)
        return np.stack([x, y, z], axis=1)

    stations = [axle + arch * c for axle in arches for c in np.cos(np.linspace(0, np.pi, 9))]
    stations += [axle + sign * (arch + 0.012) for axle in arches for sign in (-1, 1)]
    lines = sorted({round((x - middle) / half, 4) for x in stations} | {-0.5, 0.0, 0.5})
    rounding = (edge / half, edge / half_width, edge / ((high - low) / 2))
    return Block(bend, rounding, (lines, (0.0,), (-0.6, -0.2, 0.2, 0.6)))


def shell(block: Block, coat: Material, roof: Material | None = None) -> Parts:
    """Surfaces of a block: painted, the top in the roof's paint, the bottom dark."""
    surface, sides = block.mesh()
    materials = {"top": roof or coat, "bottom": SEAM}
    return [(materials.get(name, coat), select(surface, rows)) for name, rows in sides.items()]


def build_truck(
    plan: BodyPlan, coat: Material, load: Material, *, plate: Material, flat: bool
) -> Body:
    """Build a rigid truck: cab over the front axle, frame, and a box body or a flat bed."""
    front, rear, half = plan.length / 2, -plan.length / 2, plan.width / 2
    arch, low = plan.wheel_radius + 0.08, plan.clearance
    cab_top = min(2.75, plan.height - 0.15)
    cab = slab(
        plan.cowl,
        front,
        half * 0.95,
        low - 0.05,
        cab_top,
        bow=0.18,
        rake=0.3,
        edge=0.11,
        arches=plan.axles[:1],
        arch=arch,
        wheel=plan.wheel_radius,
    )
    parts = shell(cab, coat)
    parts += _cab_fittings(cab, plate)
    bed_z, bed_rear, bed_front = 1.12, rear + 0.05, plan.cowl - 0.12
    length, middle = bed_front - bed_rear, (bed_front + bed_rear) / 2
    parts.append((TRIM, box(((rear + plan.cowl) / 2, 0, 0.82), (plan.cowl - rear, 0.9, 0.3))))
    parts.append((STEEL, box((plan.cowl - 1.0, half * 0.75, 0.68), (0.9, 0.45, 0.45), bevel=0.1)))
    parts.append((TRIM, box((rear + 0.1, 0, 0.6), (0.1, 2 * half * 0.9, 0.14))))
    for side in (1, -1):
        parts.append((TAILLAMP, box((rear + 0.05, side * half * 0.78, 0.78), (0.06, 0.34, 0.14))))
        # Mudguards over the twin wheels; side guards between the axles.
        x = plan.axles[1]
        parts.append((SEAM, box((x, side * half * 0.8, 1.04), (2.3 * arch, 0.5, 0.06))))
        span = plan.axles[0] - x - 2 * arch - 0.9
        parts.append(
            (STEEL, box((x + arch + span / 2, side * half * 0.9, 0.68), (span, 0.04, 0.12)))
        )
    parts.append((plate, _tail_plate(rear)))
    height = 0.35 if flat else plan.height - bed_z
    body = slab(bed_rear, bed_front, half, bed_z, bed_z + (0.16 if flat else height), edge=0.03)
    parts += shell(body, load)
    bed = None
    if flat:
        bed = (bed_rear + 0.1, bed_front - 0.1, half - 0.1, bed_z + 0.17)
        parts.append((STEEL, box((bed_front, 0, bed_z + 0.6), (0.08, 2 * half, 1.2))))
        for side in (1, -1):
            wall = (middle, side * (half - 0.03), bed_z + 0.28)
            parts.append((load, box(wall, (length, 0.05, 0.4))))
        parts.append((load, box((bed_rear + 0.03, 0, bed_z + 0.28), (0.05, 2 * half, 0.4))))
    else:
        for u in (-0.97, 0.97):
            rail = rectangle((-0.99, 0.99), (u - 0.025, u + 0.025))
            parts += both_sides(body, rail, STEEL, lift=0.012)
        parts.append((SEAM, body.patch("rear", rectangle((-0.012, 0.012), (-0.95, 0.95)))))
        for t in (-0.5, -0.25, 0.25, 0.5):
            bar = rectangle((t - 0.012, t + 0.012), (-0.95, 0.95))
            parts.append((STEEL, body.patch("rear", bar, lift=0.03)))
    side_panel = Panel(body, (-0.9, 0.9), (-0.8, 0.85), (length * 0.9, height * 0.8))
    tail = Panel(body, (-0.85, 0.85), (-0.8, 0.85), (half * 1.7, height * 0.8))
    top = Panel(body, (-0.9, 0.9), (-0.85, 0.85), (length * 0.9, half * 1.7))
    face = Panel(cab, (-0.6, 0.6), (-0.2, 0.05), (half * 1.2, 0.25))
    roof = (plan.cowl + 0.2, front - 0.5, half * 0.8, cab_top)
    return Body(plan, parts, side_panel, tail, top, face, bonnet=False, roof=roof, bed=bed)


def _cab_fittings(cab: Block, plate: Material) -> Parts:
    parts: Parts = [
        (SCREEN, cab.patch("front", [(-0.88, 0.1), (0.88, 0.1), (0.86, 0.78), (-0.86, 0.78)])),
        (SEAM, cab.patch("front", rectangle((-0.6, 0.6), (-0.45, -0.1)))),
        (TRIM, cab.patch("front", rectangle((-0.97, 0.97), (-0.95, -0.58)), lift=0.03)),
        (plate, cab.patch("front", rectangle((-0.25, 0.25), (-0.84, -0.7)), lift=0.05)),
    ]
    parts += mirror_pair(cab, "front", rectangle((0.66, 0.95), (-0.82, -0.62)), HEADLAMP, lift=0.05)
    pane = [(-0.25, 0.12), (0.8, 0.12), (0.62, 0.72), (-0.25, 0.72)]
    parts += both_sides(cab, pane, SCREEN)
    parts += both_sides(cab, rectangle((-0.5, -0.48), (-0.1, 0.8)), SEAM, lift=0.006)
    corner = cab.at(np.array([[1.0, 1.0, 0.35]]))[0]
    for side in (1, -1):
        center = (corner[0] + 0.05, side * (corner[1] + 0.2), corner[2])
        parts.append((TRIM, box(center, (0.1, 0.24, 0.5), bevel=0.04)))
        arm = (corner[0], side * (corner[1] + 0.05), corner[2] + 0.2)
        parts.append((TRIM, box(arm, (0.05, 0.3, 0.04))))
    return parts


def _tail_plate(rear: float) -> Mesh:
    block = slab(rear + 0.02, rear + 0.08, 0.3, 0.86, 1.02, edge=0.01)
    return block.patch("rear", rectangle((0.9, -0.9), (-0.9, 0.9)), lift=0.005)
