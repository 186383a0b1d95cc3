"""Train the camera classifier: ``python -m camera.train CONFIG [key value …]``.

Labels are the cameras of the training images; images whose camera is unknown have no place here.
Query and gallery images are never trained on, and their cameras, hidden or not, never looked at.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vreid.build_data import build_split, build_vehicle_holdout
from vreid.class_values import ClassValues
from vreid.cli import run_classifier
from vreid.config import load_config
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.engine import fit
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.options import Config
from vreid.validate import LogitArray, Validation, accuracy, classification


def main(recipe: Path, overrides: Sequence[str] = (), *, more: bool = False) -> Path:
    """Train the classifier and return its run directory; ``more`` is `fit`'s."""
    config = load_config(recipe, overrides, part="camera")
    run_dir = Path(config.output) / config.name / "camera"
    split = build_split(config.data)
    check_no_test(config, split)
    check_cameras(split.train, split.name)
    train, held_out = build_vehicle_holdout(config.data, split.train)
    cameras = camera_labels(train)
    print(f"training {run_dir}: {len(set(cameras.tolist()))} cameras, {len(train)} images")
    present, true = np.unique(cameras), camera_labels(held_out)
    # A camera that no training image has gets -1, which is never predicted.
    classes = np.where(np.isin(true, present), np.searchsorted(present, true), UNKNOWN)

    def measure(logits: LogitArray) -> Validation:
        values = {"accuracy": accuracy(logits, classes)}
        protocol = f"camera: accuracy on {len(classes)} images of held-out vehicles"
        return Validation(values["accuracy"], values, protocol)

    evaluate = classification(config, held_out, measure) if held_out else None
    ClassValues.of_labels("camera", cameras).keep(run_dir, config, more=more)
    fit(config, train, cameras, evaluate=evaluate, run_dir=run_dir, more=more)
    return run_dir


def camera_labels(samples: Sequence[Sample]) -> IntArray:
    """Camera numbers: (N,) int64."""
    return np.array([sample.camid for sample in samples], dtype=np.int64)


def check_no_test(config: Config, split: Split) -> None:
    """Refuse to train on query and gallery images, whose cameras are to be predicted.

    Raises:
        ConfigError: When the options ask for it.
        DataError: When the data set lists one of them for training too.
    """
    if config.data.combine_all:
        raise ConfigError(
            "data.combine_all is true, but the camera classifier does not train on the images whose"
            " cameras it predicts; set camera.data.combine_all false"
        )
    test = {sample.path for sample in (*split.query, *split.gallery)}
    both = next((sample.name for sample in split.train if sample.path in test), None)
    if both is not None:
        raise DataError(
            f"{split.name}: {both} is a training image and one of query or gallery; the camera"
            " classifier does not train on the images whose cameras it predicts"
        )


def check_cameras(samples: Sequence[Sample], name: str) -> None:
    """Refuse a data set with unknown cameras, or with one camera only.

    Raises:
        DataError: Naming the first image without a camera, or the only camera.
    """
    for sample in samples:
        if sample.camid == UNKNOWN:
            raise DataError(f"{name}: {sample.name} has no camera; remove `camera` from the recipe")
    cameras = {sample.camid for sample in samples}
    if len(cameras) < 2:
        raise DataError(f"{name}: found the cameras {sorted(cameras)}; at least two are needed")


if __name__ == "__main__":
    sys.exit(run_classifier("camera", __doc__, main))
