"""The training loader in images a second: ``python -m benchmarks.loader [--workers …] [--out …]``.

Decode, resize, augment and collate JPEG files, by number of worker processes, against torchvision's
`ImageFolder` with Pillow on the same files at the same size with the same steps. The library hands
on bytes, which the model normalises on its device; the peer normalises on the host, as is usual.
A turn is an epoch with the start of its workers; ways take turns and the best counts.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmarks.decode import write_jpegs
from benchmarks.harness import alternate
from benchmarks.reports import Report, Table, command_line, markdown_table
from vreid.data.augmentation import Transform
from vreid.data.loader import train_loader
from vreid.data.sample import Sample
from vreid.data.samplers import shuffle_batches
from vreid.data.transforms import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    build_train_transform,
)
from vreid.errors import run_command

SAME, FULL, PEER = "vreid, same steps", "vreid, all its default steps", "torchvision ImageFolder"


def main(
    workers: Sequence[int],
    *,
    size: int = 256,
    source: int = 300,
    num_images: int = 512,
    batch: int = 64,
    rounds: int = 3,
    command: str = "python -m benchmarks.loader",
) -> Report:
    """Measure and return the report.

    Args:
        workers: Numbers of worker processes.
        size: Side of the training images, pixels.
        source: Side of the JPEG files, pixels.
        num_images: Images an epoch.
        batch: Images a batch.
        rounds: Turns.
        command: For the report.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "0"  # ImageFolder wants a folder for each class
        place.mkdir()
        samples = [Sample(path, path.name) for path in write_jpegs(place, num_images, source)]
        ways: dict[str, Callable[[], int]] = {}
        for count in workers:
            for name, transform in our_transforms(size).items():
                ways[f"{name} {count}"] = partial(ours, samples, transform, size, batch, count)
            ways[f"{PEER} {count}"] = partial(peer, Path(folder), size, batch, count)
        seconds = alternate(ways, rounds=rounds)
    rates = {name: num_images / time for name, time in seconds.items()}
    text = (
        f"{num_images} JPEG files of {source} x {source} pixels to {size} x {size}, batches of"
        f" {batch}. The same steps: flip, pad and crop, random erasing. All default steps:"
        " colour, AugMix and blur besides."
    )
    return Report(
        name="loader",
        title="Training loader",
        command=command,
        text=[text],
        tables=[_table(rates, workers)],
        rows=[{"way": name, "images_per_second": rate} for name, rate in rates.items()],
    )


def our_transforms(size: int) -> dict[str, Transform]:
    """Flip, pad and crop, and erasing alone; and all steps with their default probabilities."""
    square = (size, size)
    same = build_train_transform(size=square, color_prob=0, augmix_prob=0, blur_prob=0)
    return {SAME: same, FULL: build_train_transform(size=square)}


def ours(
    samples: Sequence[Sample], transform: Transform, size: int, batch: int, workers: int
) -> int:
    """One epoch of the library's loader; returns the number of images."""
    batches = shuffle_batches(
        len(samples), batch_size=batch, generator=np.random.default_rng(0), drop_last=False
    )
    loader = train_loader(
        samples,
        np.zeros(len(samples), dtype=np.int64),
        batches,
        transform=transform,
        size=(size, size),
        seed=0,
        epoch=0,
        workers=workers,
    )
    return sum(len(part.images) for part in loader)


def peer(folder: Path, size: int, batch: int, workers: int) -> int:
    """One epoch of torchvision's folder of images; returns the number of images."""
    steps = transforms.Compose(
        [
            transforms.Resize((size, size), transforms.InterpolationMode.BICUBIC),
            transforms.RandomHorizontalFlip(0.5),
            transforms.Pad(10),
            transforms.RandomCrop((size, size)),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            transforms.RandomErasing(0.5, scale=(0.02, 0.4)),
        ]
    )
    dataset = datasets.ImageFolder(str(folder), transform=steps)
    loader = DataLoader(dataset, batch_size=batch, shuffle=True, num_workers=workers)
    return sum(len(images) for images, _ in loader)


def _table(rates: dict[str, float], workers: Sequence[int]) -> Table:
    rows = []
    for name in (SAME, FULL, PEER):
        pairs = [(rates[f"{name} {count}"], rates[f"{PEER} {count}"]) for count in workers]
        rows.append([name, *(f"{rate:.0f} (x {rate / base:.2f})" for rate, base in pairs)])
    head = ["images/s (to ImageFolder)", *(f"{count} workers" for count in workers)]
    return Table("Images a second by worker processes", head, rows)


def command() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__)
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--size", type=int, default=256, help="side after resizing, pixels")
    parser.add_argument("--source", type=int, default=300, help="side of the JPEG files, pixels")
    parser.add_argument("--images", type=int, default=512, help="images an epoch")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
    options = parser.parse_args()
    report = main(
        options.workers,
        size=options.size,
        source=options.source,
        num_images=options.images,
        batch=options.batch,
        rounds=options.rounds,
        command=command_line("benchmarks.loader", sys.argv[1:]),
    )
    print("\n\n".join(markdown_table(table) for table in report.tables))
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
