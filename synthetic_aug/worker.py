"""One unit of work: all pictures of one vehicle, skipping those that are already there."""

import signal
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic_aug.cameras import (
    Camera,
    Pose,
    crop_of,
    draw_cameras,
    project,
    studio_camera,
)
from synthetic_aug.geometry import FloatArray
from synthetic_aug.options import CityOptions
from synthetic_aug.passage import Bystander, Passage, draw_passage
from synthetic_aug.places import pole, tree
from synthetic_aug.plan import (
    Tracklet,
    folder_path,
    generator,
    spec_of,
    vehiclex_orientation,
)
from synthetic_aug.scene import Stage, View
from synthetic_aug.sensor import expose, jpeg, png
from synthetic_aug.sky import DAYLIGHTS
from synthetic_aug.vehicle import build, draw_spec
from vreid.files import atomic_path

_NUM_TRAFFIC = 12  # other cars differ from all identities and are shared by all pictures

# A detector does not box in a vehicle that is nearly hidden: below this share of the crop, whatever
# stands in front is taken away.
_LEAST_SEEN = 0.22


class Painter:
    """Renders the pictures of one vehicle after another into a city's folder."""

    def __init__(self, root: Path, options: CityOptions) -> None:
        self.root = root
        self.options = options
        self.cameras = draw_cameras(options.cameras, generator(options, "cameras"))
        self._stage: Stage | None = None
        self._others: dict[tuple[str, int], object] = {}

    @property
    def stage(self) -> Stage:
        """The renderer, started when the first picture is missing."""
        if self._stage is None:
            self._stage = Stage(self.options.seed)
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
            vehicle = missing[0].vehicle
            parts = list(build(spec_of(self.options, vehicle)).items())
            group = self.stage.group(parts)
            points = np.concatenate([mesh.vertices for _, mesh in parts])
            for tracklet in missing:
                self._paint_tracklet(tracklet, group, points)
        return sum(len(tracklet.names) for tracklet in tracklets)

    def _paint_tracklet(self, tracklet: Tracklet, group: object, points: FloatArray) -> None:
        camera, passage = self._situation(tracklet, float(points[:, 0].max()))
        others = tuple((self._other(thing), thing.pose) for thing in passage.bystanders)
        for frame, pose in enumerate(passage.poses):
            picture_path, mask_path = self.paths(tracklet, frame)
            if picture_path.exists():
                continue
            stream = tracklet.vehicle.group
            rng = generator(
                self.options,
                stream,
                tracklet.vehicle.index,
                3,
                tracklet.camera,
                _key(tracklet),
                frame,
            )
            standing = _placed(points, pose)
            crop = crop_of(camera, standing, self.options.image_size, rng=rng)
            seed = int(rng.integers(0, 2**31))
            view = View(camera, crop, (group, pose), others, empty=stream == "vehiclex")
            radiance, mask = self.stage.render(view, samples=self.options.samples, seed=seed)
            if mask.mean() < _LEAST_SEEN * 255:
                view = View(camera, crop, (group, pose), (), empty=True)
                radiance, mask = self.stage.render(view, samples=self.options.samples, seed=seed)
            # Ten centimetres of travel while the shutter is open, at most.
            length = 0.1 * rng.uniform(0, 1)
            white = DAYLIGHTS[camera.daylight].exposure_light()
            motion = _smear(camera, pose, length) * crop.columns / crop.width
            picture = expose(radiance, camera.sensor, white, motion=motion, rng=rng)
            mask = _enlarged(mask, picture.shape[:2])
            # The mask first: a picture that is there is a frame that is done.
            _write(mask_path, png(mask))
            _write(picture_path, jpeg(picture, camera.sensor.quality))

    def _situation(self, tracklet: Tracklet, reach: float) -> tuple[Camera, Passage]:
        vehicle = tracklet.vehicle
        rng = generator(
            self.options, vehicle.group, vehicle.index, 4, tracklet.camera, _key(tracklet)
        )
        if tracklet.folder == "sys_image_train":
            camera, pose = studio_camera(vehiclex_orientation(self.options, tracklet), rng)
            return camera, Passage((pose,), ())
        camera = self.cameras[tracklet.camera]
        frames = len(tracklet.names)
        return camera, draw_passage(
            camera, frames, occluded=self.options.occluded, reach=reach, rng=rng
        )

    def _other(self, thing: Bystander) -> object:
        key = (thing.kind, thing.choice % _NUM_TRAFFIC)
        if key not in self._others:
            rng = generator(self.options, "traffic", key[1])
            if thing.kind == "car":
                kind = ("sedan", "hatchback", "suv", "van")[key[1] % 4]
                parts = list(build(draw_spec(rng, body_type=kind, marks=0)).items())
            else:
                parts = pole() if thing.kind == "pole" else tree(rng, height=4.5)
            self._others[key] = self.stage.group(parts)
        return self._others[key]


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
