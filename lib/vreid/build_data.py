"""The door to the data: options become data sets, and what of them is trained on."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vreid.data import (
    cityflow,
    csv_table,
    vehicleid,
    vehiclex,
    veri776,
    veri_wild,
    vric,
    vru,
    vveri901,
)
from vreid.data.holdout import draw_vehicles, hold_out_vehicles
from vreid.data.joined import combine_parts, cut_long_tail, mark_synthetic
from vreid.data.sample import Sample, Split
from vreid.distributed import is_main
from vreid.options import Config, DataOptions


def build_split(options: DataOptions) -> Split:
    """Load the data set that the options name; say where it differs from the published one."""
    root, size = Path(options.root), options.test_size
    loaders: Mapping[str, Callable[[], Split]] = {
        "cityflow": lambda: cityflow.load(root, split=options.split),
        "vehiclex": lambda: vehiclex.load(root, images=options.images),
        "veri776": lambda: veri776.load(root),
        "vehicleid": lambda: vehicleid.load(root, size=size),
        "veri-wild": lambda: veri_wild.load(root, size=size),
        "vru": lambda: vru.load(root, size=size),
        "vric": lambda: vric.load(root),
        "vveri901": lambda: vveri901.load(root),
        "csv": lambda: csv_table.load(
            Path(options.table) if options.table else root / "samples.csv",
            root=root if options.table else None,
            test_fraction=options.test_fraction,
            query_camera=options.query_camera,
            seed=options.split_seed,
        ),
    }
    split = loaders[options.dataset]()
    if options.check_counts and is_main():
        for note in split.notes:
            print(f"note: {note}", file=sys.stderr)
    if options.synthetic != "auto":
        split = mark_synthetic(split, options.synthetic == "all")
    return combine_parts(split) if options.combine_all else split


def build_training(options: DataOptions, split: Split) -> tuple[Sample, ...]:
    """The training images of a data set without those of vehicles that have few of them.

    Raises:
        DataError: When no vehicle has enough.
    """
    kept, num_left = cut_long_tail(
        split.train, min_images=options.min_images, where=f"{split.name} ({options.root})"
    )
    if num_left:
        print(
            f"note: {split.name}: {num_left} vehicles with fewer than {options.min_images} training"
            f" images are left out ({len(split.train) - len(kept)} images)",
            file=sys.stderr,
        )
    return kept


def build_extra(config: Config) -> dict[str, tuple[Sample, ...]]:
    """Name of each further data set -> its training images."""
    return {
        name: build_training(options, build_split(options))
        for name, options in config.extra.items()
    }


def build_holdout(options: DataOptions, train: Sequence[Sample]) -> Split | None:
    """Hold out vehicles of the training set for validation; None where none are asked for."""
    if options.holdout == 0:
        return None
    return hold_out_vehicles(train, fraction=options.holdout, seed=options.split_seed)


def build_vehicle_holdout(
    options: DataOptions, train: Sequence[Sample]
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Training images, and all images of held-out vehicles to validate a classifier on."""
    if options.holdout == 0:
        return tuple(train), ()
    pids = sorted({sample.pid for sample in train})
    chosen = draw_vehicles(
        pids,
        len(pids),
        fraction=options.holdout,
        count=None,
        generator=np.random.default_rng(options.split_seed),
    )
    return (
        tuple(sample for sample in train if sample.pid not in chosen),
        tuple(sample for sample in train if sample.pid in chosen),
    )
