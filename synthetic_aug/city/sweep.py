"""A sweep over attributes as in VehicleX: every combination of asked levels, one picture each.

Yao et al., "Simulating Content Consistent Vehicle Datasets with Attribute Descent", ECCV 2020
(arXiv 1912.08855) edit orientation, light, camera height and distance of each model and colour.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from synthetic_aug.city.cameras import Camera, Pose
from synthetic_aug.city.options import SWEEP_LIMITS, CityOptions, sweep_levels
from synthetic_aug.city.paint import paint
from synthetic_aug.city.records import Cell, Tracklet, Vehicle, generator
from synthetic_aug.city.sensor import Sensor, draw_sensor
from synthetic_aug.city.sky import DAYLIGHTS
from synthetic_aug.city.variants import ALL_TYPES
from synthetic_aug.city.vehicle import VehicleSpec, draw_extras, draw_spec
from synthetic_aug.city.weather import CLEAR, Weather

# Light levels in order: times of day of `DAYLIGHTS`, then night.
_LIGHTS = (0, 4, 2, 1, 5, 3, 6)
LIGHT_NAMES = (*(DAYLIGHTS[index].name for index in _LIGHTS), "night")
_HEIGHTS, _DISTANCES = (3.0, 11.0), (10.0, 24.0)  # metres, of the first and of the last level


def _cells(options: CityOptions) -> Iterator[Cell]:
    levels = sweep_levels(options.sweep)
    for model, color, light, height, distance, orientation in product(
        *(
            range(levels[name])
            for name in ("model", "color", "light", "height", "distance", "orientation")
        )
    ):
        yield Cell(orientation, light, height, distance, model, color)


def draw_sweep(options: CityOptions) -> list[Tracklet]:
    """Plan a sweep: a vehicle for each model and colour, a camera for each light and place."""
    levels, found = sweep_levels(options.sweep), []
    for cell in _cells(options):
        index = cell.model * levels["color"] + cell.color
        camera = (cell.light * levels["height"] + cell.height) * levels["distance"] + cell.distance
        name = f"{index + 1:05d}_c{camera + 1:03d}_{cell.orientation + 1}.jpg"
        vehicle = Vehicle("sweep", index, index + 1, index)
        found.append(Tracklet(vehicle, camera, "sys_image_train", (name,), cell))
    return found


def sweep_orientation(options: CityOptions, cell: Cell) -> float:
    """Orientation of a cell in degrees; level 0 shows the front."""
    return round(cell.orientation * 360 / sweep_levels(options.sweep)["orientation"], 3)


def sweep_view(options: CityOptions, cell: Cell) -> tuple[float, float]:
    """Height and horizontal distance of a cell's camera in metres; one level is the middle."""
    levels = sweep_levels(options.sweep)
    height, distance = (
        low + (high - low) * (level / (count - 1) if count > 1 else 0.5)
        for level, count, (low, high) in (
            (cell.height, levels["height"], _HEIGHTS),
            (cell.distance, levels["distance"], _DISTANCES),
        )
    )
    return height, distance


def sweep_camera(options: CityOptions, cell: Cell) -> tuple[Camera, Pose]:
    """Camera and pose of a cell: everything that is no attribute stays as it is."""
    height, distance = sweep_view(options, cell)
    night = cell.light == len(_LIGHTS)
    pose = Pose(0.0, -1.9, float(np.radians(sweep_orientation(options, cell) - 90.0)))
    camera = Camera(
        place=0, position=(0.0, -1.9 - distance, height), target=(0.0, -1.9, 0.9), fov=40.0,
        daylight=0 if night else _LIGHTS[cell.light], sun_azimuth=-130.0,
        sensor=_plain_sensor(),
        weather=Weather(night=True) if night else CLEAR,
    )  # fmt: skip
    return camera, pose


def _plain_sensor() -> Sensor:
    sensor = draw_sensor(np.random.default_rng(0), clean=True)
    return replace(sensor, exposure=0.9, gains=(1.0, 1.0, 1.0), saturation=1.0, gamma=1.0, zoom=1.0)


def sweep_spec(options: CityOptions, index: int) -> VehicleSpec:
    """A vehicle of a sweep: models go through the body types, colours through the paints."""
    model, color = divmod(index, sweep_levels(options.sweep)["color"])
    rng = generator(options, "sweep", model)
    spec = draw_spec(rng, body_type=ALL_TYPES[model % len(ALL_TYPES)], marks=0)
    coat = paint(color, generator(options, "sweep", 1000, color))
    spec = replace(spec, color=color, coat=coat, cargo=None)
    return draw_extras(spec, generator(options, "sweep", model, 5))


def sweep_table(options: CityOptions) -> list[str]:
    """Lines of a table that names every picture's attributes, the header first."""
    lines = ["name," + ",".join(SWEEP_LIMITS)]
    for tracklet in draw_sweep(options):
        cell = tracklet.cell
        assert cell is not None
        height, distance = sweep_view(options, cell)
        values = (
            f"{sweep_orientation(options, cell):.3f}", LIGHT_NAMES[cell.light], f"{height:.2f}",
            f"{distance:.2f}", str(cell.model), str(cell.color),
        )  # fmt: skip
        lines.append(",".join((tracklet.names[0], *values)))
    return lines
