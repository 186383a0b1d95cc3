"""A vehicle: its specification drawn from a generator, and the meshes made from it."""

from dataclasses import dataclass, replace

import numpy as np

from synthetic_aug.city.bodies import Dent
from synthetic_aug.city.body import Body, Parts
from synthetic_aug.city.buses import build_bus
from synthetic_aug.city.cars import build_car
from synthetic_aug.city.geometry import Mesh, merge
from synthetic_aug.city.heavy import build_truck
from synthetic_aug.city.livery import Livery, draw_livery, livery_parts, may_be_taxi
from synthetic_aug.city.marks import (
    LOUD,
    RACKS,
    Cargo,
    Sticker,
    cargo_parts,
    draw_cargo,
    draw_stickers,
    rack_parts,
    scuff_parts,
    sticker_parts,
)
from synthetic_aug.city.paint import (
    PAINTS,
    RGB,
    Material,
    glass,
    number_plate,
    paint,
    plate_text,
    solid,
)
from synthetic_aug.city.profiles import BODY_TYPES, HEAVY, OPEN_BED, TWO_WHEELED, BodyPlan
from synthetic_aug.city.two_wheelers import Rider, build_two_wheeler, draw_rider
from synthetic_aug.city.variants import draw_any_plan
from synthetic_aug.city.wheels import Rim, draw_rim, wheel_set

# How often each body type occurs, in the order of `BODY_TYPES`.
FREQUENCY = (0.22, 0.18, 0.2, 0.12, 0.12, 0.06, 0.10)


@dataclass(frozen=True)
class VehicleSpec:
    """Everything that determines a vehicle's looks.

    ``plan``, ``coat`` and ``load`` are the model and its paint, which look-alikes share; the rest
    are individual marks. ``dirt`` in [0, 1] and ``grain`` say how much dirt in which pattern.
    """

    plan: BodyPlan
    color: int
    coat: Material
    load: Material
    flat: bool
    panelled: bool
    bare: bool
    roof: Material | None
    tint: float
    rim: Rim
    plate: str
    rack: tuple[str, RGB] | None
    stickers: tuple[Sticker, ...]
    cargo: Cargo | None
    dents: tuple[Dent, ...]
    scuff: tuple[float, float, int] | None
    livery: Livery | None = None
    rider: Rider | None = None
    dirt: float = 0.0
    grain: int = 0


def draw_spec(
    rng: np.random.Generator,
    *,
    body_type: str | None = None,
    marks: int | None = None,
    popularity: tuple[float, ...] = (),
) -> VehicleSpec:
    """Draw a vehicle.

    Args:
        rng: source of every choice.
        body_type: one of `ALL_TYPES`; drawn by frequency among `BODY_TYPES` by default.
        marks: number of strong marks (rack, foil, roof, cargo); drawn from 0 to 3 by default.
        popularity: factors of the frequencies of the `PAINTS`; all alike by default.
    """
    if body_type is None:
        body_type = BODY_TYPES[int(rng.choice(len(BODY_TYPES), p=FREQUENCY))]
    plan = draw_any_plan(body_type, rng)
    weights = np.array([weight for _, _, weight in PAINTS])
    if body_type in HEAVY:  # fleets are more colourful
        weights = weights**0.4
    if popularity:
        weights = weights * np.array(popularity)
    color = int(rng.choice(len(PAINTS), p=weights / weights.sum()))
    load_colors: tuple[RGB, ...] = ((0.75, 0.75, 0.74), (0.42, 0.43, 0.44), *LOUD)
    load = solid(load_colors[int(rng.integers(0, len(load_colors)))])
    model = VehicleSpec(
        plan=plan, color=color, coat=paint(color, rng), load=load,
        flat=bool(rng.random() < 0.35), panelled=bool(rng.random() < 0.5),
        bare=bool(rng.random() < (0.5 if body_type in (*OPEN_BED, "van", "boxvan") else 0.15)),
        roof=None, tint=0.0, rim=draw_rim(rng), plate="", rack=None, stickers=(), cargo=None,
        dents=(), scuff=None,
    )  # fmt: skip
    return draw_marks(model, rng, marks=marks)


def draw_marks(
    model: VehicleSpec, rng: np.random.Generator, *, marks: int | None = None
) -> VehicleSpec:
    """Give a model and paint individual marks of its own; used alone, it makes a look-alike."""
    plan = model.plan
    count = int(rng.choice(4, p=(0.2, 0.3, 0.3, 0.2))) if marks is None else marks
    kinds = ["rack", "sticker", "sticker", "roof", "scuff"]
    if plan.body_type in HEAVY:
        kinds = ["sticker", "sticker", "rack" if plan.body_type == "truck" else "roof", "sticker"]
    order = [kinds[int(index)] for index in rng.permutation(len(kinds))][:count]
    bright = LOUD[int(rng.integers(0, len(LOUD)))]
    dark_roof = Material((0.01, 0.01, 0.011), roughness=0.4, clearcoat=1.0)
    white_roof = Material((0.78, 0.78, 0.77), roughness=0.45, clearcoat=1.0)
    other_roof = white_roof if max(model.coat.color) < 0.4 else dark_roof
    dents = tuple(
        Dent(
            float(rng.uniform(plan.axles[1] + 0.5, plan.axles[0] - 0.5)),
            float(rng.uniform(0.5, 0.75)),
            float(rng.uniform(0.03, 0.07)),
            float(rng.uniform(0.12, 0.22)),
            int(rng.choice((-1, 1))),
        )
        for _ in range(int(rng.integers(0, 3)))
    )
    return replace(
        model,
        roof=other_roof if "roof" in order else None,
        tint=float(rng.choice((0.0, 0.35, 0.95))),
        rim=draw_rim(rng),
        plate=plate_text(rng),
        rack=(RACKS[int(rng.integers(0, len(RACKS)))], bright) if "rack" in order else None,
        stickers=draw_stickers(rng, bonnet=plan.body_type not in HEAVY,
                               count=order.count("sticker")),
        cargo=draw_cargo(rng) if rng.random() < 0.75 else None,
        dents=dents,
        scuff=(
            (float(rng.uniform(0, 0.7)), float(rng.uniform(0, 0.5)), int(rng.choice((-1, 1))))
            if "scuff" in order
            else None
        ),
    )  # fmt: skip


def draw_extras(
    spec: VehicleSpec,
    rng: np.random.Generator,
    *,
    liveries: float = 0.0,
    dirt: float = 0.0,
) -> VehicleSpec:
    """Give a vehicle what the first cities did not have; the same draws whatever the shares.

    Args:
        spec: the vehicle.
        rng: source of every choice.
        liveries: chance of a livery; twice that for vans, trucks and buses, none on two wheels.
        dirt: greatest amount of dirt in [0, 1]; most vehicles have little of it.
    """
    kind = spec.plan.body_type
    rider = draw_rider(rng)
    livery = draw_livery(rng, spec.coat, taxi=may_be_taxi(kind))
    chance, amount, grain = rng.random(), rng.random() ** 1.5, int(rng.integers(0, 2**20))
    share = liveries * (2.0 if kind in (*HEAVY, "van", "boxvan") else 1.0)
    wears = kind not in TWO_WHEELED and chance < share
    return replace(
        spec,
        rider=rider if kind in TWO_WHEELED else None,
        livery=livery if wears else None,
        # Under a roof sign of its own and foil a livery would not be seen.
        rack=None if wears and livery.kind == "taxi" else spec.rack,
        stickers=() if wears else spec.stickers,
        bare=spec.bare and not wears,  # a livery goes over painted bumpers
        dirt=round(float(amount * dirt), 3),
        grain=grain if dirt else 0,
    )


def _bare_body(spec: VehicleSpec) -> Body:
    plan, plate = spec.plan, number_plate(spec.plate)
    if spec.dirt:
        coat, load = _dirty(spec, spec.coat), _dirty(spec, spec.load)
        spec = replace(spec, coat=coat, load=load, roof=spec.roof and _dirty(spec, spec.roof))
    roof = spec.roof or spec.coat
    if plan.body_type in ("bus", "coach"):
        return build_bus(plan, spec.coat, roof, glass(spec.tint), plate=plate)
    if plan.body_type == "truck":
        return build_truck(plan, spec.coat, spec.load, plate=plate, flat=spec.flat)
    return build_car(
        plan, spec.coat, roof, glass(spec.tint), plate=plate, box_coat=spec.load,
        panelled=spec.panelled and plan.body_type == "van", bare=spec.bare, dents=spec.dents,
    )  # fmt: skip


def _dirty(spec: VehicleSpec, material: Material) -> Material:
    return replace(material, dirt=spec.dirt, grain=spec.grain)


def _wheels(spec: VehicleSpec) -> Parts:
    plan, half = spec.plan, spec.plan.width / 2
    front, rear = plan.axles
    if plan.body_type not in HEAVY:
        width = 0.6 * plan.wheel_radius
        return wheel_set(
            [(front, half - 0.035), (rear, half - 0.035)], plan.wheel_radius, width, spec.rim
        )
    places = [(front, half - 0.05), (rear, half - 0.05)]
    if plan.body_type == "truck":
        places[0] = (front, half * 0.95 - 0.03)
    wheels = wheel_set(places[:1], plan.wheel_radius, 0.3, spec.rim)
    return wheels + wheel_set(places[1:], plan.wheel_radius, 0.52, spec.rim)


def build(spec: VehicleSpec) -> dict[Material, Mesh]:
    """Make the vehicle's meshes, one per material, standing on z = 0 over the origin."""
    if spec.rider is not None:
        plate = number_plate(spec.plate)
        return _grouped(build_two_wheeler(spec.plan, spec.coat, spec.rider, spec.rim, plate=plate))
    body = _bare_body(spec)
    parts = list(body.parts) + _wheels(spec)
    if spec.livery is not None:
        parts += livery_parts(body, spec.livery)
    for sticker in spec.stickers:
        parts += sticker_parts(body, sticker)
    if spec.rack is not None:
        parts += rack_parts(body, *spec.rack)
    if spec.scuff is not None:
        parts += scuff_parts(body, spec.scuff[:2], spec.scuff[2])
    if spec.cargo is not None:
        parts += cargo_parts(body, spec.cargo)
    return _grouped(parts)


def _grouped(parts: Parts) -> dict[Material, Mesh]:
    groups: dict[Material, list[Mesh]] = {}
    for material, mesh in parts:
        groups.setdefault(material, []).append(mesh)
    return {material: merge(meshes) for material, meshes in groups.items()}
