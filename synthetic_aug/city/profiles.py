"""Body plans: the measurements from which a passenger car, pickup, van, bus or truck is lofted."""

from dataclasses import dataclass

import numpy as np

# The order is VehicleX's typeID, from 0.
BODY_TYPES = ("sedan", "hatchback", "suv", "pickup", "van", "bus", "truck")

# Families of body types that are built alike; `synthetic_aug.city.variants` has the further ones.
HEAVY = ("bus", "truck", "coach")
OPEN_BED = ("pickup", "singlecab")
STEPPED_REAR = ("sedan", "coupe")
TWO_WHEELED = ("motorcycle", "scooter")
UPRIGHT_REAR = ("hatchback", "suv", "van", "estate", "minicar", "minivan", "boxvan")


@dataclass(frozen=True)
class BodyPlan:
    """Measurements of one model, in metres; places along x count from the vehicle's middle.

    The side profile of a car runs: tail, deck, rear window from ``glass_rear`` up to ``roof_rear``,
    roof, windscreen from ``roof_front`` down to ``cowl``, bonnet, nose. Bus and truck use the outer
    sizes, wheels and ``cowl`` only.
    """

    body_type: str
    length: float
    width: float
    height: float
    clearance: float
    wheel_radius: float
    wheelbase: float
    front_overhang: float
    nose: float  # height of the bonnet's front edge
    belt: float  # height of the window line
    deck: float  # height of the boot lid or of the bed's wall
    cowl: float  # x of the foot of the windscreen
    roof_front: float
    roof_rear: float
    glass_rear: float  # x of the foot of the rear window
    lean: float  # how far the cabin's sides lean in, as a share of its half width
    bow_front: float  # how far the nose curves back towards its corners
    bow_rear: float
    lamp_style: int  # 0..2, shapes of the lamps and of the grille

    @property
    def axles(self) -> tuple[float, float]:
        """Places of the front and of the rear wheel centre along x."""
        front = self.length / 2 - self.front_overhang
        return front, front - self.wheelbase


# Length, width, height, clearance, wheel radius, front overhang; each as (low, high).
_OUTER: dict[str, tuple[tuple[float, float], ...]] = {
    "sedan": ((4.5, 4.95), (1.78, 1.88), (1.42, 1.5), (0.16, 0.18), (0.32, 0.35), (0.86, 0.95)),
    "hatchback": ((3.7, 4.3), (1.68, 1.82), (1.46, 1.58), (0.16, 0.19), (0.29, 0.33), (0.76, 0.85)),
    "suv": ((4.4, 4.95), (1.85, 1.98), (1.68, 1.88), (0.21, 0.26), (0.36, 0.41), (0.85, 0.93)),
    "pickup": ((5.1, 5.6), (1.86, 2.0), (1.78, 1.92), (0.25, 0.32), (0.38, 0.43), (0.9, 0.98)),
    "van": ((4.8, 5.7), (1.92, 2.05), (1.95, 2.5), (0.18, 0.22), (0.33, 0.37), (0.85, 0.98)),
    "bus": ((9.5, 12.0), (2.45, 2.55), (2.95, 3.3), (0.3, 0.36), (0.47, 0.5), (2.3, 2.7)),
    "truck": ((6.2, 8.6), (2.2, 2.45), (2.9, 3.6), (0.5, 0.6), (0.43, 0.48), (1.1, 1.25)),
}


def draw_plan(body_type: str, rng: np.random.Generator) -> BodyPlan:
    """Draw the measurements of one model of a body type."""
    length, width, height, clearance, wheel, overhang = (
        float(rng.uniform(*span)) for span in _OUTER[body_type]
    )
    front, rear = length / 2, -length / 2
    u = rng.uniform  # every branch below draws the same number of values
    draw = [float(u()) for _ in range(8)]

    def pick(index: int, low: float, high: float) -> float:
        return low + (high - low) * draw[index]

    if body_type == "sedan":
        belt = pick(0, 0.90, 0.97)
        cowl, roof_front = front - pick(1, 1.15, 1.35), front - pick(2, 1.95, 2.15)
        roof_rear, glass_rear = rear + pick(3, 1.3, 1.65), rear + pick(4, 0.5, 0.75)
        nose, deck = belt - pick(5, 0.18, 0.26), belt + pick(6, 0.0, 0.08)
    elif body_type == "hatchback":
        belt = pick(0, 0.92, 1.0)
        cowl, roof_front = front - pick(1, 0.9, 1.1), front - pick(2, 1.6, 1.85)
        roof_rear, glass_rear = rear + pick(3, 0.3, 0.6), rear + pick(4, 0.03, 0.1)
        nose, deck = belt - pick(5, 0.14, 0.24), belt
    elif body_type == "suv":
        belt = pick(0, 1.08, 1.17)
        cowl, roof_front = front - pick(1, 1.1, 1.3), front - pick(2, 1.75, 1.95)
        roof_rear, glass_rear = rear + pick(3, 0.25, 0.55), rear + pick(4, 0.03, 0.12)
        nose, deck = belt - pick(5, 0.08, 0.2), belt
    elif body_type == "pickup":
        belt = pick(0, 1.14, 1.22)
        cowl, roof_front = front - pick(1, 1.25, 1.4), front - pick(2, 1.9, 2.05)
        glass_rear = rear + pick(3, 1.5, 2.0)
        roof_rear = glass_rear + pick(4, 0.12, 0.25)
        nose, deck = belt - pick(5, 0.06, 0.16), belt - pick(6, 0.0, 0.08)
    elif body_type == "van":
        belt = pick(0, 1.15, 1.25)
        cowl, roof_front = front - pick(1, 0.6, 0.85), front - pick(2, 1.3, 1.7)
        roof_rear, glass_rear = rear + pick(3, 0.06, 0.16), rear + pick(4, 0.02, 0.05)
        nose, deck = belt - pick(5, 0.2, 0.3), belt
    else:
        belt, nose, deck = pick(0, 1.35, 1.5), 0.9, 0.9
        cowl = front - (pick(1, 1.75, 2.1) if body_type == "truck" else 0.1)
        roof_front, roof_rear, glass_rear = cowl, rear + 0.1, rear + 0.02
    rear_overhang = {"sedan": 1.02, "hatchback": 0.66, "bus": 3.0, "truck": 1.5}.get(body_type, 0.9)
    lean = {"van": 0.07, "pickup": 0.15, "suv": 0.15}.get(body_type, 0.2)
    return BodyPlan(
        body_type=body_type,
        length=length,
        width=width,
        height=height,
        clearance=clearance,
        wheel_radius=wheel,
        wheelbase=length - overhang - rear_overhang,
        front_overhang=overhang,
        nose=nose,
        belt=belt,
        deck=deck,
        cowl=cowl,
        roof_front=roof_front,
        roof_rear=roof_rear,
        glass_rear=glass_rear,
        lean=lean + pick(7, -0.02, 0.03),
        bow_front=float(u(0.10, 0.24)),
        bow_rear=float(u(0.05, 0.14)),
        lamp_style=int(rng.integers(0, 3)),
    )
