"""Scenes for Mitsuba 3: meshes to shapes, places to grounds, one picture and one mask at a time.

Mitsuba 3 (Jakob et al., https://mitsuba-renderer.org) traces the paths, in its ``scalar_rgb``
variant with one thread a process, so that the order of random numbers and every byte is fixed.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic_aug.cameras import Camera, Crop, Pose
from synthetic_aug.geometry import Mesh
from synthetic_aug.paint import Material, plate_picture
from synthetic_aug.places import EXTENT, PLACES, furniture, ground_picture
from synthetic_aug.sky import DAYLIGHTS, panorama
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
class View:
    """What one picture shows.

    Attributes:
        camera: from where.
        crop: which part of its picture.
        vehicle: the group made by `Stage.group`, and its pose.
        bystanders: further groups with their poses.
        empty: leave out everything that stands beside the road.
    """

    camera: Camera
    crop: Crop
    vehicle: tuple[Any, Pose]
    bystanders: tuple[tuple[Any, Pose], ...]
    empty: bool = False


class Stage:
    """Mitsuba's objects that live longer than one picture: places, lights, the integrators."""

    def __init__(self, seed: int) -> None:
        self.mi = load_mitsuba()
        self.seed = seed
        self._places: dict[int, dict[str, Any]] = {}
        self._lights: dict[tuple[int, int, float], Any] = {}
        self._bsdfs: dict[Material, Any] = {}
        self._path = self.mi.load_dict({"type": "path", "max_depth": 3})
        self._index = self.mi.load_dict({"type": "aov", "aovs": "index:shape_index"})

    def _bsdf(self, material: Material) -> Any:
        if material.plate:
            picture = self.mi.Bitmap(plate_picture(material.plate))
            color: dict[str, Any] = {"type": "bitmap", "bitmap": picture, "raw": True}
        else:
            color = {"type": "rgb", "value": list(material.color)}
        if material in self._bsdfs:
            return self._bsdfs[material]
        bsdf: dict[str, Any] = {"type": "diffuse", "reflectance": color}
        if material.roughness < 0.8:
            bsdf = {
                "type": "principled", "base_color": color, "roughness": material.roughness,
                "metallic": material.metallic, "clearcoat": material.clearcoat,
                "clearcoat_gloss": 0.9,
            }  # fmt: skip
        made = self.mi.load_dict(bsdf)
        if not material.plate:
            self._bsdfs[material] = made
        return made

    def _shape(self, mesh: Mesh, material: Material) -> Any:
        properties = self.mi.Properties()
        properties["bsdf"] = self._bsdf(material)
        shape = self.mi.Mesh(
            "part", vertex_count=len(mesh.vertices), face_count=len(mesh.faces),
            has_vertex_normals=True, has_vertex_texcoords=bool(material.plate), props=properties,
        )  # fmt: skip
        buffers = self.mi.traverse(shape)
        buffers["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
        buffers["vertex_normals"] = mesh.normals.astype(np.float32).ravel()
        buffers["faces"] = mesh.faces.astype(np.uint32).ravel()
        if material.plate:
            buffers["vertex_texcoords"] = mesh.uvs.astype(np.float32).ravel()
        buffers.update()
        return shape

    def group(self, parts: Parts) -> Any:
        """Put parts into a shape group that can stand anywhere."""
        shapes = {
            f"part{i}": self._shape(mesh, material) for i, (material, mesh) in enumerate(parts)
        }
        return self.mi.load_dict({"type": "shapegroup", **shapes})

    def _place(self, index: int) -> dict[str, Any]:
        if index not in self._places:
            place, rng = PLACES[index], np.random.default_rng([self.seed, 6, index])
            far = self.mi.load_dict(
                {
                    "type": "rectangle",
                    "to_world": self.mi.ScalarTransform4f().translate([0, 0, -0.05]).scale(300.0),
                    "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.15}},
                }
            )
            picture = self.mi.Bitmap(ground_picture(place, rng))
            texture = {"type": "bitmap", "bitmap": picture, "raw": True}
            near = self.mi.load_dict(
                {
                    "type": "rectangle",
                    "to_world": self.mi.ScalarTransform4f().scale(EXTENT / 2),
                    "bsdf": {"type": "diffuse", "reflectance": texture},
                }
            )
            shapes = {
                f"thing{i}": self._shape(mesh, material)
                for i, (material, mesh) in enumerate(furniture(place, rng))
            }
            self._places[index] = {"far": far, "near": near, **shapes}
        return self._places[index]

    def _light(self, camera: Camera) -> Any:
        key = (camera.place, camera.daylight, camera.sun_azimuth)
        if key not in self._lights:
            rng = np.random.default_rng([self.seed, 6, camera.place, 1])
            picture = panorama(
                DAYLIGHTS[camera.daylight], camera.sun_azimuth, PLACES[camera.place].road, rng=rng
            )
            self._lights = {
                key: self.mi.load_dict(
                    {
                        "type": "envmap",
                        "bitmap": self.mi.Bitmap(picture.astype(np.float32)),
                        "to_world": self.mi.ScalarTransform4f().rotate([1, 0, 0], 90),
                    }
                )
            }
        return self._lights[key]

    def _standing(self, group: Any, pose: Pose) -> dict[str, Any]:
        turn = self.mi.ScalarTransform4f().translate([pose.x, pose.y, 0.0])
        turn = turn.rotate([0, 0, 1], float(np.degrees(pose.yaw)))
        return {"type": "instance", "to_world": turn, "group": group}

    def _sensor(self, camera: Camera, crop: Crop) -> Any:
        # The film is a square about the optical axis, large enough for a box that reaches beyond
        # the camera's own picture, as those of long vehicles do.
        scale = crop.columns / crop.width  # pixels to a picture width
        left, top = round(crop.left * scale), round(crop.top * scale)
        half = max(-left, -top, left + crop.columns, top + crop.rows, 8)
        fov = np.degrees(2 * np.arctan(2 * half / scale * np.tan(np.radians(camera.fov) / 2)))
        offset, width = (left + half, top + half), 2 * half
        look = self.mi.ScalarTransform4f().look_at(
            list(camera.position), list(camera.target), [0, 0, 1]
        )
        film = {
            "type": "hdrfilm", "width": width, "height": width, "pixel_format": "rgb",
            "component_format": "float32", "rfilter": {"type": "box"},
            "crop_offset_x": offset[0], "crop_offset_y": offset[1],
            "crop_width": crop.columns, "crop_height": crop.rows,
        }  # fmt: skip
        return self.mi.load_dict(
            {
                "type": "perspective",
                "fov": float(fov),
                "fov_axis": "x",
                "near_clip": 0.1,
                "far_clip": 1000.0,
                "to_world": look,
                "film": film,
                "sampler": {"type": "multijitter"},
            }
        )

    def render(
        self, view: View, *, samples: int, seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Render a view.

        Returns:
            Radiance (H, W, 3) float32 and the vehicle's mask (H, W) uint8, 255 where it is seen.
        """
        groups = {id(group): group for group, _ in (view.vehicle, *view.bystanders)}
        place = self._place(view.camera.place)
        if view.empty:
            place = {name: place[name] for name in ("far", "near")}
        scene_dict: dict[str, Any] = {"type": "scene", **place}
        scene_dict |= {f"group{i}": group for i, group in enumerate(groups.values())}
        scene_dict |= {
            f"other{i}": self._standing(group, pose)
            for i, (group, pose) in enumerate(view.bystanders)
        }
        scene_dict["vehicle"] = self._standing(*view.vehicle)
        scene_dict["light"] = self._light(view.camera)
        scene = self.mi.load_dict(scene_dict)
        sensor = self._sensor(view.camera, view.crop)
        picture = self.mi.render(
            scene, sensor=sensor, integrator=self._path, spp=samples, seed=seed
        )
        index = self.mi.render(scene, sensor=sensor, integrator=self._index, spp=1, seed=seed)
        # The renderer counts shapes from 1 in the order of the scene; 0 is the sky.
        order = [shape.id() for shape in scene.shapes()].index("vehicle") + 1
        mask = np.abs(np.array(index)[..., -1] - order) < 0.25
        return np.array(picture, dtype=np.float32), mask.astype(np.uint8) * 255
