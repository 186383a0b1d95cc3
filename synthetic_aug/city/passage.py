"""A passage: the poses of a vehicle under a camera frame by frame, and what stands around it."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.cameras import Camera, Pose
from synthetic_aug.city.geometry import FloatArray
from synthetic_aug.city.places import PLACES


@dataclass(frozen=True)
class Bystander:
    """Something near the vehicle: ``choice`` picks which one of its ``kind``.

    Kinds are car, pole and tree, and those of `synthetic_aug.city.conditions`.
    """

    kind: str
    choice: int
    pose: Pose


@dataclass(frozen=True)
class Passage:
    """Poses of the frames in order of time, and the bystanders, who keep still."""

    poses: tuple[Pose, ...]
    bystanders: tuple[Bystander, ...]


def draw_passage(
    camera: Camera, frames: int, *, occluded: float, reach: float, rng: np.random.Generator
) -> Passage:
    """Drive a vehicle through a camera's view.

    Args:
        camera: the camera.
        frames: number of frames.
        occluded: chance that a pole, a tree or another car stands in the line of sight.
        reach: half the length of the vehicle in metres, the room that others leave to it.
        rng: draws lane, speed, turn and bystanders.
    """
    place = PLACES[camera.place]
    lane = place.lanes[int(rng.integers(0, len(place.lanes)))]
    yaw = 0.0 if lane < 0 else np.pi
    step = rng.uniform(1.6, 3.0)
    turn = 0.0
    if place.turns and rng.random() < 0.6:  # radians of heading over the whole passage
        turn = float(rng.choice((-1, 1)) * rng.uniform(0.4, 1.2))
        yaw += float(rng.uniform(-0.5, 0.5))
    yaw += float(rng.normal(0, 0.04))
    middle = (frames - 1) / 2
    start = np.array([camera.target[0] + rng.uniform(-1.5, 1.5), lane + rng.normal(0, 0.2)])
    poses = []
    for frame in range(frames):
        heading = yaw + turn * (frame - middle) / max(frames - 1, 1)
        along = (frame - middle) * step * (1 + rng.uniform(-0.15, 0.15))
        mean = yaw + 0.5 * turn * (frame - middle) / max(frames - 1, 1)
        at = start + along * np.array([np.cos(mean), np.sin(mean)])
        poses.append(Pose(float(at[0]), float(at[1]), float(heading)))
    bystanders = [] if turn else _traffic(place.lanes, lane, start, reach, rng)
    if rng.random() < occluded:
        bystanders.append(_occluder(camera, poses[frames // 2], reach, rng))
    return Passage(tuple(poses), tuple(bystanders))


def _traffic(
    lanes: tuple[float, ...],
    own: float,
    start: FloatArray,
    reach: float,
    rng: np.random.Generator,
) -> list[Bystander]:
    """Other cars in other lanes, or well ahead of or behind the vehicle in its own."""
    found = []
    for lane in lanes:
        if rng.random() > 0.35:
            continue
        gap = rng.uniform(-9, 9)
        if lane == own or abs(lane - own) < 3.0:
            gap = float(np.sign(gap) or 1.0) * (reach + rng.uniform(9.0, 14.0))
        yaw = 0.0 if lane < 0 else np.pi
        pose = Pose(float(start[0] + gap), lane, yaw)
        found.append(Bystander("car", int(rng.integers(0, 1000)), pose))
    return found


def _occluder(camera: Camera, pose: Pose, reach: float, rng: np.random.Generator) -> Bystander:
    """Something between camera and vehicle that hides part of it."""
    eye = np.asarray(camera.position[:2])
    vehicle = np.array([pose.x, pose.y])
    away = float(np.linalg.norm(eye - vehicle))
    ahead = (eye - vehicle) / away
    side = np.array([-ahead[1], ahead[0]])
    kind = ("pole", "tree", "car", "car")[int(rng.integers(0, 4))]
    if kind == "car":
        angle = abs(float(np.sin(pose.yaw - np.arctan2(ahead[1], ahead[0]))))
        clear = 1.5 + angle * 1.2 + (1 - angle) * (reach + 1.8)  # no part of one inside the other
        at = vehicle + ahead * clear + side * rng.uniform(-1.5, 1.5)
        return Bystander(
            "car", int(rng.integers(0, 1000)), Pose(float(at[0]), float(at[1]), pose.yaw)
        )
    share = rng.uniform(0.35, 0.6) if kind == "pole" else rng.uniform(0.3, 0.45)
    shift = (
        rng.uniform(-0.5, 0.5) * reach
        if kind == "pole"
        else rng.choice((-1, 1)) * rng.uniform(0.9, 1.5) * reach
    )
    at = vehicle + ahead * max(share * away, 3.0) + side * shift
    return Bystander(kind, int(rng.integers(0, 1000)), Pose(float(at[0]), float(at[1]), 0.0))
