"""Train the vehicle models of a recipe: ``python -m scripts.train CONFIG [key value …]``.

With ``data.label color`` or ``type`` the same command trains a classifier of these. Under
``torchrun --nproc-per-node N -m scripts.train …`` N processes share each batch.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vreid.build_data import (
    build_extra,
    build_holdout,
    build_split,
    build_training,
    build_vehicle_holdout,
)
from vreid.cli import MORE, recipe_parser
from vreid.config import load_config
from vreid.data.joined import check_apart, describe_sets, join_training
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.distributed import process_group
from vreid.engine import fit
from vreid.errors import ConfigError, DataError, run_command
from vreid.options import Config
from vreid.runs import choose_device
from vreid.validate import LogitArray, Validation, accuracy, classification, retrieval


def main(
    recipe: Path,
    overrides: Sequence[str] = (),
    *,
    members: Sequence[str] = (),
    more: bool = False,
) -> list[Path]:
    """Train each member of a recipe, one after the other; finished ones return at once.

    Args:
        recipe: The YAML file.
        overrides: ``key, value, …``.
        members: Names of the members to train; empty for all. A recipe without members is one
            training named ``vehicle``.
        more: Let finished runs go on to a ``solver.max_epochs`` that has grown since.

    Returns:
        The run directories.
    """
    config = load_config(recipe, overrides)
    names = members or list(config.members) or [""]
    unknown = [name for name in names if name and name not in config.members]
    if unknown:
        raise ConfigError(
            f"{recipe}: no member {unknown[0]!r}; it has {', '.join(config.members) or 'none'}"
        )
    with process_group(choose_device(config.device).type):
        return [
            train_member(load_config(recipe, overrides, part=name), name, more=more)
            for name in names
        ]


def train_member(config: Config, name: str, *, more: bool = False) -> Path:
    """Train one model, of vehicles or of what ``data.label`` says, and return its run directory."""
    run_dir = Path(config.output) / config.name / (name or "vehicle")
    split = build_split(config.data)
    print(f"training {run_dir}\n{split!r}")
    split = replace(split, train=build_training(config.data, split))
    if config.data.label == "pid":
        train_vehicles(config, split, run_dir, more=more)
    else:
        train_attribute(config, split, run_dir, more=more)
    return run_dir


def train_vehicles(config: Config, split: Split, run_dir: Path, *, more: bool = False) -> None:
    """Train on the vehicles of the data set, and of the further ones of ``extra``."""
    train, validation = choose_validation(config, split)
    extra = build_extra(config)
    if extra:
        named = {f"extra.{name}": samples for name, samples in extra.items()}
        print(f"joined for training\n{describe_sets({split.name: train, **named})}")
    samples, labels = join_training(train, extra)
    if validation is not None:
        check_apart(samples, validation)
    evaluate = None if validation is None else retrieval(config, validation)
    fit(config, samples, labels, evaluate=evaluate, run_dir=run_dir, more=more)


def choose_validation(config: Config, split: Split) -> tuple[tuple[Sample, ...], Split | None]:
    """Held-out training vehicles where the recipe asks for them, else the test part if labelled.

    Both are parts of the main data set; those of ``extra`` are only trained on.
    """
    held_out = build_holdout(config.data, split.train)
    if held_out is not None:
        print(f"validation on held-out training vehicles\n{held_out!r}")
        return held_out.train, held_out
    labelled = all(sample.pid != UNKNOWN for sample in (*split.query, *split.gallery))
    if split.query and labelled:
        return split.train, split
    if config.data.combine_all:
        print("no validation: query and gallery are trained on; data.holdout 0.1 would give one")
    return split.train, None


def train_attribute(config: Config, split: Split, run_dir: Path, *, more: bool = False) -> None:
    """Train a classifier of colours or body types, validated on held-out vehicles.

    Raises:
        DataError: Naming the first image without one, or the only colour or type.
    """
    label = config.data.label
    for sample in split.train:
        if getattr(sample, label) == UNKNOWN:
            raise DataError(
                f"{split.name}: {sample.name} has no {label}; set data.label pid, or take a data"
                " set that has them, such as vehiclex"
            )
    train, held_out = build_vehicle_holdout(config.data, split.train)
    labels, true = (
        np.array([getattr(sample, label) for sample in part], dtype=np.int64)
        for part in (train, held_out)
    )
    present = np.unique(labels)
    if len(present) < 2:
        raise DataError(f"{split.name}: {label} is {present.tolist()}; at least two are needed")
    # A class that no training image has gets -1, which is never predicted.
    classes = np.where(np.isin(true, present), np.searchsorted(present, true), UNKNOWN)

    def measure(logits: LogitArray) -> Validation:
        values = {"accuracy": accuracy(logits, classes)}
        protocol = f"{label}: accuracy on {len(classes)} images of held-out vehicles"
        return Validation(values["accuracy"], values, protocol)

    print(f"{len(present)} classes of {label}, {len(train)} images, {len(held_out)} held out")
    evaluate = classification(config, held_out, measure) if held_out else None
    fit(config, train, labels, evaluate=evaluate, run_dir=run_dir, more=more)


def _command() -> None:
    parser = recipe_parser("scripts.train", __doc__)
    parser.add_argument("--member", action="append", default=[], help="train only this member")
    parser.add_argument("--more", action="store_true", help=MORE)
    parsed = parser.parse_intermixed_args()
    main(parsed.config, parsed.overrides, members=parsed.member, more=parsed.more)


if __name__ == "__main__":
    sys.exit(run_command(_command))
