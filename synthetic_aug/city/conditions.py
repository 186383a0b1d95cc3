"""Conditions of a city's cameras and passages: night, rain, smear by motion, things in front."""

from dataclasses import dataclass, replace

import numpy as np

from synthetic_aug.city.cameras import Camera, Pose, draw_cameras
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.passage import Bystander
from synthetic_aug.city.records import generator
from synthetic_aug.city.style import restyled, style_of
from synthetic_aug.city.weather import draw_weather

OCCLUDERS = ("leaves", "sign", "railing", "lorry")


def city_cameras(options: CityOptions) -> list[Camera]:
    """Cameras of a city in its style, night and rain dealt out to the asked shares of them.

    A share above zero reaches at least one camera; night and rain are dealt out separately.
    """
    cameras = draw_cameras(options.cameras, generator(options, "cameras"))
    style = style_of(options)
    rng = generator(options, "conditions")
    dark, wet = (
        set(rng.permutation(options.cameras)[: _count(share, options.cameras)].tolist())
        for share in (style.night, style.rain)
    )
    found = []
    for index, camera in enumerate(cameras):
        weather = draw_weather(rng, night=index in dark, rainy=index in wet)
        camera = replace(restyled(camera, style), weather=weather)
        if weather.night:  # little light needs more amplification
            camera = replace(camera, sensor=replace(camera.sensor, noise=camera.sensor.noise * 1.3))
        found.append(camera)
    return found


def _count(share: float, cameras: int) -> int:
    return max(1, round(share * cameras)) if share > 0 else 0


@dataclass(frozen=True)
class Circumstance:
    """What befalls one passage: metres travelled while the shutter is open, things in front."""

    smear: float
    occluders: tuple[Bystander, ...]


def draw_circumstance(
    options: CityOptions,
    camera: Camera,
    pose: Pose,
    reach: float,
    rng: np.random.Generator,
) -> Circumstance:
    """Draw what befalls a passage; the same draws whatever the shares.

    Args:
        options: gives the shares.
        camera: the camera.
        pose: of the vehicle in the middle of its passage.
        reach: half the vehicle's length in metres.
        rng: of this purpose alone.
    """
    moves, hides = rng.random(), rng.random()
    way = float(rng.uniform(0.25, 0.7))
    kind = OCCLUDERS[int(rng.integers(0, len(OCCLUDERS)))]
    thing = _in_front(kind, camera, pose, reach, rng)
    return Circumstance(
        way if moves < options.motion else 0.0, (thing,) if hides < options.occluders else ()
    )


def _in_front(
    kind: str, camera: Camera, pose: Pose, reach: float, rng: np.random.Generator
) -> Bystander:
    """Put something on the way from the vehicle to the camera, where it hides a part."""
    eye, vehicle = np.asarray(camera.position), np.array([pose.x, pose.y, 0.8])
    flat = eye[:2] - vehicle[:2]
    away = float(np.linalg.norm(flat))
    ahead = flat / away
    side = np.array([-ahead[1], ahead[0]])
    bearing = float(np.arctan2(ahead[1], ahead[0]))
    shift = float(rng.choice((-1, 1)))
    choice = int(rng.integers(0, 1000))
    if kind == "leaves":  # a twig a few metres from the camera, over one side of the picture
        share = 1 - float(rng.uniform(3.0, 5.0)) / max(away, 8.0)
        at = vehicle + share * (eye - vehicle)
        at[:2] += side * shift * (1 - share) * rng.uniform(0.7, 1.1) * max(reach, 1.6)
        return Bystander(kind, choice, Pose(float(at[0]), float(at[1]), bearing, float(at[2])))
    if kind == "lorry":  # beside the line of sight, so that a part of the vehicle stays free
        angle = abs(float(np.sin(pose.yaw - bearing)))
        clear = 3.0 + angle * 1.2 + (1 - angle) * (reach + 4.0)
        at2 = vehicle[:2] + ahead * clear + side * shift * (reach * angle + 2.6)
        return Bystander(kind, choice, Pose(float(at2[0]), float(at2[1]), pose.yaw))
    # Half the vehicle's extent towards the camera, so that nothing stands inside it.
    turn = pose.yaw - bearing
    extent = reach * abs(float(np.cos(turn))) + 0.95 * abs(float(np.sin(turn)))
    near = extent + float(rng.uniform(0.35, 0.7) if kind == "railing" else rng.uniform(1.0, 3.0))
    offset = shift * float(rng.uniform(0.1, 0.6)) * max(reach, 1.0)
    at2 = vehicle[:2] + ahead * near + side * offset
    return Bystander(kind, choice, Pose(float(at2[0]), float(at2[1]), bearing))
