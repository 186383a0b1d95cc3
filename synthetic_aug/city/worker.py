"""One unit of work: all pictures of one vehicle, skipping those that are already there."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.attributes import moved_camera, parse_attributes
from synthetic_aug.city.cameras import (
    Camera,
    Pose,
    crop_of,
    project,
    studio_camera,
)
from synthetic_aug.city.conditions import Circumstance, city_cameras, draw_circumstance
from synthetic_aug.city.foreground import railing, sign, twig
from synthetic_aug.city.geometry import FloatArray
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.optics import Picture, glare, moving, rainfall
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.passage import Bystander, Passage, draw_passage
from synthetic_aug.city.places import pole, tree
from synthetic_aug.city.plan import vehiclex_orientation
from synthetic_aug.city.records import Tracklet, folder_path, generator, seed_of
from synthetic_aug.city.scene import Figure, Parts, Stage, View
from synthetic_aug.city.sensor import expose, jpeg, png
from synthetic_aug.city.style import places_of, style_of
from synthetic_aug.city.sweep import sweep_camera
from synthetic_aug.city.vehicle import build, draw_spec
from vreid.files import atomic_path

_NUM_TRAFFIC = 12  # other cars differ from all identities and are shared by all pictures

# A detector does not box in a vehicle that is nearly hidden: below this share of the crop, whatever
# stands in front is taken away.
_LEAST_SEEN = 0.22


class Painter:
    """Renders the pictures of one vehicle after another into a city's folder."""

    def __init__(self, root: Path, options: CityOptions, stage: Stage | None = None) -> None:
        self.root = root
        self.options = options
        self.cameras = city_cameras(options)
        self._stage = stage
        self._others: dict[tuple[str, int, bool], Figure] = {}

    @property
    def stage(self) -> Stage:
        """The renderer, started when the first picture is missing."""
        if self._stage is None:
            style = style_of(self.options)
            self._stage = Stage(
                *seed_of(self.options),
                places=places_of(style),
                sights=self.cameras if style.shifted else (),
            )
        return self._stage

    def paths(self, tracklet: Tracklet, frame: int) -> tuple[Path, Path]:
        """Picture and mask of one frame."""
        name = tracklet.names[frame]
        mask = self.root / "masks" / tracklet.folder / Path(name).with_suffix(".png")
        return self.root / folder_path(tracklet.folder) / name, mask

    def paint(self, tracklets: Sequence[Tracklet]) -> int:
        """Render what is missing of one vehicle's tracklets and return the number of pictures."""
        missing = [
            tracklet
            for tracklet in tracklets
            if not all(self.paths(tracklet, k)[0].exists() for k in range(len(tracklet.names)))
        ]
        if missing:
            parts = list(build(spec_of(self.options, missing[0].vehicle)).items())
            points = np.concatenate([mesh.vertices for _, mesh in parts])
            figures: dict[bool, Figure] = {}
            for tracklet in missing:
                shot = self._shot(tracklet, points)
                lit = shot.camera.weather.lamps
                if lit not in figures:
                    figures[lit] = self.stage.figure(parts, lit=lit)
                self._paint_tracklet(tracklet, shot, figures[lit], points)
        return sum(len(tracklet.names) for tracklet in tracklets)

    def _paint_tracklet(
        self, tracklet: Tracklet, shot: "_Shot", figure: Figure, points: FloatArray
    ) -> None:
        camera = shot.camera
        things = (*shot.passage.bystanders, *shot.circumstance.occluders)
        others = tuple((self._other(thing, camera), thing.pose) for thing in things)
        alone = tracklet.folder == "sys_image_train"
        for frame, pose in enumerate(shot.passage.poses):
            picture_path, mask_path = self.paths(tracklet, frame)
            if picture_path.exists():
                continue
            rng = self._generator(tracklet, 3, frame)
            standing = _placed(points, pose)
            crop = crop_of(camera, standing, self.options.image_size, rng=rng)
            seed = int(rng.integers(0, 2**31))
            # A night has several lights, each of which gets a share of the paths only.
            samples = self.options.samples * (3 if camera.weather.night else 1)
            view = View(camera, crop, (figure, pose), others, empty=alone)
            radiance, mask = self.stage.render(view, samples=samples, seed=seed)
            if mask.mean() < _LEAST_SEEN * 255:
                view = View(camera, crop, (figure, pose), (), empty=True)
                radiance, mask = self.stage.render(view, samples=samples, seed=seed)
            # Ten centimetres of travel while the shutter is open, at most.
            length = 0.1 * rng.uniform(0, 1)
            pixels = crop.columns / crop.width
            radiance = self._between(
                radiance, mask, camera, _smear(camera, pose, shot.circumstance.smear) * pixels,
                self._generator(tracklet, 7, frame),
            )  # fmt: skip
            motion = _smear(camera, pose, length) * pixels
            picture = expose(radiance, camera.sensor, camera.white, motion=motion, rng=rng)
            mask = _enlarged(mask, picture.shape[:2])
            # The mask first: a picture that is there is a frame that is done.
            _write(mask_path, png(mask))
            _write(picture_path, jpeg(picture, camera.sensor.quality))

    def _between(
        self,
        radiance: Picture,
        mask: NDArray[np.uint8],
        camera: Camera,
        way: FloatArray,
        rng: np.random.Generator,
    ) -> Picture:
        """What happens between scene and sensor; nothing on a clear day without much speed."""
        weather = camera.weather
        radiance = moving(radiance, mask, way)
        if weather.rain:
            radiance = rainfall(
                radiance, camera.white, rain=weather.rain, slant=weather.slant, rng=rng
            )
        return glare(radiance, camera.white) if weather.lamps else radiance

    def _generator(self, tracklet: Tracklet, *numbers: int) -> np.random.Generator:
        """Generator of one purpose of a tracklet, or of one of its frames."""
        vehicle, (purpose, *rest) = tracklet.vehicle, numbers
        return generator(
            self.options, vehicle.group, vehicle.index, purpose, tracklet.camera, _key(tracklet),
            *rest,
        )  # fmt: skip

    def _shot(self, tracklet: Tracklet, points: FloatArray) -> "_Shot":
        still = Circumstance(0.0, ())
        if tracklet.cell is not None:
            camera, pose = sweep_camera(self.options, tracklet.cell)
            return _Shot(camera, Passage((pose,), ()), still)
        rng = self._generator(tracklet, 4)
        if tracklet.folder == "sys_image_train":
            camera, pose = studio_camera(vehiclex_orientation(self.options, tracklet), rng)
            if self.options.attributes:
                attributes = parse_attributes(self.options.attributes)
                camera = moved_camera(attributes, camera, pose, rng)
            return _Shot(camera, Passage((pose,), ()), still)
        camera, reach = self.cameras[tracklet.camera], float(points[:, 0].max())
        passage = draw_passage(
            camera, len(tracklet.names), occluded=self.options.occluded, reach=reach, rng=rng
        )
        pose = passage.poses[len(passage.poses) // 2]
        rng = self._generator(tracklet, 8)
        return _Shot(camera, passage, draw_circumstance(self.options, camera, pose, reach, rng))

    def _other(self, thing: Bystander, camera: Camera) -> Figure:
        lit = camera.weather.lamps
        key = (thing.kind, thing.choice % _NUM_TRAFFIC, lit)
        if key not in self._others:
            rng = generator(self.options, "traffic", key[1])
            self._others[key] = self.stage.figure(_bystander(thing.kind, key[1], rng), lit=lit)
        return self._others[key]


@dataclass(frozen=True)
class _Shot:
    """A passage before its camera, and what befalls it."""

    camera: Camera
    passage: Passage
    circumstance: Circumstance


def _bystander(kind: str, choice: int, rng: np.random.Generator) -> Parts:
    """Parts of something beside the vehicle; of the makers below only the asked one is called."""
    if kind in ("car", "lorry"):
        types = ("sedan", "hatchback", "suv", "van") if kind == "car" else ("truck", "bus")
        body_type = types[choice % len(types)]
        return list(build(draw_spec(rng, body_type=body_type, marks=0)).items())
    if kind == "pole":
        return pole()
    if kind == "tree":
        return tree(rng, height=4.5)
    return {"leaves": twig, "sign": sign, "railing": railing}[kind](rng)


def _key(tracklet: Tracklet) -> int:
    """Number that tells apart the pictures of one synthetic vehicle; 0 elsewhere."""
    if tracklet.folder != "sys_image_train":
        return 0
    return int(tracklet.names[0].rsplit("_", 1)[1].split(".")[0])


def _placed(points: FloatArray, pose: Pose) -> FloatArray:
    c, s = np.cos(pose.yaw), np.sin(pose.yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(points @ turn.T + np.array([pose.x, pose.y, 0.0]))


def _smear(camera: Camera, pose: Pose, length: float) -> FloatArray:
    """Way of the vehicle's middle across the picture (2,) in picture widths."""
    ends = np.array([[0.0, 0.0, 0.5], [length, 0.0, 0.5]])
    start, end = project(camera, _placed(ends, pose))
    return np.asarray(end - start)


def _enlarged(mask: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Nearest pixels of the mask for each pixel of a picture of another size."""
    rows = np.arange(shape[0]) * mask.shape[0] // shape[0]
    columns = np.arange(shape[1]) * mask.shape[1] // shape[1]
    return np.asarray(mask[rows][:, columns])


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


@cache
def _painter(root: Path, options: CityOptions) -> Painter:
    return Painter(root, options)


def run_unit(root: Path, options: CityOptions, tracklets: Sequence[Tracklet]) -> int:
    """Paint one vehicle in a worker process, whose painter lasts as long as the process."""
    return _painter(root, options).paint(tracklets)


def leave_interrupts() -> None:
    """Let the parent process alone react to Ctrl-C, so that the picture in work is finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
