"""What the background swap adds to loading: ``python -m benchmarks.swap [--sources …] [--out …]``.

Decode and resize JPEG files on one thread: without a swap, with one of every image and with the
usual share, and in the plain way, in which mask and plate are read from their files for each image.
Also how long it takes to look up the masks when a training starts. Ways take turns, each turn is an
epoch that renews its part of the plates, and the best counts (so not the first one, which decodes
them all). It is processor time that counts: other work on the machine does not.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.decode import write_jpegs
from benchmarks.reports import Report, Table, command_line, markdown_table
from vreid.data.images import read_image, resize_to_tensor
from vreid.data.items import Images
from vreid.data.sample import Sample
from vreid.data.swap import swap_background
from vreid.data.swap_online import MASK_SIDE, BackgroundSwap
from vreid.data.swap_plates import camera_folder, plate_name
from vreid.data.swap_sources import Origin, find_sources, usable_mask
from vreid.errors import run_command
from vreid.masks import mask_path, write_mask

Way = Callable[[int], object]  # does epoch k
CAMERAS = 8
PLAIN, EACH, NAIVE, LOOK_UP = "decode and resize", "swap", "swap, files read", "look up a mask"


def main(
    sources: Sequence[int],
    *,
    size: int = 256,
    num_images: int = 1024,
    share: float = 0.6,
    rounds: int = 3,
    command: str = "python -m benchmarks.swap",
) -> Report:
    """Measure and return the report.

    Args:
        sources: Sides of the JPEG files, pixels.
        size: Side of the training images, pixels.
        num_images: Images an epoch.
        share: Share of the images that is swapped, for the table's third column.
        rounds: Turns.
        command: For the report.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    micros = {
        source: _measure(source, size=size, num_images=num_images, share=share, rounds=rounds)
        for source in sources
    }
    rows = []
    for source, found in micros.items():
        base = found[PLAIN]
        cells = [f"{found[name]:.0f} (x {found[name] / base:.2f})" for name in (EACH, NAIVE)]
        mixed = found[f"{EACH} {share:g}"]
        first = [f"{source} x {source}", f"{base:.0f}", f"{mixed:.0f} (x {mixed / base:.2f})"]
        rows.append([*first, *cells, f"{found[LOOK_UP]:.0f}"])
    head = ["file", PLAIN, f"{share:.0%} swapped", "all swapped", "all, files read", LOOK_UP]
    return Report(
        name="swap",
        title="Background swap",
        command=command,
        text=[
            f"Processor time of one thread; {num_images} JPEG files to {size} x {size}, with"
            " edge, light and shadow; as many plates. Looking up the masks is done once a training."
        ],
        tables=[Table("Microseconds an image", head, rows)],
        rows=[
            {"source": source, "way": name, "microseconds": value}
            for source, found in micros.items()
            for name, value in found.items()
        ],
    )


def _measure(
    source: int, *, size: int, num_images: int, share: float, rounds: int
) -> dict[str, float]:
    """Microseconds an image of each way."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        samples = make_set(root, num_images, source)
        origin = Origin(slice(0, len(samples)), root / "masks", root / "plates")
        look_up = partial(find_sources, samples, [origin], side=MASK_SIDE)
        found = look_up()
        ways: dict[str, Way] = {PLAIN: partial(load, samples, size, None)}
        for name, prob in ((EACH, 1.0), (f"{EACH} {share:g}", share)):
            swap = BackgroundSwap(
                found, prob, same_camera=False, feather=0.02, color=0.3, shadow=0.5
            )
            ways[name] = partial(load, samples, size, swap)
        ways[NAIVE] = lambda epoch: load_naively(samples, root, size)
        ways[LOOK_UP] = lambda epoch: look_up()
        best = dict.fromkeys(ways, float("inf"))
        for epoch in range(1 + rounds):
            for name, way in ways.items():
                start = time.process_time()
                way(epoch)
                spent = time.process_time() - start
                best[name] = min(best[name], spent) if epoch else best[name]
    return {name: 1e6 * spent / num_images for name, spent in best.items()}


def make_set(root: Path, num_images: int, source: int) -> list[Sample]:
    """Write images, masks of an ellipse with a dent, and plates, which are other images."""
    (root / "images").mkdir()
    samples = []
    for idx, path in enumerate(write_jpegs(root / "images", num_images, source)):
        sample = Sample(path, path.name, pid=0, camid=1 + idx % CAMERAS)
        mask = np.zeros((source, source), dtype=np.uint8)
        middle, axes = (source // 2, source // 2), (source * 2 // 5, source // 3)
        cv2.ellipse(mask, middle, axes, idx % 20, 0, 360, 255, cv2.FILLED)
        cv2.circle(mask, (source // 2, source * 4 // 5), source // 10, 0, cv2.FILLED)
        write_mask(mask_path(root / "masks", path), mask > 0)
        plate = root / "plates" / camera_folder(sample.camid) / plate_name(path)
        plate.parent.mkdir(parents=True, exist_ok=True)
        plate.write_bytes(path.read_bytes())
        samples.append(sample)
    return samples


def load(samples: Sequence[Sample], size: int, swap: BackgroundSwap | None, epoch: int) -> int:
    """An epoch without augmentation but the swap; returns the number of images."""
    images = Images(
        samples,
        np.zeros(len(samples), dtype=np.int64),
        size=(size, size),
        transform=None,
        swap=swap,
        seed=(0, epoch),
        num_views=0,
    )
    return sum(not isinstance(images[0, idx, idx], Exception) for idx in range(len(samples)))


def load_naively(samples: Sequence[Sample], root: Path, size: int) -> int:
    """One epoch in which every image reads its mask and a plate, and is composed at its size."""
    generator = np.random.default_rng(0)
    for sample in samples:
        image, mask = read_image(sample.path), usable_mask(mask_path(root / "masks", sample.path))
        other = samples[int(generator.integers(len(samples)))]
        plate = root / "plates" / camera_folder(other.camid) / plate_name(other.path)
        assert mask is not None
        resize_to_tensor(swap_background(image, mask, read_image(plate)), (size, size))
    return len(samples)


def command() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swap", description=__doc__)
    parser.add_argument("--sources", nargs="+", type=int, default=[96, 200, 350])
    parser.add_argument("--size", type=int, default=256, help="side after resizing, pixels")
    parser.add_argument("--images", type=int, default=1024, help="images an epoch")
    parser.add_argument("--share", type=float, default=0.6, help="share that is swapped")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
    options = parser.parse_args()
    report = main(
        options.sources,
        size=options.size,
        num_images=options.images,
        share=options.share,
        rounds=options.rounds,
        command=command_line("benchmarks.swap", sys.argv[1:]),
    )
    print("\n\n".join(markdown_table(table) for table in report.tables))
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
