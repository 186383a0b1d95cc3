"""The plan of a city: who passes which camera, and which file shows it."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.options import CityOptions
from synthetic_aug.vehicle import VehicleSpec, draw_marks, draw_spec

REAL = "AIC21_Track2_ReID"
SYNTHETIC = "AIC21_Track2_ReID_Simulation"
_STREAMS = {
    "train": 1,
    "test": 2,
    "vehiclex": 3,
    "cameras": 4,
    "plan": 5,
    "places": 6,
    "traffic": 7,
}
_VEHICLEX_SHOTS = 6  # pictures of one synthetic vehicle
_VEHICLEX_CAMERAS = 11


def generator(options: CityOptions, stream: str, *numbers: int) -> np.random.Generator:
    """A generator for one purpose, independent of every other and of the order of work."""
    return np.random.default_rng([options.seed, _STREAMS[stream], *numbers])


@dataclass(frozen=True)
class Vehicle:
    """An identity.

    Attributes:
        group: train, test or vehiclex; the stream of its random choices.
        index: number within the group from 0.
        number: its identity in the label files.
        model: index of the vehicle of the group whose model and paint it has; its own as a rule.
    """

    group: str
    index: int
    number: int
    model: int


@dataclass(frozen=True)
class Tracklet:
    """A passage of a vehicle under a camera.

    Attributes:
        vehicle: who.
        camera: index of the camera from 0.
        folder: image_train, image_test, image_query or sys_image_train.
        names: file names of its frames in order of time.
    """

    vehicle: Vehicle
    camera: int
    folder: str
    names: tuple[str, ...]


def spec_of(options: CityOptions, vehicle: Vehicle) -> VehicleSpec:
    """Draw a vehicle's looks: the model from its model's stream, the marks from its own."""
    stream = vehicle.group
    twin = vehicle.model != vehicle.index
    model = draw_spec(generator(options, stream, vehicle.model, 0))
    rng = generator(options, stream, vehicle.index, 1)
    return draw_marks(model, rng, marks=int(rng.integers(2, 4)) if twin else None)


def draw_vehicles(options: CityOptions, group: str, count: int, first: int) -> list[Vehicle]:
    """Identities of a group; a share ``lookalikes`` of them in pairs of one model and paint."""
    rng = generator(options, "plan", _STREAMS[group])
    pairs = round(options.lookalikes * count / 2)
    order = rng.permutation(count)
    model = np.arange(count)
    model[order[1 : 2 * pairs : 2]] = order[0 : 2 * pairs : 2]
    return [Vehicle(group, index, first + index, int(model[index])) for index in range(count)]


def draw_tracklets(options: CityOptions) -> list[Tracklet]:
    """Plan every picture of the real-layout part.

    Training vehicles pass three or four cameras. Test vehicles pass up to five: one or two passages
    give one query picture each, the others are the gallery, so that true matches always come from
    other cameras.
    """
    rng = generator(options, "plan", 0)
    passes: list[tuple[Vehicle, int, str, int]] = []
    low = max(1, options.frames - 1)
    for vehicle in draw_vehicles(options, "train", options.train_vehicles, 1):
        cameras = rng.permutation(options.cameras)[: int(rng.integers(3, 5))]
        for camera in cameras:
            passes.append(
                (vehicle, int(camera), "image_train", int(rng.integers(low, options.frames + 1)))
            )
    first = options.train_vehicles + 1
    for vehicle in draw_vehicles(options, "test", options.test_vehicles, first):
        cameras = rng.permutation(options.cameras)[:5]
        queries = min(int(rng.integers(1, 3)), len(cameras) - 2)
        for place, camera in enumerate(cameras):
            if place < queries:
                passes.append((vehicle, int(camera), "image_query", 1))
            else:
                frames = int(rng.integers(low, options.frames + 1))
                passes.append((vehicle, int(camera), "image_test", frames))
    numbers = {}
    for folder in ("image_train", "image_test", "image_query"):
        total = sum(frames for _, _, where, frames in passes if where == folder)
        numbers[folder] = iter(rng.permutation(total) + 1)
    return [
        Tracklet(
            vehicle,
            camera,
            folder,
            tuple(f"{next(numbers[folder]):06d}.jpg" for _ in range(frames)),
        )
        for vehicle, camera, folder, frames in passes
    ]


def draw_vehiclex(options: CityOptions) -> list[Tracklet]:
    """Plan the VehicleX-layout part: each picture stands alone, cameras are only numbers."""
    count = -(-options.vehiclex_images // _VEHICLEX_SHOTS)
    rng = generator(options, "plan", 9)
    tracklets = []
    for index in range(count):
        vehicle = Vehicle("vehiclex", index, index + 1, index)
        shots = min(_VEHICLEX_SHOTS, options.vehiclex_images - index * _VEHICLEX_SHOTS)
        for shot in range(shots):
            camera = int(rng.integers(0, _VEHICLEX_CAMERAS))
            name = f"{index + 1:05d}_c{camera + 1:03d}_{shot + 1}.jpg"
            tracklets.append(Tracklet(vehicle, camera, "sys_image_train", (name,)))
    return tracklets


def folder_path(folder: str) -> str:
    """Folder of the pictures relative to the city's root."""
    return f"{SYNTHETIC if folder == 'sys_image_train' else REAL}/{folder}"


def vehiclex_orientation(options: CityOptions, tracklet: Tracklet) -> float:
    """Orientation in degrees of a VehicleX picture, uniform; stratified over a vehicle's shots."""
    shot = int(tracklet.names[0].rsplit("_", 1)[1].split(".")[0])
    rng = generator(options, "vehiclex", tracklet.vehicle.index, 2)
    start = rng.uniform(0, 360)
    jitter = rng.uniform(0, 1, _VEHICLEX_SHOTS)
    return (
        round(float((start + (shot - 1 + jitter[shot - 1]) * 360 / _VEHICLEX_SHOTS) % 360), 3) % 360
    )
