"""One unit of work: all pictures of one vehicle, skipping those that are already there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthetic_aug.cameras import (
    Camera,
    Pose,
    crop_of,
    draw_cameras,
    orientation_of,
    project,
    studio_camera,
)
from synthetic_aug.geometry import FloatArray
from synthetic_aug.options import CityOptions
from synthetic_aug.passage import Bystander, Passage, draw_passage
from synthetic_aug.places import pole, tree
from synthetic_aug.plan import (
    Tracklet,
    Vehicle,
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
                self.options, stream, tracklet.vehicle.index, 3, tracklet.camera, _key(tracklet), frame
            )
            standing = _placed(points, pose)
            crop = crop_of(camera, standing, self.options.image_size, rng=rng)
            seed = int(rng.integers(0, 2**31))
            view = View(camera, crop, (group, pose), others, empty=stream == "vehiclex")
            radiance, mask = self.stage.render(view, samples=self.options.samples, seed=seed)
            if mask.mean() < _LEAST_SEEN * 255:
                view = View(camera, crop, (group, pose), (), empty=True)
                radiance, mask = self.stage.render(view, samples=self.options.samples, seed=seed)
            speed = project(camera, np.array([[pose.x, pose.y, 0.5],
                                              [pose.x + 0.1 * np.cos(pose.yaw),
                                               pose.y + 0.1 * np.sin(pose.yaw), 0.5]]))
            smear = (speed[1] - speed[0]) * crop.columns / crop.width * rng.uniform(0, 0.6)
            white = DAYLIGHTS[camera.daylight].ground_light()
            picture = expose(radiance, camera.sensor, white, motion=(smear[0], smear[1]), rng=rng)
            if mask.shape != picture.shape[:2]:
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
    """Number that tells apart the lone pictures of one synthetic vehicle and camera; 0 elsewhere."""
    if tracklet.folder != "sys_image_train":
        return 0
    return int(tracklet.names[0].rsplit("_", 1)[1].split(".")[0])


def _placed(points: FloatArray, pose: Pose) -> FloatArray:
    c, s = np.cos(pose.yaw), np.sin(pose.yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(points @ turn.T + np.array([pose.x, pose.y, 0.0]))


def _enlarged(mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], shape: tuple[int, ...]) -> (
    np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
):
    rows = np.arange(shape[0]) * mask.shape[0] // shape[0]
    columns = np.arange(shape[1]) * mask.shape[1] // shape[1]
    return mask[rows][:, columns]


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


_painter: Painter | None = None


def start_worker(root: Path, options: CityOptions) -> None:
    """Prepare a worker process of the pool."""
    global _painter  # one painter per worker process, which serves one city only
    _painter = Painter(root, options)


def run_worker(tracklets: Sequence[Tracklet]) -> int:
    """Paint one vehicle in a worker process."""
    assert _painter is not None
    return _painter.paint(tracklets)


__all__ = ["Painter", "Vehicle", "orientation_of", "run_worker", "start_worker"]
