"""Materials as Mitsuba's surfaces: plain, painted with a number plate, dirty, or wet."""

from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_aug.city.paint import RGB, Material, plate_picture

_DUST = np.array([0.2, 0.165, 0.12], dtype=np.float32)
_MATT = 0.8  # from this roughness on a surface is a plain diffuse one

Picture = NDArray[np.float32]


def make_bsdf(mi: ModuleType, material: Material) -> Any:
    """Make Mitsuba's object for a material."""
    if material.dirt > 0:
        return _dirty(mi, material)
    if material.plate:
        color = _bitmap(mi, plate_picture(material.plate))
    else:
        color = {"type": "rgb", "value": list(material.color)}
    bsdf: dict[str, Any] = {"type": "diffuse", "reflectance": color}
    if material.roughness < _MATT:
        bsdf = {
            "type": "principled", "base_color": color, "roughness": material.roughness,
            "metallic": material.metallic, "clearcoat": material.clearcoat,
            "clearcoat_gloss": 0.9,
        }  # fmt: skip
    return mi.load_dict(bsdf)


def textured(material: Material) -> bool:
    """Tell whether a material needs texture coordinates."""
    return bool(material.plate) or material.dirt > 0


def _bitmap(mi: ModuleType, picture: Picture) -> dict[str, Any]:
    return {"type": "bitmap", "bitmap": mi.Bitmap(picture), "raw": True}


def _dirty(mi: ModuleType, material: Material) -> Any:
    cover = dirt_cover(material.dirt, material.grain)[..., None]
    color = np.asarray(material.color, dtype=np.float32) * (1 - cover) + _DUST * cover
    rough = material.roughness + (0.95 - material.roughness) * cover
    return mi.load_dict(
        {
            "type": "principled", "base_color": _bitmap(mi, color),
            "roughness": _bitmap(mi, np.asarray(rough, dtype=np.float32)),
            "metallic": material.metallic * (1 - 0.6 * material.dirt),
            "clearcoat": material.clearcoat * (1 - 0.9 * material.dirt), "clearcoat_gloss": 0.9,
        }
    )  # fmt: skip


def dirt_cover(dirt: float, grain: int) -> Picture:
    """Share of a surface covered by dirt (128, 192) in [0, 1], as laid over by `dirt_places`.

    Rows run up from the ground, where dirt is thickest, to four metres; columns along the vehicle.
    """
    rng = np.random.default_rng([31, grain])
    rows, columns = 128, 192
    height = 4.0 * (np.arange(rows, dtype=np.float32)[:, None] + 0.5) / rows
    cloud = np.zeros((rows, columns), dtype=np.float32)
    for cells, weight in ((6, 0.5), (20, 0.35), (60, 0.25)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        coarse[:, -1] = coarse[:, 0]  # the pattern repeats
        cloud += weight * np.asarray(cv2.resize(coarse, (columns, rows)), dtype=np.float32)
    reach = 0.35 + 0.6 * dirt  # metres up to which it splashes
    mud = np.clip(1.5 - height / reach + 0.5 * cloud, 0, 1)
    film = 0.35 * np.clip(1 + 0.4 * cloud, 0, 1)
    return np.asarray(np.clip(dirt * (0.95 * mud + film), 0, 0.95), dtype=np.float32)


def wet_road(mi: ModuleType, picture: Picture, wet: float, rng: np.random.Generator) -> Any:
    """Road surface in rain: darker, smooth in puddles, glossy elsewhere.

    Args:
        mi: the renderer.
        picture: (N, N, 3) colours of the dry ground.
        wet: in (0, 1], from damp to standing water.
        rng: draws the puddles.
    """
    size = picture.shape[0]
    cloud = np.zeros((size, size), dtype=np.float32)
    for cells, weight in ((24, 0.6), (70, 0.4)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        cloud += weight * np.asarray(
            cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32
        )
    puddle = np.clip(1.2 * (cloud - 0.9 + wet), 0, 1)[..., None]
    rough = 0.42 - 0.12 * wet - 0.2 * puddle
    dark = 1 - 0.35 * wet - 0.15 * puddle
    return mi.load_dict(
        {
            "type": "principled", "base_color": _bitmap(mi, picture * dark.astype(np.float32)),
            "roughness": _bitmap(mi, np.clip(rough, 0.1, 1).astype(np.float32)), "specular": 0.5,
        }
    )  # fmt: skip


def glow(mi: ModuleType, radiance: RGB) -> Any:
    """A lamp's lens that shines but is not aimed at by light paths, so that it adds no noise."""
    color = {"type": "rgb", "value": list(radiance)}
    return mi.load_dict({"type": "area", "radiance": color, "sampling_weight": 0.0})
