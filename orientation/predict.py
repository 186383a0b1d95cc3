"""Predict orientations: ``python -m orientation.predict RUN [--data CONFIG] [key value …]``.

Writes ``RUN/features/{query,gallery}.labels.npz``: names, degrees in [0, 360) and the probability
of the bins around them, and the same into the record of the features beside them. The classifier
learns from rendered vehicles, so ``--data`` names the recipe of those to be searched. Where
orientations are known, the error is printed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from orientation.bins import AngleArray, error_values, estimate_angles
from vreid.class_values import ClassValues
from vreid.classify import Classifier, ProbArray, predict_labels
from vreid.data.sample import Sample
from vreid.errors import run_command
from vreid.features import FloatArray
from vreid.predict_verbs import prediction_command, tell
from vreid.predictions import Predictions


def main(
    run: Path, *, data: Path | None = None, overrides: Sequence[str] = ()
) -> list[Predictions]:
    """Predict the orientations of query and gallery.

    Args:
        run: Run directory of the classifier.
        data: A recipe whose data set is used instead of the run's own.
        overrides: ``key, value, …`` over the run's options.

    Returns:
        Of the queries and of the gallery.
    """
    classifier = Classifier.load(run, "orientation", data=data, overrides=overrides)
    found = predict_labels(classifier, angles)
    return tell(found, describe_error)


def angles(probs: ProbArray, classes: ClassValues) -> tuple[AngleArray, FloatArray]:
    """`estimate_angles` with the bins of the training."""
    return estimate_angles(probs, classes.array(), num_bins=classes.facts["bins"])


def describe_error(predictions: Predictions, samples: Sequence[Sample]) -> str:
    """The circular error in one sentence; empty where no orientation is known."""
    true = np.array([sample.angle for sample in samples], dtype=np.float64)
    known = ~np.isnan(true)
    if not known.any():
        return ""
    predicted = predictions.predicted[known].astype(np.float64)
    values = error_values(predicted, true[known])
    return (
        f"circular error median {values['median_error_deg']:.1f}, mean"
        f" {values['mean_error_deg']:.1f} degrees on {np.count_nonzero(known)} of {len(true)}"
        " images, those whose orientation is known"
    )


if __name__ == "__main__":
    sys.exit(run_command(lambda: prediction_command("orientation.predict", __doc__, main)))
