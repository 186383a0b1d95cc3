"""Small pictures that a network can tell apart, for tests of whole stages."""

from pathlib import Path

import cv2
import numpy as np

from vreid.data.images import ImageArray
from vreid.data.sample import Sample


def draw_vehicle(pid: int, camid: int, frame: int, *, size: int = 32) -> ImageArray:
    """A coloured box on a grey road: the colour says the vehicle, the road the camera."""
    generator = np.random.default_rng([pid, camid, frame])
    color = np.random.default_rng(pid).integers(0, 256, 3)
    picture = np.full((size, size, 3), 60 + 40 * camid % 120, dtype=np.float64)
    left, top = generator.integers(2, size // 4, 2)
    picture[top : top + size // 2, left : left + size // 2] = color
    picture += generator.normal(0, 6, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def make_samples(folder: Path, *, vehicles: int, cameras: int = 2, frames: int = 4) -> list[Sample]:
    """Write pictures of vehicles seen by all cameras and return their samples."""
    samples = []
    folder.mkdir(parents=True, exist_ok=True)
    for pid in range(vehicles):
        for camid in range(cameras):
            for frame in range(frames):
                name = f"{pid:04d}_{camid}_{frame}.png"
                cv2.imwrite(str(folder / name), draw_vehicle(pid, camid, frame))
                sample = Sample(folder / name, name, pid, camid, trackid=pid * cameras + camid)
                samples.append(sample)
    return samples


def bytes_below(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
