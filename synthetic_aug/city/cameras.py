"""Traffic cameras: where they hang, what they look at, and how a vehicle falls into their picture.

Orientation, here and in the labels: the angle in degrees, in [0, 360), by which a vehicle is turned
counter-clockwise seen from above out of the position in which it faces the camera. 0 shows the
front, 90 the vehicle's right side (it drives towards the right edge of the picture), 180 the rear,
270 the left side.
"""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.geometry import FloatArray
from synthetic_aug.city.places import PLACES
from synthetic_aug.city.sensor import Sensor, draw_sensor
from synthetic_aug.city.sky import DAYLIGHTS, Daylight
from synthetic_aug.city.weather import CLEAR, Weather, light_under, white_under

_LEAST_SIDE = 16  # pixels; flatter boxes are made higher


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes:
        place: index into `PLACES`; several cameras may share one.
        position, target: metres in the place's axes; it looks from one at the other.
        fov: width of the view in degrees.
        daylight: index into `DAYLIGHTS`.
        sun_azimuth: degrees counter-clockwise from +x.
        sensor: what its electronics do to a picture.
        weather: night and rain.
        sky: light before the weather instead of that of ``daylight``.
    """

    place: int
    position: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float
    daylight: int
    sun_azimuth: float
    sensor: Sensor
    weather: Weather = CLEAR
    sky: Daylight | None = None

    @property
    def light(self) -> Daylight:
        """The light of its pictures."""
        return light_under(self.sky or DAYLIGHTS[self.daylight], self.weather)

    @property
    def white(self) -> float:
        """Radiance of a white surface to which its exposure is set."""
        return white_under(self.light, self.weather)

    @property
    def shine(self) -> float:
        """Radiance to which that of vehicles' lamps is relative; by day they outshine less."""
        return self.white * (1.0 if self.weather.night else 0.5)


@dataclass(frozen=True)
class Pose:
    """Where something stands: metres in the place's axes, heading in radians from +x."""

    x: float
    y: float
    yaw: float
    z: float = 0.0


def draw_cameras(count: int, rng: np.random.Generator) -> list[Camera]:
    """Hang up ``count`` cameras over the `PLACES`, about two to a place, all looking differently.

    Azimuths of the views are spread evenly over the circle in a shuffled order, so that every
    identity has a fair chance to be seen from front, side and rear.
    """
    places = min(len(PLACES), max(1, (count + 1) // 2 + 1))
    order = rng.permutation(count)
    lights = rng.permutation(len(DAYLIGHTS))
    suns = rng.uniform(0, 360, places)
    cameras = []
    for index in range(count):
        place = index % places
        azimuth = np.radians((order[index] + rng.uniform(0.2, 0.8)) * 360 / count)
        half_road = PLACES[place].half_road
        height, distance = rng.uniform(5.0, 9.5), rng.uniform(15.0, 22.0)
        target = np.array(
            [
                (-12.0, 12.0, 0.0)[index // places % 3],
                0.25 * half_road * float(rng.uniform(-1, 1)),
                0.9,
            ]
        )
        offset = np.array([np.cos(azimuth), np.sin(azimuth)]) * distance
        position = np.array([*(target[:2] + offset), height])
        view = rng.uniform(13.0, 19.0)  # metres across the picture at the target
        range_ = float(np.linalg.norm(position - target))
        cameras.append(
            Camera(
                place=place,
                position=(float(position[0]), float(position[1]), float(height)),
                target=(float(target[0]), float(target[1]), float(target[2])),
                fov=float(np.degrees(2 * np.arctan(view / 2 / range_))),
                daylight=int(lights[index % len(lights)]),
                sun_azimuth=float(suns[place] + 40.0 * (index // places)),
                sensor=draw_sensor(rng),
            )
        )
    return cameras


def studio_camera(orientation: float, rng: np.random.Generator) -> tuple[Camera, Pose]:
    """A camera for one synthetic picture in which the vehicle has a given orientation.

    The vehicle stands near the origin of a plain place; ``orientation`` is in degrees.
    """
    azimuth = rng.uniform(0, 2 * np.pi)
    height, distance = rng.uniform(3.5, 9.0), rng.uniform(11.0, 18.0)
    pose = Pose(float(rng.uniform(-3, 3)), float(rng.choice((-1.9, 1.9))), 0.0)
    position = (
        pose.x + distance * float(np.cos(azimuth)),
        pose.y + distance * float(np.sin(azimuth)),
        float(height),
    )
    camera = Camera(
        place=int(rng.integers(0, len(PLACES))), position=position, target=(pose.x, pose.y, 0.9),
        fov=40.0, daylight=int(rng.integers(0, len(DAYLIGHTS) - 2)),
        sun_azimuth=float(rng.uniform(0, 360)), sensor=draw_sensor(rng, clean=True),
    )  # fmt: skip
    return camera, Pose(pose.x, pose.y, float(azimuth + np.radians(orientation)))


def orientation_of(camera: Camera, pose: Pose) -> float:
    """Orientation of a vehicle towards a camera in degrees, in [0, 360)."""
    bearing = np.arctan2(camera.position[1] - pose.y, camera.position[0] - pose.x)
    return float(np.degrees(pose.yaw - bearing) % 360.0)


def project(camera: Camera, points: FloatArray) -> FloatArray:
    """Project points (N, 3) to (N, 2): right and down from the picture's centre.

    The unit is the width of the picture. Points behind the camera give meaningless values.
    """
    eye, target = np.asarray(camera.position), np.asarray(camera.target)
    ahead = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    local = points - eye
    depth = local @ ahead
    scale = 0.5 / np.tan(np.radians(camera.fov) / 2)
    flat = np.stack([local @ right, local @ down], axis=1)
    return np.asarray(flat * (scale / depth)[:, None])


@dataclass(frozen=True)
class Crop:
    """A window of the picture in widths of the picture, and its size in pixels."""

    left: float
    top: float
    width: float
    height: float
    columns: int
    rows: int


def crop_of(
    camera: Camera, points: FloatArray, image_size: int, *, rng: np.random.Generator
) -> Crop:
    """Box in a vehicle as a detector would: a little loose, a little shifted, now and then cut.

    Args:
        camera: the camera.
        points: (N, 3) vertices of the vehicle in the place's axes.
        image_size: greatest number of pixels of the longer side.
        rng: draws the detector's error.
    """
    flat = project(camera, points)
    low, high = flat.min(axis=0), flat.max(axis=0)
    size = high - low
    low = low - size * rng.normal(0.055, 0.035, 2)
    high = high + size * rng.normal(0.055, 0.035, 2)
    size = high - low
    # A family car at the target spans about a quarter of the picture: it gets most of the pixels,
    # farther and smaller vehicles fewer, buses no more.
    long = image_size * camera.sensor.scale * float(np.clip((size.max() / 0.26) ** 0.6, 0.6, 1.0))
    scale = long / size.max()  # pixels to a picture width
    pixels = np.maximum(np.round(size * scale), _LEAST_SIDE)
    width, height = pixels / scale
    left, top = (low + high - pixels / scale) / 2
    return Crop(left, top, width, height, int(pixels[0]), int(pixels[1]))
