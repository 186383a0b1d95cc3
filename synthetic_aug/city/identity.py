"""Identities: the looks of each vehicle, and that no two are alike without being meant to be."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthetic_aug.city.livery import Livery
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.profiles import BODY_TYPES, OPEN_BED
from synthetic_aug.city.records import STREAMS, Vehicle, generator
from synthetic_aug.city.style import Style, style_of
from synthetic_aug.city.sweep import sweep_spec
from synthetic_aug.city.variants import ALL_TYPES, MORE_FREQUENCY
from synthetic_aug.city.vehicle import FREQUENCY, VehicleSpec, draw_extras, draw_marks, draw_spec
from vreid.errors import ConfigError

Signature = tuple[object, ...]
_ATTEMPTS = 60  # draws of one vehicle before the city is said to be full


def spec_of(options: CityOptions, vehicle: Vehicle) -> VehicleSpec:
    """Draw a vehicle's looks: the model from its model's stream, the marks from its own."""
    if vehicle.group == "sweep":
        return sweep_spec(options, vehicle.index)
    stream, style = vehicle.group, style_of(options)
    twin = vehicle.model != vehicle.index
    again = (vehicle.model_draw,) if vehicle.model_draw else ()
    model = draw_spec(
        generator(options, stream, vehicle.model, 0, *again),
        body_type=_body_type(style, generator(options, stream, vehicle.model, 6, *again)),
        popularity=style.paints,
    )
    again = (vehicle.draw,) if vehicle.draw else ()
    rng = generator(options, stream, vehicle.index, 1, *again)
    spec = draw_marks(model, rng, marks=int(rng.integers(2, 4)) if twin else None)
    if not (style.variety or style.liveries or style.dirt):
        return spec
    rng = generator(options, stream, vehicle.index, 5, *again)
    return draw_extras(spec, rng, liveries=style.liveries, dirt=style.dirt)


def _body_type(style: Style, rng: np.random.Generator) -> str | None:
    """Draw a body type in a city's style; none where the plain frequencies hold."""
    if not (style.variety or style.shifted):
        return None
    more = style.variety / sum(MORE_FREQUENCY)
    first = [(1 - style.variety) * share for share in FREQUENCY]
    weights = np.array([*first, *(more * share for share in MORE_FREQUENCY)]) * style.bodies
    # A factor of popularity moves types among themselves; the share of the further ones is asked.
    for part, share in (
        (slice(0, len(BODY_TYPES)), 1 - style.variety),
        (slice(len(BODY_TYPES), None), style.variety),
    ):
        weights[part] *= share / max(float(weights[part].sum()), 1e-9)
    return ALL_TYPES[int(rng.choice(len(ALL_TYPES), p=weights / weights.sum()))]


def draw_vehicles(
    options: CityOptions, group: str, count: int, first: int, seen: set[Signature] | None = None
) -> list[Vehicle]:
    """Identities of a group; a share ``lookalikes`` of them in pairs of one model and paint.

    Args:
        options: of the city.
        group: train or test.
        count: number of identities.
        first: number of the first one.
        seen: signatures that other groups have, to which this group's are added.
    """
    rng = generator(options, "plan", STREAMS[group])
    pairs = round(options.lookalikes * count / 2)
    order = rng.permutation(count)
    model = np.arange(count)
    model[order[1 : 2 * pairs : 2]] = order[0 : 2 * pairs : 2]
    vehicles = [Vehicle(group, index, first + index, int(model[index])) for index in range(count)]
    return made_distinct(options, vehicles, set() if seen is None else seen)


def made_distinct(
    options: CityOptions, vehicles: Sequence[Vehicle], seen: set[Signature]
) -> list[Vehicle]:
    """Draw again what looks like a vehicle before it; with ``distinct`` off leave all as they are.

    Twins are made after the vehicles whose model and paint they have, and differ by their marks.

    Args:
        options: of the city.
        vehicles: identities of one group.
        seen: signatures that are taken; those of the vehicles are added.

    Raises:
        ConfigError: When there are not as many looks as vehicles.
    """
    if not options.distinct:
        return list(vehicles)
    found: dict[int, Vehicle] = {}
    for vehicle in sorted(vehicles, key=lambda one: one.model != one.index):
        twin = vehicle.model != vehicle.index
        for attempt in range(_ATTEMPTS):
            model_draw = found[vehicle.model].draw if twin else attempt
            one = replace(vehicle, draw=attempt, model_draw=model_draw)
            mark = signature(spec_of(options, one))
            if mark not in seen:
                break
        else:
            raise ConfigError(
                f"--distinct: found {len(seen)} vehicles no two of which look alike and then no "
                "more; give fewer vehicles, or more of them with --variety and --liveries"
            )
        seen.add(mark)
        found[vehicle.index] = one
    return [found[vehicle.index] for vehicle in vehicles]


def signature(spec: VehicleSpec) -> Signature:
    """What can be seen of a vehicle from a traffic camera, coarsely: equal ones look alike.

    Body type and size in steps of 40 cm and 15 cm, paint by name, colours of a load or box, and the
    strong marks. Left out is what only a close look tells: plate, dents, rims, dirt, shades.
    """
    plan, kind = spec.plan, spec.plan.body_type
    boxed = kind == "boxvan" or (kind == "truck" and not spec.flat)
    open_bed = kind in OPEN_BED or (kind == "truck" and spec.flat)
    model = (
        kind, round(plan.length / 0.4), round(plan.height / 0.15), spec.color,
        spec.load.color if kind in ("truck", "boxvan") else None, boxed,
        spec.panelled and kind == "van", spec.bare and kind not in ("truck", "bus", "coach"),
    )  # fmt: skip
    if spec.rider is not None:
        return (*model, spec.plan.lamp_style, spec.rider)
    stickers = tuple((s.panel, s.outer, s.inner, round(3 * s.first[0])) for s in spec.stickers)
    cargo = tuple(sorted(piece[-1] for piece in spec.cargo.pieces)) if spec.cargo else ()
    return (
        *model, spec.roof is not None and kind != "truck", spec.rack, stickers,
        cargo if open_bed else None, _worn(spec.livery),
        None if spec.scuff is None else (round(2 * spec.scuff[0]), spec.scuff[2]),
        spec.tint > 0.9 and kind != "truck",
    )  # fmt: skip


def _worn(livery: Livery | None) -> Signature | None:
    if livery is None:
        return None
    return (livery.kind,) if livery.kind == "taxi" else (livery.kind, livery.first, livery.second)


def count_looks(options: CityOptions, vehicles: Sequence[Vehicle]) -> tuple[int, int]:
    """Number of different signatures among vehicles, and of vehicles in declared pairs."""
    marks = {signature(spec_of(options, vehicle)) for vehicle in vehicles}
    return len(marks), 2 * sum(vehicle.model != vehicle.index for vehicle in vehicles)
