"""Lamps that stand or drive: street lamps, headlights, tail lights, as Mitsuba's emitters.

Lenses are seen but not aimed at by light paths; what they throw on the road comes from spot lights
without size, which give no noise of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from synthetic_aug.city.geometry import Mesh, box, merge, select
from synthetic_aug.city.paint import HEADLAMP, RGB, TAILLAMP, Material
from synthetic_aug.city.places import POLE, Place
from synthetic_aug.city.shapes import sweep
from synthetic_aug.city.weather import LAMPLIGHT

_HEIGHT = 7.5  # of a street lamp's head in metres
_SPACING = 16.0
# Radiance of lenses relative to a white surface in the same picture.
_LENSES: dict[Material, RGB] = {HEADLAMP: (7.0, 6.6, 5.6), TAILLAMP: (2.6, 0.06, 0.05)}


@dataclass(frozen=True)
class StreetLamp:
    """A street lamp: place of its head in metres, side of the road on which its mast stands."""

    x: float
    y: float
    side: int


def street_lamps(place: Place) -> list[StreetLamp]:
    """Street lamps of a place, alternately on both sides, their heads over the road's edge."""
    lamps = []
    for index, x in enumerate(np.arange(-32.0, 33.0, _SPACING)):
        side = 1 if index % 2 else -1
        lamps.append(StreetLamp(float(x) + 3.0, side * (place.half_road - 0.9), side))
    return lamps


def masts(place: Place) -> tuple[Mesh, Mesh]:
    """Meshes of all masts and of all heads of a place."""
    poles, heads = [], []
    for lamp in street_lamps(place):
        foot = lamp.y + lamp.side * 1.9
        path = [(lamp.x, foot, 0.0), (lamp.x, foot, _HEIGHT - 0.6), (lamp.x, lamp.y, _HEIGHT + 0.1)]
        poles.append(sweep(path, radius=0.08, sides=7))
        heads.append(box((lamp.x, lamp.y, _HEIGHT), (0.35, 0.6, 0.12), bevel=0.04))
    return merge(poles), merge(heads)


MAST = POLE


def _warmth(place: Place) -> RGB:
    """Old places have yellow lamps, the others whiter ones."""
    return (1.3, 0.85, 0.4) if place.turns else (1.05, 1.0, 0.88)


def head_radiance(place: Place) -> RGB:
    """Radiance of a street lamp's head."""
    r, g, b = _warmth(place)
    return 12 * LAMPLIGHT * r, 12 * LAMPLIGHT * g, 12 * LAMPLIGHT * b


def lamp_spots(mi: ModuleType, place: Place, x: float, count: int = 2) -> list[Any]:
    """Spot lights of the ``count`` street lamps that are nearest to ``x``."""
    near = sorted(street_lamps(place), key=lambda lamp: abs(lamp.x - x))[:count]
    strength = 2.0 * LAMPLIGHT * np.pi * _HEIGHT**2
    color = [strength * part for part in _warmth(place)]
    return [
        _spot(mi, (lamp.x, lamp.y, _HEIGHT - 0.1), (lamp.x, lamp.y * 0.9, 0.0), color, (75.0, 40.0))
        for lamp in near
    ]


def beam(mi: ModuleType, front: float, x: float, y: float, yaw: float) -> Any:
    """Low beam of a vehicle: a spot light at its front end, aimed at the road ahead.

    Args:
        mi: the renderer.
        front: metres from the vehicle's middle to its front end.
        x, y, yaw: pose of the vehicle.
    """
    ahead = np.array([np.cos(yaw), np.sin(yaw)])
    start = np.array([x, y]) + (front + 0.15) * ahead
    end = start + 12.0 * ahead
    power = 130 * LAMPLIGHT
    color = [1.05 * power, power, 0.85 * power]
    return _spot(mi, (*start, 0.7), (*end, 0.0), color, (32.0, 8.0), weight=0.4)


def _spot(
    mi: ModuleType,
    start: Any,
    end: Any,
    color: list[float],
    cone: tuple[float, float],
    *,
    weight: float = 1.0,
) -> Any:
    """A spot light from one place towards another; ``cone`` is cutoff and full beam in degrees."""
    up = [1, 0, 0] if abs(start[0] - end[0]) + abs(start[1] - end[1]) < 1 else [0, 0, 1]
    look = mi.ScalarTransform4f().look_at([float(v) for v in start], [float(v) for v in end], up)
    return mi.load_dict(
        {
            "type": "spot", "to_world": look, "intensity": {"type": "rgb", "value": color},
            "cutoff_angle": cone[0], "beam_width": cone[1],
            "sampling_weight": weight,
        }
    )  # fmt: skip


def switched_on(
    parts: Sequence[tuple[Material, Mesh]],
) -> tuple[list[tuple[Material, Mesh]], list[tuple[Mesh, RGB]]]:
    """Part a vehicle into what stays dark and its shining lenses with their radiance.

    A lens shines away from the vehicle only: not on the rider who sits behind it.
    """
    dark: list[tuple[Material, Mesh]] = []
    lenses: list[tuple[Mesh, RGB]] = []
    for material, mesh in parts:
        if material not in _LENSES:
            dark.append((material, mesh))
            continue
        ahead = 1.0 if material == HEADLAMP else -1.0
        turned = mesh.normals[mesh.faces, 0].mean(axis=1) * ahead > -0.15  # (F,)
        lenses.append((select(mesh, np.flatnonzero(turned)), _LENSES[material]))
        if not turned.all():
            dark.append((material, select(mesh, np.flatnonzero(~turned))))
    return dark, lenses
