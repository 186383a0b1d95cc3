"""What the verbs of the classifiers share that predict labels: their command line and report."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from vreid.cli import split_words
from vreid.data.sample import Sample
from vreid.distributed import process_group
from vreid.predictions import Predictions
from vreid.runs import device_of


def tell(
    found: Sequence[tuple[Predictions, tuple[Sample, ...]]],
    describe: Callable[[Predictions, Sequence[Sample]], str],
) -> list[Predictions]:
    """Print how right the predictions are, where that is known, and return them.

    Args:
        found: From `predict_labels`, of the queries and of the gallery.
        describe: One sentence; empty where nothing is known.
    """
    for part, (predictions, samples) in zip(("query", "gallery"), found, strict=True):
        sentence = describe(predictions, samples)
        if sentence:
            print(f"{predictions.meta['data']} {part}: {sentence}")
    return [predictions for predictions, _ in found]


class PredictVerb(Protocol):
    """A room's ``main``."""

    def __call__(
        self, run: Path, *, data: Path | None = None, overrides: Sequence[str] = ()
    ) -> object:
        """Predict with one run."""


def prediction_command(module: str, description: str | None, main: PredictVerb) -> None:
    """Parse ``RUN … [--data CONFIG] [key value …]`` and run the verb for each of the runs."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="+", metavar="RUN … [key value …]")
    parser.add_argument("--data", type=Path, help="a recipe whose data set is used instead")
    parsed = parser.parse_intermixed_args()
    runs, pairs = split_words(
        parsed.arguments,
        lambda word: Path(word).is_dir(),
        wanted="no such run directory; train it first",
    )
    with process_group(device_of(runs[0], pairs)):
        for run in runs:
            main(run, data=parsed.data, overrides=pairs)
