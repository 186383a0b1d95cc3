"""What stands behind a cab: the box of a box van, the walls round a pickup's bed."""

from synthetic_aug.city.body import Panel, Parts, both_sides, mirror_pair, rectangle
from synthetic_aug.city.geometry import box, select
from synthetic_aug.city.heavy import slab
from synthetic_aug.city.paint import SEAM, STEEL, TAILLAMP, TRIM, Material
from synthetic_aug.city.profiles import BodyPlan

_FLOOR = 0.82  # metres above the ground, just over the hull behind the cab


def box_of(plan: BodyPlan, coat: Material) -> tuple[Parts, tuple[Panel, Panel, Panel]]:
    """Build the box of a box van.

    Args:
        plan: measurements; the box reaches from the rear end to the cab and up to ``deck``.
        coat: its paint.

    Returns:
        Its parts, and the panels on side, rear and top.
    """
    rear, front = -plan.length / 2 - 0.03, plan.glass_rear + 0.02
    half, height = plan.width / 2 * 1.04, plan.deck - _FLOOR
    block = slab(rear, front, half, _FLOOR, plan.deck, edge=0.05)
    surface, sides = block.mesh()
    parts: Parts = [
        (SEAM if name == "bottom" else coat, select(surface, rows)) for name, rows in sides.items()
    ]
    for level in (-0.97, 0.97):
        rail = rectangle((-0.99, 0.99), (level - 0.03, level + 0.03))
        parts += both_sides(block, rail, STEEL, lift=0.012)
    parts.append((SEAM, block.patch("rear", rectangle((-0.012, 0.012), (-0.93, 0.93)))))
    for t in (-0.4, 0.4):
        bar = rectangle((t - 0.012, t + 0.012), (-0.93, 0.93))
        parts.append((STEEL, block.patch("rear", bar, lift=0.03)))
    parts += mirror_pair(block, "rear", rectangle((0.84, 0.96), (0.86, 0.93)), TAILLAMP)
    middle = (rear + front) / 2
    parts.append((TRIM, box((middle, 0, _FLOOR - 0.06), (front - rear - 0.1, 1.6 * half, 0.12))))
    long = 0.9 * (front - rear)
    side = Panel(block, (-0.9, 0.9), (-0.8, 0.85), (long, 0.8 * height))
    tail = Panel(block, (-0.85, 0.85), (-0.8, 0.82), (1.7 * half, 0.8 * height))
    top = Panel(block, (-0.9, 0.9), (-0.85, 0.85), (long, 1.7 * half))
    return parts, (side, tail, top)


def bed_of(plan: BodyPlan, coat: Material) -> tuple[Parts, tuple[float, float, float, float]]:
    """Walls and tail gate round a pickup's bed, and the place inside it."""
    rear, front, floor = -plan.length / 2, plan.glass_rear - 0.02, 0.62 * plan.deck
    height, middle = plan.deck - floor + 0.06, (plan.deck + floor) / 2 - 0.03
    inner = plan.width / 2 - 0.12
    parts: Parts = [
        (SEAM, box(((rear + front) / 2, 0, floor + 0.01), (front - rear - 0.1, 2 * inner, 0.05)))
    ]
    center, size = (rear + front) / 2 + 0.03, front - rear - 0.06
    for side in (1, -1):
        y = side * (plan.width / 2 * 0.975 - 0.05)
        parts.append((coat, box((center, y, middle), (size, 0.1, height), bevel=0.03)))
    parts.append(
        (coat, box((rear + 0.09, 0, middle), (0.09, 2 * inner + 0.08, height), bevel=0.03))
    )
    parts.append((coat, box((front - 0.02, 0, middle), (0.06, 2 * inner, height), bevel=0.02)))
    return parts, (rear + 0.16, front - 0.08, inner, floor + 0.04)
