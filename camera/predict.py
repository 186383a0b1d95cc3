"""Predict cameras: ``python -m camera.predict RUN [--data CONFIG] [key value …]``.

Writes ``RUN/features/{query,gallery}.labels.npz``: names, camera numbers as in the data set that
the classifier was trained on, and their probabilities. The same goes into the record of the
features beside them, where `ensemble.cameras` finds it. Where cameras are known, the share that was
predicted right is printed.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vreid.class_values import ClassValues
from vreid.classify import Classifier, ProbArray, predict_labels
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import run_command
from vreid.features import FloatArray, IntArray
from vreid.predict_verbs import prediction_command, tell
from vreid.predictions import Predictions


def main(
    run: Path, *, data: Path | None = None, overrides: Sequence[str] = ()
) -> list[Predictions]:
    """Predict the cameras of query and gallery.

    Args:
        run: Run directory of the classifier.
        data: A recipe whose data set is used instead of the run's own.
        overrides: ``key, value, …`` over the run's options.

    Returns:
        Of the queries and of the gallery.
    """
    classifier = Classifier.load(run, "camera", data=data, overrides=overrides)
    found = predict_labels(classifier, most_probable)
    return tell(found, partial(describe_accuracy, classes=classifier.classes))


def most_probable(probs: ProbArray, classes: ClassValues) -> tuple[IntArray, FloatArray]:
    """The most probable camera and its probability: (N, C) -> (N,), (N,)."""
    return classes.array()[probs.argmax(axis=1)], probs.max(axis=1).astype(np.float32)


def describe_accuracy(
    predictions: Predictions, samples: Sequence[Sample], classes: ClassValues
) -> str:
    """How many known cameras were predicted right, in one sentence; empty where none is known.

    A camera that the classifier was not trained on counts as predicted wrong.
    """
    true = np.array([sample.camid for sample in samples], dtype=np.int64)
    known = true != UNKNOWN
    if not known.any():
        return ""
    right = float(np.mean(predictions.predicted[known] == true[known]))
    foreign = int(np.count_nonzero(~np.isin(true[known], classes.array())))
    return (
        f"camera accuracy {right:.1%} on {np.count_nonzero(known)} of {len(true)} images, those"
        f" whose camera is known; {len(classes.values)} cameras were trained on, and {foreign} of"
        " the images are by others"
    )


if __name__ == "__main__":
    sys.exit(run_command(lambda: prediction_command("camera.predict", __doc__, main)))
