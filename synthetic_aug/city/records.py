"""What a plan is made of: vehicles, their passages, and the random streams of a city."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.options import CityOptions

REAL = "AIC21_Track2_ReID"
SYNTHETIC = "AIC21_Track2_ReID_Simulation"
STREAMS = {
    "train": 1,
    "test": 2,
    "vehiclex": 3,
    "cameras": 4,
    "plan": 5,
    "places": 6,
    "traffic": 7,
    "conditions": 8,
    "sweep": 9,
}
_SHIFTED = 100  # keeps the streams of shifted cities apart from those of the plain one


def generator(options: CityOptions, stream: str, *numbers: int) -> np.random.Generator:
    """A generator for one purpose, independent of every other and of the order of work."""
    return np.random.default_rng([*seed_of(options), STREAMS[stream], *numbers])


def seed_of(options: CityOptions) -> tuple[int, ...]:
    """Numbers from which every generator of a city is seeded; a shifted city has others."""
    return (options.seed, _SHIFTED + options.shift) if options.shift else (options.seed,)


@dataclass(frozen=True)
class Vehicle:
    """An identity.

    Attributes:
        group: train, test, vehiclex or sweep; the stream of its random choices.
        index: number within the group from 0.
        number: its identity in the label files.
        model: index of the vehicle of the group whose model and paint it has; its own as a rule.
        draw: how often its looks were drawn again because another vehicle had them.
        model_draw: the same of the vehicle whose model it has.
    """

    group: str
    index: int
    number: int
    model: int
    draw: int = 0
    model_draw: int = 0


@dataclass(frozen=True)
class Cell:
    """One picture of a sweep: level from 0 of each attribute of a vehicle and of its view."""

    orientation: int
    light: int
    height: int
    distance: int
    model: int
    color: int


@dataclass(frozen=True)
class Tracklet:
    """A passage of a vehicle under a camera.

    Attributes:
        vehicle: who.
        camera: index of the camera from 0.
        folder: image_train, image_test, image_query or sys_image_train.
        names: file names of its frames in order of time.
        cell: of a sweep, what the picture shows.
    """

    vehicle: Vehicle
    camera: int
    folder: str
    names: tuple[str, ...]
    cell: Cell | None = None


def folder_path(folder: str) -> str:
    """Folder of the pictures relative to the city's root."""
    return f"{SYNTHETIC if folder == 'sys_image_train' else REAL}/{folder}"
