"""Train the orientation classifier: ``python -m orientation.train CONFIG [key value …]``.

Labels are ``data.bins`` bins, 36 of 10 degrees unless stated. An image of the angle a that
``input.flip`` mirrors has the label of 360 - a. Recipes set ``test.flip false`` here.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from orientation.bins import error_values, estimate_angles, to_bins
from vreid.build_data import build_split, build_vehicle_holdout
from vreid.class_values import ClassValues
from vreid.classify import class_probs
from vreid.cli import run_classifier
from vreid.config import load_config
from vreid.data.sample import Sample
from vreid.engine import fit
from vreid.errors import ConfigError, DataError
from vreid.options import Config
from vreid.validate import LogitArray, Validation, classification


def main(recipe: Path, overrides: Sequence[str] = (), *, more: bool = False) -> Path:
    """Train the classifier and return its run directory; ``more`` is `fit`'s."""
    config = load_config(recipe, overrides, part="orientation")
    check_flip(config)
    run_dir = Path(config.output) / config.name / "orientation"
    num_bins = config.data.bins
    split = build_split(config.data)
    check_angles(split.train, split.name)
    train, held_out = build_vehicle_holdout(config.data, split.train)
    print(f"training {run_dir}: {num_bins} bins, {len(train)} images, {len(held_out)} held out")
    true = np.array([sample.angle for sample in held_out])
    angles = np.array([sample.angle for sample in train])
    labels = to_bins(angles, num_bins=num_bins)
    mirrored = to_bins((360 - angles) % 360, num_bins=num_bins) if config.input.flip > 0 else None
    all_labels = labels if mirrored is None else np.concatenate([labels, mirrored])
    classes = ClassValues.of_labels("orientation", all_labels, {"bins": num_bins})

    def measure(logits: LogitArray) -> Validation:
        probs = class_probs(logits, config)
        predicted, _ = estimate_angles(probs, classes.array(), num_bins=num_bins)
        values = error_values(predicted, true)
        protocol = f"orientation: circular error on {len(true)} images of held-out vehicles"
        return Validation(-values["median_error_deg"], values, protocol)

    evaluate = classification(config, held_out, measure) if held_out else None
    classes.keep(run_dir, config, more=more)
    fit(
        config,
        train,
        labels,
        evaluate=evaluate,
        run_dir=run_dir,
        more=more,
        mirrored=mirrored,
    )
    return run_dir


def check_flip(config: Config) -> None:
    """Refuse features of an image and its mirror image together.

    Raises:
        ConfigError: When the options ask for them.
    """
    if config.test.flip:
        raise ConfigError(
            "test.flip is true, but the mean of a vehicle's and its mirror image's features has"
            " both orientations; set orientation.test.flip false"
        )


def check_angles(samples: Sequence[Sample], name: str) -> None:
    """Refuse a data set without orientations.

    Raises:
        DataError: Naming the first image without one.
    """
    for sample in samples:
        if np.isnan(sample.angle):
            raise DataError(
                f"{name}: {sample.name} has no orientation; set orientation.data to a data set that"
                " has them, such as VehicleX (data.dataset vehiclex)"
            )


if __name__ == "__main__":
    sys.exit(run_classifier("orientation", __doc__, main))
