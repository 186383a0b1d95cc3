"""The labels that a trained classifier predicts for query and gallery images.

Writes ``RUN/features/{query,gallery}.labels.npz`` (`vreid.predictions`), and the same into the
record of the run's features of these images. What is there is kept while the images, the weights,
the classes and the options are those that made it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from vreid.build_data import build_split
from vreid.checkpoint import num_classes
from vreid.class_values import ClassValues, load_class_values
from vreid.data.fingerprint import fingerprint
from vreid.data.sample import Sample
from vreid.distributed import is_main
from vreid.errors import DataError
from vreid.features import FloatArray
from vreid.files import atomic_path, hash_file, hash_text
from vreid.forward_hash import hash_options
from vreid.models.embedder import Embedder
from vreid.options import Config
from vreid.predictions import Predictions, ValueArray
from vreid.trained import load_run_config, restore
from vreid.validate import LogitArray, predict

PART_SIZE = 2048  # images a part, see `vreid.extract`

ProbArray = npt.NDArray[np.float64]
Decide = Callable[[ProbArray, ClassValues], tuple[ValueArray, FloatArray]]


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Attributes:
        run: Its run.
        config: Its options, with the data set whose images are predicted.
        classes: What its classes are.
        weights: Its checkpoint.
    """

    run: Path
    config: Config
    classes: ClassValues
    weights: Path

    @classmethod
    def load(
        cls, run: Path, label: str, *, data: Path | None = None, overrides: Sequence[str] = ()
    ) -> "Classifier":
        """Read the run.

        Args:
            run: Folder of the run.
            label: What it has to tell apart.
            data: A recipe whose data set takes the place of the run's own.
            overrides: ``key, value, …`` over the run's options.

        Raises:
            DataError: When the run is not trained or its parts do not belong together.
        """
        config = load_run_config(run, overrides, data=data)
        weights = run / f"{config.test.checkpoint}.pt"
        classes = load_class_values(run, label)
        found = num_classes(weights)
        if found != len(classes.values):
            raise DataError(
                f"{weights} has {found} classes, but classes.json {classes.describe()};"
                " remove the run and train it again"
            )
        return cls(run, config, classes, weights)

    def restore(self) -> Embedder:
        """The model with its trained weights, on its device and in eval mode."""
        return restore(self.config, self.weights)

    def facts(self) -> dict[str, Any]:
        """What makes the predictions beside the images."""
        return {
            "label": self.classes.label,
            "classes": list(self.classes.values),
            **self.classes.facts,
            "checkpoint": self.weights.stem,
            "weights_sha256": hash_file(self.weights),
            "config_sha256": hash_options(self.config),
        }

    def probs(
        self, model: Embedder, samples: Sequence[Sample], facts: Mapping[str, Any]
    ) -> ProbArray:
        """(N, C) float64 probabilities of the classes; a stopped call goes on where it was."""
        folder = self.run / "features" / "labels.parts"
        pieces: list[LogitArray] = []
        with tqdm(
            total=len(samples),
            desc=f"{self.run.name} labels",
            unit="img",
            disable=None if is_main() else True,
            leave=False,
        ) as bar:
            for first in range(0, len(samples), PART_SIZE):
                part = tuple(samples[first : first + PART_SIZE])
                names = "\n".join(sample.name for sample in part)
                key = hash_text(f"{sorted(facts.items(), key=str)}\n{names}")[:24]
                pieces.append(self._part(model, part, folder / f"{key}.npy"))
                bar.update(len(part))
        return class_probs(np.concatenate(pieces), self.config)

    def _part(self, model: Embedder, part: tuple[Sample, ...], path: Path) -> LogitArray:
        if path.exists():
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        workers = self.config.solver.num_workers
        logits = predict(model, part, config=self.config, workers=workers)
        if is_main() and len(part) == PART_SIZE:
            with atomic_path(path) as temporary:
                np.save(temporary, logits)
        return logits

    def remove_parts(self) -> None:
        """Remove the finished parts once the whole was saved."""
        folder = self.run / "features" / "labels.parts"
        for path in folder.glob("*.npy"):
            path.unlink()
        if folder.exists():
            folder.rmdir()


def class_probs(logits: LogitArray, config: Config) -> ProbArray:
    """Probabilities of the classes as in the training's ID loss: (N, C) -> (N, C)."""
    # All of them but softmax multiply what the classifier gives, a cosine, before the softmax.
    scale = 1.0 if config.loss.id == "softmax" else config.loss.id_scale
    scaled = scale * logits.astype(np.float64)
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def predict_labels(
    classifier: Classifier, decide: Decide
) -> list[tuple[Predictions, tuple[Sample, ...]]]:
    """Predict the labels of query and gallery, or take what is there, and write the files.

    Args:
        classifier: What predicts.
        decide: From (N, C) probabilities to (N,) values and their confidence.

    Raises:
        DataError: When the data set has no query and gallery, or an image cannot be read.
    """
    split = build_split(classifier.config.data)
    if not split.query or not split.gallery:
        raise DataError(
            f"{split.name} has {len(split.query)} query and {len(split.gallery)} gallery images;"
            " name the recipe of the vehicles with --data RECIPE"
        )
    facts = classifier.facts()
    model: Embedder | None = None
    result = []
    for name, samples in (("query", split.query), ("gallery", split.gallery)):
        folder = classifier.run / "features"
        target = folder / f"{name}.labels.npz"
        meta = {**facts, "data": split.name, "images_sha256": fingerprint(samples)}
        found = current(target, meta)
        if found is None:
            model = model or classifier.restore()
            values, confidence = decide(classifier.probs(model, samples, meta), classifier.classes)
            names = tuple(sample.name for sample in samples)
            found = Predictions(names, values, confidence, meta)
            if is_main():
                found.save(target)
                classifier.remove_parts()
            print(f"{target}: {len(found)} images")
        else:
            print(f"{target}: up to date")
        if is_main() and not found.write_into(folder / f"{name}.npz"):
            print(
                f"note: {folder / name}.npz is not of these images and weights; to put the labels"
                " into it, extract features and predict again"
            )
        result.append((found, samples))
    return result


def current(target: Path, meta: Mapping[str, Any]) -> Predictions | None:
    """The predictions of a file if they are there and were made from the same inputs."""
    if not target.exists():
        return None
    found = Predictions.load(target)
    return found if all(found.meta.get(key) == value for key, value in meta.items()) else None
