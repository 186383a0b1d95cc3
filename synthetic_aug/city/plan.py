"""The plan of a city: who passes which camera, and which file shows it."""

from synthetic_aug.city.attributes import SPREADS, parse_attributes
from synthetic_aug.city.identity import Signature, draw_vehicles, made_distinct
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.records import Tracklet, Vehicle, generator
from synthetic_aug.city.sweep import draw_sweep, sweep_orientation

_VEHICLEX_SHOTS = 6  # pictures of one synthetic vehicle
_VEHICLEX_CAMERAS = 11


def draw_tracklets(options: CityOptions) -> list[Tracklet]:
    """Plan every picture of the real-layout part.

    Training vehicles pass three or four cameras. Test vehicles pass up to five: one or two passages
    give one query picture each, the others are the gallery, so that true matches always come from
    other cameras.
    """
    rng = generator(options, "plan", 0)
    passes: list[tuple[Vehicle, int, str, int]] = []
    seen: set[Signature] = set()
    low = max(1, options.frames - 1)
    for vehicle in draw_vehicles(options, "train", options.train_vehicles, 1, seen):
        cameras = rng.permutation(options.cameras)[: int(rng.integers(3, 5))]
        for camera in cameras:
            passes.append(
                (vehicle, int(camera), "image_train", int(rng.integers(low, options.frames + 1)))
            )
    first = options.train_vehicles + 1
    for vehicle in draw_vehicles(options, "test", options.test_vehicles, first, seen):
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
    """Plan the VehicleX-layout part: each picture stands alone, cameras are only numbers.

    With a sweep it is the sweep's grid.
    """
    if options.sweep:
        return draw_sweep(options)
    count = -(-options.vehiclex_images // _VEHICLEX_SHOTS)
    rng = generator(options, "plan", 9)
    tracklets = []
    vehicles = [Vehicle("vehiclex", index, index + 1, index) for index in range(count)]
    for index, vehicle in enumerate(made_distinct(options, vehicles, set())):
        shots = min(_VEHICLEX_SHOTS, options.vehiclex_images - index * _VEHICLEX_SHOTS)
        for shot in range(shots):
            camera = int(rng.integers(0, _VEHICLEX_CAMERAS))
            name = f"{index + 1:05d}_c{camera + 1:03d}_{shot + 1}.jpg"
            tracklets.append(Tracklet(vehicle, camera, "sys_image_train", (name,)))
    return tracklets


def vehiclex_orientation(options: CityOptions, tracklet: Tracklet) -> float:
    """Orientation in degrees of a VehicleX picture.

    Uniform, stratified over a vehicle's shots, unless attributes name means: then around one of
    these, each in its turn.
    """
    if tracklet.cell is not None:
        return sweep_orientation(options, tracklet.cell)
    shot = int(tracklet.names[0].rsplit("_", 1)[1].split(".")[0])
    rng = generator(options, "vehiclex", tracklet.vehicle.index, 2)
    start = rng.uniform(0, 360)
    jitter = rng.uniform(0, 1, _VEHICLEX_SHOTS)
    means = parse_attributes(options.attributes).orientation
    if means:
        mean = means[(tracklet.vehicle.index * _VEHICLEX_SHOTS + shot - 1) % len(means)]
        around = rng.standard_normal(_VEHICLEX_SHOTS)[shot - 1] * SPREADS["orientation"]
        return round(float((mean + around) % 360), 3) % 360
    return (
        round(float((start + (shot - 1 + jitter[shot - 1]) * 360 / _VEHICLEX_SHOTS) % 360), 3) % 360
    )
