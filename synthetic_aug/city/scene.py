"""Scenes for Mitsuba 3: meshes to shapes, places to grounds, one picture and one mask at a time.

Mitsuba 3 (Jakob et al., https://mitsuba-renderer.org) traces the paths, in its ``scalar_rgb``
variant with one thread a process, so that the order of random numbers and every byte is fixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.cameras import Camera, Crop, Pose
from synthetic_aug.city.film import make_film
from synthetic_aug.city.geometry import Mesh
from synthetic_aug.city.lights import MAST, beam, head_radiance, lamp_spots, masts, switched_on
from synthetic_aug.city.materials import glow, make_bsdf, textured, wet_road
from synthetic_aug.city.paint import HEADLAMP, RGB, Material
from synthetic_aug.city.places import EXTENT, PLACES, Place, furniture, ground_picture
from synthetic_aug.city.sky import Daylight, panorama
from synthetic_aug.city.weather import Weather
from vreid.errors import DataError

Parts = list[tuple[Material, Mesh]]


def load_mitsuba() -> ModuleType:
    """Import Mitsuba and select the plain variant, single threaded.

    Raises:
        DataError: When it is not installed.
    """
    try:
        import drjit
        import mitsuba
    except ImportError as error:
        raise DataError(
            f"cannot render: Mitsuba 3 is missing ({error}); install it with "
            "pip install -e '.[render]'"
        ) from None
    mitsuba.set_variant("scalar_rgb")
    drjit.set_thread_count(1)
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    return mitsuba


@dataclass(frozen=True)
class Figure:
    """Something that can stand anywhere.

    Attributes:
        group: the renderer's group of its shapes, without the lenses of lamps that are on.
        lenses: lenses with their radiance relative to white; they belong to no group, because a
            renderer's group may not shine.
        reach: metres from its middle to its front end.
    """

    group: Any
    lenses: tuple[tuple[Mesh, RGB], ...]
    reach: float


@dataclass(frozen=True)
class View:
    """What one picture shows.

    Attributes:
        camera: from where.
        crop: which part of its picture.
        vehicle: the figure made by `Stage.figure`, and its pose.
        bystanders: further figures with their poses.
        empty: leave out everything that stands beside the road.
    """

    camera: Camera
    crop: Crop
    vehicle: tuple[Figure, Pose]
    bystanders: tuple[tuple[Figure, Pose], ...]
    empty: bool = False


class Stage:
    """Mitsuba's objects that live longer than one picture: places, lights, the integrators.

    Made with the city's seed, its places, and the cameras before which no tree may stand.
    """

    def __init__(
        self, *seed: int, places: tuple[Place, ...] = PLACES, sights: Sequence[Camera] = ()
    ) -> None:
        self.mi = load_mitsuba()
        self.seed = seed
        self.places = places
        self.sights = sights
        self._places: dict[tuple[int, Weather], dict[str, Any]] = {}
        self._lights: dict[tuple[int, Daylight, float], Any] = {}
        self._bsdfs: dict[Material, Any] = {}
        self._path = self.mi.load_dict({"type": "path", "max_depth": 3})
        self._index = self.mi.load_dict({"type": "aov", "aovs": "index:shape_index"})

    def _bsdf(self, material: Material) -> Any:
        if textured(material):
            return make_bsdf(self.mi, material)
        if material not in self._bsdfs:
            self._bsdfs[material] = make_bsdf(self.mi, material)
        return self._bsdfs[material]

    def _shape(self, mesh: Mesh, material: Material, *, shine: RGB | None = None) -> Any:
        properties = self.mi.Properties()
        properties["bsdf"] = self._bsdf(material)
        if shine is not None:
            properties["emitter"] = glow(self.mi, shine)
        shape = self.mi.Mesh(
            "part", vertex_count=len(mesh.vertices), face_count=len(mesh.faces),
            has_vertex_normals=True, has_vertex_texcoords=textured(material), props=properties,
        )  # fmt: skip
        buffers = self.mi.traverse(shape)
        buffers["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
        buffers["vertex_normals"] = mesh.normals.astype(np.float32).ravel()
        buffers["faces"] = mesh.faces.astype(np.uint32).ravel()
        if textured(material):
            buffers["vertex_texcoords"] = mesh.uvs.astype(np.float32).ravel()
        buffers.update()
        return shape

    def figure(self, parts: Parts, *, lit: bool = False) -> Figure:
        """Put parts into a group that can stand anywhere; ``lit`` switches its lamps on."""
        dark, lenses = switched_on(parts) if lit else (parts, ())
        shapes = {
            f"part{i}": self._shape(mesh, material) for i, (material, mesh) in enumerate(dark)
        }
        reach = max(float(mesh.vertices[:, 0].max()) for _, mesh in parts)
        group = self.mi.load_dict({"type": "shapegroup", **shapes})
        return Figure(group, tuple(lenses), reach)

    def _place(self, index: int, weather: Weather) -> dict[str, Any]:
        key = (index, weather)
        if key not in self._places:
            place, rng = self.places[index], np.random.default_rng([*self.seed, 6, index])
            to_world = self.mi.ScalarTransform4f()
            grey = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.15}}
            below = to_world.translate([0, 0, -0.05]).scale(300.0)
            far = self.mi.load_dict({"type": "rectangle", "to_world": below, "bsdf": grey})
            picture = ground_picture(place, rng)
            surface: Any = {
                "type": "diffuse",
                "reflectance": {"type": "bitmap", "bitmap": self.mi.Bitmap(picture), "raw": True},
            }
            if weather.rain:
                puddles = np.random.default_rng([*self.seed, 6, index, 2])
                surface = wet_road(self.mi, picture, weather.rain, puddles)
            square = to_world.scale(EXTENT / 2)
            near = self.mi.load_dict({"type": "rectangle", "to_world": square, "bsdf": surface})
            free = [(c.position[:2], c.target[:2]) for c in self.sights if c.place == index]
            shapes = {
                f"thing{i}": self._shape(mesh, material)
                for i, (material, mesh) in enumerate(furniture(place, rng, free=free))
            }
            if weather.night:
                poles, heads = masts(place)
                shapes["masts"] = self._shape(poles, MAST)
                shapes["heads"] = self._shape(heads, MAST, shine=head_radiance(place))
            self._places[key] = {"far": far, "near": near, **shapes}
        return self._places[key]

    def _light(self, camera: Camera) -> Any:
        light = camera.light
        key = (camera.place, light, camera.sun_azimuth)
        if key not in self._lights:
            rng = np.random.default_rng([*self.seed, 6, camera.place, 1])
            road = self.places[camera.place].road
            picture = panorama(light, camera.sun_azimuth, road, rng=rng)
            lamp: dict[str, Any] = {
                "type": "envmap",
                "bitmap": self.mi.Bitmap(picture.astype(np.float32)),
                "to_world": self.mi.ScalarTransform4f().rotate([1, 0, 0], 90),
            }
            if camera.weather.night:  # most paths go to the lamps, from which most light comes
                lamp["sampling_weight"] = 0.3
            self._lights = {key: self.mi.load_dict(lamp)}
        return self._lights[key]

    def _lenses(self, name: str, figure: Figure, pose: Pose, white: float) -> dict[str, Any]:
        """The lenses of a figure where they stand, each a shape that shines."""
        shapes = {}
        for index, (mesh, (r, g, b)) in enumerate(figure.lenses):
            shine = (white * r, white * g, white * b)
            placed = mesh.moved((pose.x, pose.y, pose.z), yaw=pose.yaw)
            shapes[f"{name}lens{index}"] = self._shape(placed, HEADLAMP, shine=shine)
        return shapes

    def _lamps(self, view: View) -> dict[str, Any]:
        """Street lamps' and headlights' beams of a night."""
        place, pose = self.places[view.camera.place], view.vehicle[1]
        spots = lamp_spots(self.mi, place, pose.x)
        lit = [(f, p) for f, p in (view.vehicle, *view.bystanders) if f.lenses]
        lit.sort(key=lambda one: (one[1].x - pose.x) ** 2 + (one[1].y - pose.y) ** 2)
        spots += [beam(self.mi, f.reach, p.x, p.y, p.yaw) for f, p in lit[:2]]
        return {f"lamp{i}": spot for i, spot in enumerate(spots)}

    def _standing(self, figure: Figure, pose: Pose) -> dict[str, Any]:
        turn = self.mi.ScalarTransform4f().translate([pose.x, pose.y, pose.z])
        turn = turn.rotate([0, 0, 1], float(np.degrees(pose.yaw)))
        return {"type": "instance", "to_world": turn, "group": figure.group}

    def render(
        self, view: View, *, samples: int, seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Render a view.

        Returns:
            Radiance (H, W, 3) float32 and the vehicle's mask (H, W) uint8, 255 where it is seen.
        """
        camera, weather = view.camera, view.camera.weather
        groups = {id(figure): figure.group for figure, _ in (view.vehicle, *view.bystanders)}
        place = self._place(camera.place, weather)
        if view.empty:
            place = {name: place[name] for name in ("far", "near")}
        scene_dict: dict[str, Any] = {"type": "scene", **place}
        scene_dict |= {f"group{i}": group for i, group in enumerate(groups.values())}
        for i, (figure, pose) in enumerate(view.bystanders):
            scene_dict[f"other{i}"] = self._standing(figure, pose)
            scene_dict |= self._lenses(f"other{i}", figure, pose, camera.shine)
        scene_dict["vehicle"] = self._standing(*view.vehicle)
        scene_dict |= self._lenses("vehicle", *view.vehicle, camera.shine)
        scene_dict["light"] = self._light(camera)
        if weather.night:
            scene_dict |= self._lamps(view)
        scene = self.mi.load_dict(scene_dict)
        sensor = make_film(self.mi, camera, view.crop)
        picture = self.mi.render(
            scene, sensor=sensor, integrator=self._path, spp=samples, seed=seed
        )
        index = self.mi.render(scene, sensor=sensor, integrator=self._index, spp=1, seed=seed)
        # The renderer counts shapes from 1 in the order of the scene; 0 is the sky. Lenses are the
        # vehicle's as well, and follow it.
        order = [shape.id() for shape in scene.shapes()].index("vehicle") + 1
        number = np.array(index)[..., -1] - order
        mask = (number > -0.25) & (number < len(view.vehicle[0].lenses) + 0.25)
        return np.array(picture, dtype=np.float32), mask.astype(np.uint8) * 255
