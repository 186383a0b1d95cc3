"""More body types than the seven first ones: the measurements of each, drawn on request only."""

from dataclasses import replace

import numpy as np

from synthetic_aug.city.profiles import BODY_TYPES, BodyPlan, draw_plan

# Their typeID goes on where that of `BODY_TYPES` ends.
MORE_TYPES = (
    "estate",
    "coupe",
    "minicar",
    "minivan",
    "singlecab",
    "boxvan",
    "coach",
    "motorcycle",
    "scooter",
)
ALL_TYPES = BODY_TYPES + MORE_TYPES

# How often each of `MORE_TYPES` occurs among them.
MORE_FREQUENCY = (0.16, 0.1, 0.12, 0.13, 0.1, 0.13, 0.08, 0.1, 0.08)

Span = tuple[float, float]

# Length, width, height, clearance, wheel radius, front overhang, rear overhang; then the height of
# the window line, metres from the front end back to the foot of the windscreen and to its top,
# from the rear end forward to the end of the roof and to the foot of the rear window, and by how
# much the bonnet's front edge lies below the window line.
_CARS: dict[str, tuple[Span, ...]] = {
    "estate": (
        (4.55, 4.95), (1.78, 1.88), (1.45, 1.53), (0.15, 0.18), (0.32, 0.35), (0.88, 0.96),
        (1.0, 1.1), (0.9, 0.97), (1.15, 1.35), (1.9, 2.1), (0.3, 0.5), (0.03, 0.08), (0.18, 0.26),
    ),
    "coupe": (
        (4.2, 4.6), (1.78, 1.88), (1.26, 1.34), (0.12, 0.14), (0.33, 0.36), (0.86, 0.94),
        (0.9, 1.0), (0.84, 0.89), (1.4, 1.6), (2.15, 2.35), (1.5, 1.75), (0.35, 0.5), (0.18, 0.25),
    ),
    "minicar": (
        (2.9, 3.5), (1.52, 1.62), (1.5, 1.58), (0.16, 0.18), (0.27, 0.3), (0.6, 0.68),
        (0.48, 0.55), (0.92, 0.98), (0.6, 0.75), (1.2, 1.4), (0.2, 0.4), (0.02, 0.06), (0.14, 0.2),
    ),
    "minivan": (
        (4.35, 4.8), (1.78, 1.88), (1.64, 1.78), (0.16, 0.19), (0.32, 0.35), (0.86, 0.94),
        (0.82, 0.92), (0.98, 1.06), (0.75, 0.95), (1.75, 2.0), (0.2, 0.4), (0.02, 0.06),
        (0.2, 0.3),
    ),
    "singlecab": (
        (5.0, 5.4), (1.78, 1.9), (1.68, 1.8), (0.24, 0.3), (0.35, 0.39), (0.86, 0.94),
        (0.95, 1.05), (1.08, 1.16), (1.15, 1.3), (1.75, 1.95), (2.6, 2.8), (2.45, 2.6),
        (0.08, 0.18),
    ),
    "boxvan": (
        (5.9, 6.6), (1.98, 2.08), (2.1, 2.25), (0.2, 0.24), (0.34, 0.37), (0.88, 0.98),
        (1.35, 1.5), (1.18, 1.28), (0.6, 0.8), (1.35, 1.6), (3.75, 3.95), (3.65, 3.75), (0.2, 0.3),
    ),
}  # fmt: skip

# Length, width across the handlebar, height of seat, clearance, wheel radius, front overhang.
_TWO_WHEELS: dict[str, tuple[Span, ...]] = {
    "motorcycle": (
        (2.05, 2.3), (0.74, 0.84), (0.78, 0.84), (0.14, 0.18), (0.3, 0.33), (0.32, 0.36)
    ),
    "scooter": ((1.75, 1.95), (0.66, 0.74), (0.76, 0.8), (0.12, 0.15), (0.21, 0.25), (0.24, 0.28)),
}  # fmt: skip


def draw_any_plan(body_type: str, rng: np.random.Generator) -> BodyPlan:
    """Draw the measurements of one model of any of `ALL_TYPES`."""
    if body_type in BODY_TYPES:
        return draw_plan(body_type, rng)
    if body_type == "coach":
        return _coach(rng)
    return _two_wheels(body_type, rng) if body_type in _TWO_WHEELS else _car(body_type, rng)


def _car(body_type: str, rng: np.random.Generator) -> BodyPlan:
    length, width, height, clearance, wheel, ahead, behind, belt, foot, top, end, glass, drop = (
        float(rng.uniform(*span)) for span in _CARS[body_type]
    )
    front, rear = length / 2, -length / 2
    # Of a box van the deck is the upper edge of its box, well above the cab.
    deck = height + float(rng.uniform(0.35, 0.75)) if body_type == "boxvan" else belt
    return BodyPlan(
        body_type=body_type, length=length, width=width, height=height, clearance=clearance,
        wheel_radius=wheel, wheelbase=length - ahead - behind, front_overhang=ahead,
        nose=belt - drop, belt=belt, deck=deck, cowl=front - foot, roof_front=front - top,
        roof_rear=rear + end, glass_rear=rear + glass,
        lean={"boxvan": 0.07, "singlecab": 0.15, "minivan": 0.16}.get(body_type, 0.2),
        bow_front=float(rng.uniform(0.1, 0.24)), bow_rear=float(rng.uniform(0.05, 0.14)),
        lamp_style=int(rng.integers(0, 3)),
    )  # fmt: skip


def _coach(rng: np.random.Generator) -> BodyPlan:
    """A touring coach: a bus of greater height whose windows begin above the luggage hold."""
    plan = draw_plan("bus", rng)
    return replace(
        plan, body_type="coach", length=float(rng.uniform(10.5, 12.5)),
        height=float(rng.uniform(3.45, 3.75)), belt=float(rng.uniform(1.8, 1.95)),
    )  # fmt: skip


def _two_wheels(body_type: str, rng: np.random.Generator) -> BodyPlan:
    length, width, seat, clearance, wheel, overhang = (
        float(rng.uniform(*span)) for span in _TWO_WHEELS[body_type]
    )
    front, rear = length / 2, -length / 2
    return BodyPlan(
        body_type=body_type, length=length, width=width, height=1.7, clearance=clearance,
        wheel_radius=wheel, wheelbase=length - 2 * overhang, front_overhang=overhang, nose=seat,
        belt=seat, deck=seat, cowl=front - 0.3, roof_front=front - 0.35, roof_rear=rear + 0.1,
        glass_rear=rear, lean=0.0, bow_front=0.0, bow_rear=0.0, lamp_style=int(rng.integers(0, 3)),
    )  # fmt: skip
