"""Images a second from JPEG files to batches, ways side by side: ``python -m benchmarks.decode``.

Prints images per second on one thread and the ratio to the first way, the one the loader uses:
decode, resize with anti-aliasing, stay uint8. Rounds alternate, so that a change of the machine's
speed hits all ways alike; the median counts.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from vreid.data.images import ImageArray, read_image, resize_to_tensor

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def main(*, images: int = 64, source: int = 350, target: int = 256, rounds: int = 9) -> None:
    """Measure all ways and print the table."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_jpegs(Path(folder), images, source)
        ways = build_ways(target)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                for path in paths:
                    way(path)
                seconds[name].append(time.perf_counter() - start)
    print(f"{source} px JPEG to {target} px, one thread, median of {rounds} rounds")
    base = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:44} {images / median:7.0f} img/s  x {base / median:.2f}")


def build_ways(target: int) -> dict[str, Callable[[Path], object]]:
    """The ways by name, the loader's first."""
    size = (target, target)

    def area(path: Path) -> ImageArray:
        shrunk = cv2.resize(read_image(path), size, interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, dtype=np.uint8)

    def normalized(path: Path) -> object:
        return (area(path) / 255.0 - MEAN) / STD

    def pillow(path: Path) -> object:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))

    return {
        "loader: OpenCV decode, torch bicubic, uint8": lambda p: resize_to_tensor(
            read_image(p), size
        ),
        "OpenCV decode and INTER_AREA, uint8": area,
        "the same, normalised with NumPy": normalized,
        "Pillow decode and bicubic, uint8": pillow,
    }


def write_jpegs(folder: Path, count: int, size: int) -> list[Path]:
    """Smooth random pictures, which compress about as well as photographs."""
    generator = np.random.default_rng(0)
    paths = []
    for idx in range(count):
        small = generator.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
        picture = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=90)
        paths.append(folder / f"{idx:04d}.jpg")
        paths[-1].write_bytes(buffer.getvalue())
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decode", description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--source", type=int, default=350, help="side of the JPEG files, pixels")
    parser.add_argument("--target", type=int, default=256, help="side after resizing, pixels")
    parser.add_argument("--rounds", type=int, default=9)
    main(**vars(parser.parse_args()))
