"""Cars, pickups and vans complete: shell, windows, lamps, grille, bumpers, plates, seams."""

from synthetic_aug.city.bodies import Dent, cabin, cabin_level, hull, hull_side
from synthetic_aug.city.body import Body, Panel, Parts, both_sides, mirror_pair, rectangle
from synthetic_aug.city.boxes import bed_of, box_of
from synthetic_aug.city.geometry import Block, box, select
from synthetic_aug.city.paint import (
    AMBER,
    CHROME,
    HEADLAMP,
    SEAM,
    STEEL,
    TAILLAMP,
    TRIM,
    Material,
)
from synthetic_aug.city.profiles import OPEN_BED, STEPPED_REAR, BodyPlan

# Side windows along the cabin, as ranges of s from the rear (-1) to the front (1).
_WINDOWS: dict[str, tuple[tuple[float, float], ...]] = {
    "sedan": ((-0.72, -0.56), (-0.52, 0.12), (0.17, 0.9)),
    "hatchback": ((-0.9, -0.66), (-0.6, 0.04), (0.09, 0.9)),
    "suv": ((-0.92, -0.5), (-0.44, 0.1), (0.15, 0.9)),
    "pickup": ((-0.86, -0.1), (-0.03, 0.9)),
    "van": ((-0.94, -0.38), (-0.33, 0.28), (0.36, 0.9)),
    "estate": ((-0.93, -0.56), (-0.51, 0.1), (0.15, 0.9)),
    "coupe": ((-0.62, -0.3), (-0.24, 0.88)),
    "minicar": ((-0.9, -0.42), (-0.35, 0.88)),
    "minivan": ((-0.94, -0.52), (-0.47, 0.08), (0.13, 0.92)),
    "singlecab": ((-0.62, 0.86),),
    "boxvan": ((-0.45, 0.86),),
}


def build_car(
    plan: BodyPlan,
    coat: Material,
    roof: Material,
    pane: Material,
    *,
    plate: Material,
    box_coat: Material | None = None,
    panelled: bool = False,
    bare: bool = False,
    dents: tuple[Dent, ...] = (),
) -> Body:
    """Build a sedan, hatchback, SUV, pickup, van or one of their variants.

    Args:
        plan: measurements; its body type is one of those with windows above.
        coat: paint of the body.
        roof: paint of the roof, the same as ``coat`` unless two-tone.
        pane: material of the side and rear windows.
        plate: number plate.
        box_coat: paint of a box van's box; the coat's by default.
        panelled: a van without rear side windows.
        bare: unpainted bumpers and sills.
        dents: hollows in the hull's sides.
    """
    lower, upper = hull(plan, dents), cabin(plan)
    surface, sides = lower.mesh()
    top, top_sides = upper.mesh()
    parts: Parts = [
        (coat, select(surface, rows)) for name, rows in sides.items() if name != "bottom"
    ]
    parts.append((SEAM, select(surface, sides["bottom"])))
    parts += [
        (roof if name == "top" else coat, select(top, rows))
        for name, rows in top_sides.items()
        if name != "bottom"
    ]
    parts += _windows(plan, upper, pane, panelled)
    parts += _front(plan, lower, plate, bare)
    parts += _rear(plan, lower, upper, plate, bare)
    parts += _seams(plan, lower, bare)
    parts += _mirrors(plan, coat if not bare else TRIM)
    bed, panels = None, _panels(plan, lower, upper)
    if plan.body_type in OPEN_BED:
        extra, bed = bed_of(plan, coat)
        parts += extra
    elif plan.body_type == "boxvan":
        extra, flanks = box_of(plan, box_coat or coat)
        parts += extra
        panels = (*flanks, panels[3])
    return Body(plan, parts, *panels, bonnet=True, roof=_roof(plan), bed=bed)


def _windows(plan: BodyPlan, upper: Block, pane: Material, panelled: bool) -> Parts:
    low, high = cabin_level(plan, plan.belt + 0.045), 0.78
    if plan.body_type == "van":
        high = min(0.8, cabin_level(plan, plan.belt + 0.75))
    screen = Material((0.03, 0.035, 0.037), roughness=0.12, clearcoat=1.0)
    parts: Parts = [
        (screen, upper.patch("front", [(-0.86, low), (0.86, low), (0.84, 0.82), (-0.84, 0.82)]))
    ]
    spans = _WINDOWS[plan.body_type]
    for rear, front in spans[-1:] if panelled else spans:
        # A dark frame under the pane reads as the rubber seal and the black pillar trim.
        frame = rectangle((rear - 0.025, front + 0.025), (low - 0.04, high + 0.05))
        parts += both_sides(upper, frame, SEAM, lift=0.005)
        parts += both_sides(upper, rectangle((rear, front), (low, high)), pane, lift=0.01)
    if not (panelled and plan.body_type == "van"):
        bottom = low + (0.0 if plan.body_type in STEPPED_REAR + OPEN_BED else 0.1)
        rear_glass = [(-0.8, bottom), (0.8, bottom), (0.76, 0.74), (-0.76, 0.74)]
        parts.append((pane, upper.patch("rear", rear_glass, lift=0.01)))
    return parts


def _front(plan: BodyPlan, lower: Block, plate: Material, bare: bool) -> Parts:
    grille = [
        rectangle((-0.42, 0.42), (0.1, 0.62)),
        rectangle((-0.56, 0.56), (0.3, 0.6)),
        [(-0.3, -0.35), (0.3, -0.35), (0.4, 0.62), (-0.4, 0.62)],
    ][plan.lamp_style]
    lamp = [
        [(0.5, 0.2), (0.99, 0.26), (0.99, 0.74), (0.54, 0.62)],
        [(0.62, 0.36), (0.99, 0.42), (0.99, 0.72), (0.62, 0.62)],
        [(0.52, 0.1), (0.96, 0.1), (0.96, 0.74), (0.56, 0.7)],
    ][plan.lamp_style]
    parts: Parts = [
        (TRIM if bare else SEAM, lower.patch("front", rectangle((-0.62, 0.62), (-0.85, -0.5)))),
        (SEAM, lower.patch("front", grille)),
        (plate, lower.patch("front", rectangle((-0.28, 0.28), (-0.42, -0.18)), lift=0.02)),
    ]
    if plan.lamp_style != 1:
        emblem = rectangle((-0.08, 0.08), (0.26, 0.48))
        parts.append((CHROME, lower.patch("front", emblem, lift=0.02)))
    parts += mirror_pair(lower, "front", lamp, HEADLAMP)
    inner = 1 - 0.3 / (plan.length / 2)
    wedge = [(inner, 0.5), (1.0, 0.26), (1.0, 0.74), (inner, 0.7)]
    parts += both_sides(lower, wedge, HEADLAMP, lift=0.01)
    parts += mirror_pair(lower, "front", rectangle((0.7, 0.86), (-0.6, -0.36)), HEADLAMP)
    if bare:
        parts += _bumper_wrap(lower, "front", 1.0)
    return parts


def _bumper_wrap(lower: Block, face: str, sign: float) -> Parts:
    band = rectangle((-1.0, 1.0), (-0.9, -0.5))
    flank = rectangle((sign * 0.9, sign * 1.0), (-0.9, -0.5))
    return [
        (TRIM, lower.patch(face, band, steps=(10, 3), lift=0.006)),
        *both_sides(lower, flank, TRIM, lift=0.006),
    ]


def _rear(plan: BodyPlan, lower: Block, upper: Block, plate: Material, bare: bool) -> Parts:
    level = 0.16 if plan.body_type in STEPPED_REAR else -0.05
    parts: Parts = [
        (plate, lower.patch("rear", rectangle((0.28, -0.28), (level, level + 0.24)), lift=0.02)),
        (TRIM, lower.patch("rear", rectangle((-0.66, 0.66), (-0.88, -0.6)))),
    ]
    if plan.body_type in STEPPED_REAR:
        lamp = [
            [(0.48, 0.3), (0.99, 0.3), (0.99, 0.72), (0.48, 0.66)],
            [(0.36, 0.42), (0.99, 0.42), (0.99, 0.68), (0.36, 0.62)],
            [(0.62, 0.1), (0.99, 0.2), (0.99, 0.74), (0.66, 0.72)],
        ][plan.lamp_style]
        parts += mirror_pair(lower, "rear", lamp, TAILLAMP)
        parts += both_sides(
            lower, [(-1.0, 0.3), (-0.92, 0.5), (-0.92, 0.68), (-1.0, 0.7)], TAILLAMP
        )
    elif plan.body_type in OPEN_BED or plan.body_type == "boxvan":
        parts += mirror_pair(lower, "rear", rectangle((0.84, 0.99), (0.0, 0.96)), TAILLAMP)
    else:
        high = 0.95 if plan.lamp_style else 0.7
        lamp = rectangle((0.72 if plan.lamp_style != 1 else 0.62, 0.99), (0.2, high))
        parts += mirror_pair(lower, "rear", lamp, TAILLAMP)
        parts += both_sides(lower, rectangle((-1.0, -0.955), (0.25, high)), TAILLAMP)
        if plan.lamp_style == 2 or plan.body_type == "van":
            low = cabin_level(plan, plan.belt)
            parts += mirror_pair(upper, "rear", rectangle((0.85, 0.99), (low, 0.3)), TAILLAMP)
    seam = 0.78 if plan.body_type in STEPPED_REAR else 0.02
    parts.append((SEAM, lower.patch("rear", rectangle((-0.7, 0.7), (-0.5, -0.47)))))
    if plan.body_type == "van":  # two wings of a rear door
        parts.append((SEAM, upper.patch("rear", rectangle((-0.015, 0.015), (-0.8, 0.85)))))
        parts.append((SEAM, lower.patch("rear", rectangle((-0.015, 0.015), (-0.5, 0.9)))))
    else:
        parts.append((CHROME, lower.patch("rear", rectangle((-0.3, 0.3), (seam - 0.03, seam)))))
    if bare:
        parts += _bumper_wrap(lower, "rear", -1.0)
    return parts


def _seams(plan: BodyPlan, lower: Block, bare: bool) -> Parts:
    front, rear = plan.axles
    sill, arch = plan.clearance + 0.12, plan.wheel_radius + 0.07
    first = front - arch - 0.06
    last = rear + arch + 0.05
    middle = first + 0.52 * (last - first)
    parts: Parts = []
    for x in (first, middle, last):
        z0 = sill if x != last else plan.wheel_radius + 0.3
        a, b = hull_side(plan, x - 0.012, z0), hull_side(plan, x + 0.012, plan.belt - 0.04)
        parts += both_sides(lower, rectangle((a[0], b[0]), (a[1], b[1])), SEAM, lift=0.006)
    for x in (middle + 0.12, last + 0.12) if plan.body_type != "van" else (middle + 0.12,):
        a, b = hull_side(plan, x, plan.belt - 0.16), hull_side(plan, x + 0.17, plan.belt - 0.12)
        parts += both_sides(lower, rectangle((a[0], b[0]), (a[1], b[1])), CHROME, lift=0.02)
    low = hull_side(plan, middle, plan.clearance + 0.02)[1]
    high = hull_side(plan, middle, plan.clearance + (0.2 if bare else 0.09))[1]
    span = (hull_side(plan, last + 0.02, 0.5)[0], hull_side(plan, first + 0.04, 0.5)[0])
    parts += both_sides(lower, rectangle(span, (low, high)), TRIM, steps=(8, 2), lift=0.01)
    return parts


def _mirrors(plan: BodyPlan, coat: Material) -> Parts:
    x = plan.cowl - 0.42
    parts: Parts = []
    for side in (1, -1):
        y = side * (plan.width / 2 + 0.05)
        high = 0.26 if plan.body_type in ("van", "boxvan", *OPEN_BED) else 0.16
        parts.append((coat, box((x, y, plan.belt + 0.1), (0.13, 0.2, high), bevel=0.05)))
        parts.append((STEEL, box((x - 0.07, y, plan.belt + 0.1), (0.02, 0.16, high - 0.04))))
    parts.append(
        (AMBER, box((x + 0.065, plan.width / 2 + 0.1, plan.belt + 0.06), (0.02, 0.06, 0.03)))
    )
    return parts


def _roof(plan: BodyPlan) -> tuple[float, float, float, float]:
    half = plan.width / 2 * 0.945 * (1 - plan.lean)
    return plan.roof_rear + 0.1, plan.roof_front - 0.12, half, plan.height - 0.03


def _panels(plan: BodyPlan, lower: Block, upper: Block) -> tuple[Panel, Panel, Panel, Panel]:
    front, rear = plan.axles
    arch = plan.wheel_radius + 0.1
    a = hull_side(plan, rear + arch, plan.clearance + 0.22)
    b = hull_side(plan, front - arch, plan.belt - 0.07)
    side = Panel(lower, (a[0], b[0]), (a[1], b[1]), (front - rear - 2 * arch, plan.belt - 0.5))
    tail = Panel(lower, (-0.66, 0.66), (-0.4, 0.9), (plan.width * 0.66, 0.45))
    if plan.body_type == "van":
        tail = Panel(upper, (-0.8, 0.8), (-0.75, 0.8), (plan.width * 0.75, 0.8))
    top = Panel(
        upper, (-0.8, 0.8), (-0.85, 0.85), (plan.roof_front - plan.roof_rear, plan.width * 0.7)
    )
    bonnet_x = (plan.cowl + 0.1) / (plan.length / 2), 0.93
    bonnet = Panel(lower, bonnet_x, (-0.8, 0.8), (plan.length / 2 - plan.cowl, plan.width * 0.8))
    return side, tail, top, bonnet
