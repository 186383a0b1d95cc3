"""Train the orientation classifier: ``python -m orientation.train CONFIG [key value …]``.

Labels are 36 bins of 10 degrees. A horizontal flip would change the angle, so recipes set
``input.flip 0`` and ``test.flip false`` here.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from orientation.bins import circular_error, to_angles, to_bins
from vreid.build_data import build_split, build_vehicle_holdout
from vreid.cli import run_classifier
from vreid.config import load_config
from vreid.data.sample import Sample
from vreid.engine import fit
from vreid.errors import DataError
from vreid.validate import LogitArray, Validation, classification

NUM_BINS = 36


def main(recipe: Path, overrides: Sequence[str] = (), *, more: bool = False) -> Path:
    """Train the classifier and return its run directory; ``more`` is `fit`'s."""
    config = load_config(recipe, overrides, part="orientation")
    run_dir = Path(config.output) / config.name / "orientation"
    split = build_split(config.data)
    check_angles(split.train, split.name)
    train, held_out = build_vehicle_holdout(config.data, split.train)
    print(f"training {run_dir}: {NUM_BINS} bins, {len(train)} images, {len(held_out)} held out")
    true = np.array([sample.angle for sample in held_out])
    trained_bins = to_bins(np.array([sample.angle for sample in train]), num_bins=NUM_BINS)
    present = np.unique(trained_bins)  # class c of the model is the bin present[c]

    def measure(logits: LogitArray) -> Validation:
        predicted = to_angles(present[logits.argmax(axis=1)], num_bins=NUM_BINS)
        error = circular_error(predicted, true)
        values = {
            "median_error_deg": float(np.median(error)),
            "share_within_30_deg": float((error <= 30).mean()),
        }
        protocol = f"orientation: circular error on {len(true)} images of held-out vehicles"
        return Validation(-values["median_error_deg"], values, protocol)

    evaluate = classification(config, held_out, measure) if held_out else None
    fit(config, train, trained_bins, evaluate=evaluate, run_dir=run_dir, more=more)
    return run_dir


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
