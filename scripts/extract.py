"""Features of trained runs: ``python -m scripts.extract RUN … [--data CONFIG] [key value …]``.

Writes ``RUN/features/{query,gallery}.npz``, or ``RUN/features/untrained/…`` with the start weights.
Features that are there are kept when the images, the weights and the options are those that made
them, and made again otherwise. ``test.flip``, ``test.scales``, ``test.crops`` say over which views
of an image its feature is averaged.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vreid.build import build_model, place_model
from vreid.build_data import build_split
from vreid.checkpoint import num_classes
from vreid.cli import split_words
from vreid.data.boxes import Box, boxes_path, read_boxes
from vreid.data.fingerprint import fingerprint
from vreid.data.sample import Sample
from vreid.distributed import is_main, local_device, process_group
from vreid.errors import DataError, run_command
from vreid.extract import extract, remove_parts
from vreid.features import Features
from vreid.files import hash_file, hash_text
from vreid.forward_hash import hash_options
from vreid.models.embedder import Embedder
from vreid.options import Config, DataOptions
from vreid.precision import choose_precision
from vreid.runs import choose_device, device_of, seed_torch
from vreid.trained import load_run_config, restore

Part = tuple[str, tuple[Sample, ...], str]  # name, images, their fingerprint


def main(
    runs: Sequence[Path],
    *,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    checkpoint: str = "",
) -> list[Path]:
    """Extract query and gallery features with each run.

    Args:
        runs: Run directories.
        data: A recipe whose data set is used instead of the run's own (a classifier trained on
            other images is applied to the vehicles).
        overrides: ``key, value, …`` over the run's options.
        checkpoint: ``best``, ``last``, ``untrained`` or the name of other weights that the run has
            kept, such as ``best_rank1`` or ``epoch_10``; empty for the run's ``test.checkpoint``.

    Returns:
        The folders of the features.
    """
    loaded: dict[DataOptions, list[Part]] = {}  # the runs of a recipe share one data set
    return [
        extract_run(run, loaded, data=data, overrides=overrides, checkpoint=checkpoint)
        for run in runs
    ]


def load_parts(options: DataOptions) -> list[Part]:
    """Query and gallery with their fingerprints, for which every image is read."""
    split = build_split(options)
    parts = (("query", split.query), ("gallery", split.gallery))
    return [(name, samples, fingerprint(samples)) for name, samples in parts]


def extract_run(
    run: Path,
    loaded: dict[DataOptions, list[Part]],
    *,
    data: Path | None,
    overrides: Sequence[str],
    checkpoint: str,
    kind: str = "",
) -> Path:
    """Extract with one run and return the folder of the features; ``loaded`` is added to.

    Features of other images than the data set's query and gallery, which ``loaded`` then holds, go
    into a folder named by ``kind``.
    """
    config = load_run_config(run, overrides, data=data)
    which = checkpoint or config.test.checkpoint
    weights = run / ("best.pt" if which == "untrained" else f"{which}.pt")
    if not weights.exists():
        there = ", ".join(sorted(path.stem for path in run.glob("*.pt")))
        raise DataError(
            f"{weights}: no such checkpoint; "
            + (f"the run has {there}, and untrained" if there else "train the run first")
        )
    if config.data not in loaded:
        loaded[config.data] = load_parts(config.data)
    facts = describe(config, weights, which)
    folder = run / "features" / (kind or ("untrained" if which == "untrained" else ""))
    model: Embedder | None = None
    for part, samples, images_sha256 in loaded[config.data]:
        target = folder / f"{part}.npz"
        boxes = load_boxes(config, part, samples)
        meta = {**facts, "images_sha256": images_sha256, **describe_boxes(boxes)}
        if is_current(target, meta):
            print(f"{target}: up to date")
            continue
        model = model or (untrained if which == "untrained" else restore)(config, weights)
        features = extract(
            model,
            samples,
            size=config.input.size,
            batch_size=config.test.batch_size,
            flip=config.test.flip,
            scales=config.test.scales,
            crops=config.test.crops,
            boxes=boxes,
            precision=choose_precision(
                local_device(choose_device(config.device)), config.solver.precision
            ),
            workers=config.solver.num_workers,
            meta=meta,
            parts=folder / "parts",
            title=f"{run.name} {part}",
        )
        if is_main():
            features.save(target)
            remove_parts(folder / "parts")
        print(f"{target}: {len(features)} x {features.feats.shape[1]}")
    return folder


def describe(config: Config, weights: Path, which: str) -> dict[str, Any]:
    """What makes the features beside the images: they are current while this stays the same."""
    return {
        "model": config.model.backbone,
        "checkpoint": which,
        "weights_sha256": hash_file(weights),
        "config_sha256": hash_options(config),
    }


def load_boxes(config: Config, part: str, samples: Sequence[Sample]) -> dict[str, Box] | None:
    """The boxes of those images of a part that have one; None where the crop is not asked for.

    Prints how many do.

    Raises:
        DataError: When the table cannot be read or names none of the images.
    """
    if "boxes" not in config.test.crops:
        return None
    path = boxes_path(Path(config.test.boxes), part)
    table = read_boxes(path)
    found = {sample.name: table[sample.name] for sample in samples if sample.name in table}
    if samples and not found:
        raise DataError(
            f"{path}: none of the {len(samples)} {part} images, such as {samples[0].name}, has a"
            f" box there (its first is of {next(iter(table))}); is test.boxes of this data set?"
        )
    print(f"{path}: {len(found)} of {len(samples)} images have a box; the others are taken whole")
    return found


def describe_boxes(boxes: Mapping[str, Box] | None) -> dict[str, str]:
    """What makes the looks at boxes; empty without them."""
    if boxes is None:
        return {}
    return {"boxes_sha256": hash_text("".join(f"{name} {box}\n" for name, box in boxes.items()))}


def is_current(target: Path, meta: dict[str, Any]) -> bool:
    """Whether the features are there and were made from the same inputs."""
    if not target.exists():
        return False
    old = Features.load(target).meta
    return all(old.get(key) == value for key, value in meta.items())


def untrained(config: Config, weights: Path) -> Embedder:
    """The model of a run on its device, in eval mode, as it was before training."""
    seed_torch(config.solver.seed)
    return place_model(config, build_model(config, num_classes(weights))).eval()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.extract", description=__doc__)
    parser.add_argument("arguments", nargs="+", metavar="RUN … [key value …]")
    parser.add_argument("--data", type=Path, help="a recipe whose data set is used instead")
    parser.add_argument(
        "--checkpoint", default="", help="best, last, untrained, or another name.pt of the run"
    )
    return parser.parse_intermixed_args()


def _command() -> None:
    parsed = _parse()
    runs, pairs = split_words(
        parsed.arguments,
        lambda word: Path(word).is_dir(),
        wanted="no such run directory; train it first",
    )
    with process_group(device_of(runs[0], pairs)):
        main(runs, data=parsed.data, overrides=pairs, checkpoint=parsed.checkpoint)


if __name__ == "__main__":
    sys.exit(run_command(_command))
