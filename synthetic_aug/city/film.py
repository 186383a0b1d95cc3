"""A camera's window onto a scene as Mitsuba's sensor."""

from types import ModuleType
from typing import Any

import numpy as np

from synthetic_aug.city.cameras import Camera, Crop


def make_film(mi: ModuleType, camera: Camera, crop: Crop) -> Any:
    """Make the sensor that renders one crop of a camera's picture."""
    # The film is a square about the optical axis, large enough for a box that reaches beyond
    # the camera's own picture, as those of long vehicles do.
    scale = crop.columns / crop.width  # pixels to a picture width
    left, top = round(crop.left * scale), round(crop.top * scale)
    half = max(-left, -top, left + crop.columns, top + crop.rows, 8)
    fov = np.degrees(2 * np.arctan(2 * half / scale * np.tan(np.radians(camera.fov) / 2)))
    offset, width = (left + half, top + half), 2 * half
    look = mi.ScalarTransform4f().look_at(list(camera.position), list(camera.target), [0, 0, 1])
    film = {
        "type": "hdrfilm", "width": width, "height": width, "pixel_format": "rgb",
        "component_format": "float32", "rfilter": {"type": "box"},
        "crop_offset_x": offset[0], "crop_offset_y": offset[1],
        "crop_width": crop.columns, "crop_height": crop.rows,
    }  # fmt: skip
    return mi.load_dict(
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
