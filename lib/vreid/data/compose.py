"""A vehicle laid over a plate: one pass over the pixels.

OpenCV has no word for it and takes nine passes, each of which waits for memory. The arithmetic is
float32 in one order: with and without numba the bytes are the same.
"""

import numpy as np
import numpy.typing as npt

from vreid.compiled import available, compiled
from vreid.data.images import ImageArray

_FloatArray = npt.NDArray[np.float32]


def compose(
    vehicle: ImageArray,
    plate: ImageArray,
    *,
    front: ImageArray,
    light: ImageArray,
    gains: tuple[float, float, float],
) -> ImageArray:
    """Lay a vehicle over a plate.

    With all taken from 0 to 1 and ``f`` for the opacity, a colour becomes
    ``gain f vehicle + (1 - f) light plate``, at most 1.

    Args:
        vehicle: (H, W, 3).
        plate: (H, W, 3).
        front: (H, W) opacity of the vehicle, 0 to 255.
        light: (H, W) light on the plate, 0 to 255.
        gains: What the vehicle's red, green and blue are multiplied by.

    Returns:
        (H, W, 3).
    """
    scales = np.array([*(gain / 255 for gain in gains), 1 / 255**2], dtype=np.float32)
    out = np.empty(vehicle.shape, dtype=np.uint8)
    (_compose if available() else _compose_plain)(
        _flat(vehicle), _flat(plate), _flat(front), _flat(light), scales, out.reshape(-1)
    )
    return out


def _flat(image: ImageArray) -> ImageArray:
    return np.ascontiguousarray(image).reshape(-1)


@compiled
def _compose(
    vehicle: ImageArray,
    plate: ImageArray,
    front: ImageArray,
    light: ImageArray,
    scales: _FloatArray,
    out: ImageArray,
) -> None:
    most, half = np.float32(255), np.float32(0.5)
    red, green, blue, unit = scales[0], scales[1], scales[2], scales[3]
    for idx in range(len(front)):
        opacity = np.float32(front[idx])
        rest = (most - opacity) * np.float32(light[idx]) * unit
        at = 3 * idx  # one axis, so that the compiler knows the colours to be a byte apart
        first = np.float32(vehicle[at]) * (opacity * red) + np.float32(plate[at]) * rest
        second = np.float32(vehicle[at + 1]) * (opacity * green) + np.float32(plate[at + 1]) * rest
        third = np.float32(vehicle[at + 2]) * (opacity * blue) + np.float32(plate[at + 2]) * rest
        out[at] = np.uint8(min(first + half, most))
        out[at + 1] = np.uint8(min(second + half, most))
        out[at + 2] = np.uint8(min(third + half, most))


def _compose_plain(
    vehicle: ImageArray,
    plate: ImageArray,
    front: ImageArray,
    light: ImageArray,
    scales: _FloatArray,
    out: ImageArray,
) -> None:
    """As `_compose`, without numba."""
    most, half = np.float32(255), np.float32(0.5)
    opacity = front.astype(np.float32)[:, None]  # (N, 1)
    rest = (most - opacity) * light.astype(np.float32)[:, None] * scales[3]
    before = vehicle.reshape(-1, 3).astype(np.float32) * (opacity * scales[:3])
    behind = plate.reshape(-1, 3).astype(np.float32) * rest
    out[:] = np.minimum(before + behind + half, most).reshape(-1)
