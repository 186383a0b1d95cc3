"""Predicted labels: what a classifier says of each image and how sure it is, and its ``.npz`` file.

The file has the arrays ``names``, ``predicted``, ``confidence`` and ``meta``, a JSON text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError
from vreid.features import Features, FloatArray, IntArray, check_names
from vreid.named_rows import Kind, load_rows, save_rows

KIND = Kind(
    "a file of predictions", 1, ("predicted", "confidence"), remedy="let the classifier predict"
)

ValueArray = IntArray | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Labels that a classifier predicts for N images.

    Attributes:
        names: (N,) relative POSIX paths, unique.
        predicted: (N,) int64 camera numbers as in the data set, or float64 degrees in [0, 360).
        confidence: (N,) float32 in [0, 1], the probability that the classifier gives them.
        meta: What made them: label, classes, hashes of the weights and of the images.
    """

    names: tuple[str, ...]
    predicted: ValueArray
    confidence: FloatArray
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = {"predicted": (np.int64, np.float64), "confidence": (np.float32,)}
        for key, allowed in kinds.items():
            column = getattr(self, key)
            if column.shape != (len(self.names),) or column.dtype not in allowed:
                wanted = " or ".join(np.dtype(kind).name for kind in allowed)
                raise DataError(
                    f"{key} is {column.dtype} of shape {column.shape};"
                    f" expected {wanted} of shape ({len(self.names)},)"
                )
        check_names(self.names, "predictions")
        sane = (self.confidence >= 0) & (self.confidence <= 1) & np.isfinite(self.predicted)
        if not sane.all():
            row = int(np.argmin(sane))
            raise DataError(
                f"the prediction for {self.names[row]} (row {row}) is {self.predicted[row]} with"
                f" confidence {self.confidence[row]}; was the training stable?"
            )

    def __len__(self) -> int:
        return len(self.names)

    def save(self, path: Path) -> Path:
        """Write the ``.npz`` atomically and return its path."""
        return save_rows(path, KIND, self)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read predictions written by `save`.

        Raises:
            DataError: When the file is missing, is not such a file or breaks the class's rules.
        """
        names, meta, columns = load_rows(path, KIND)
        try:
            return cls(names=names, meta=meta, **columns)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def write_into(self, path: Path) -> bool:
        """Write the predictions into the record of the same classifier's features.

        They become ``meta["predicted"]`` and ``meta["confidence"]``, where other stages find them.

        Args:
            path: Features, ``.npz``, of the same images and weights; left alone if they hold the
                predictions already.

        Returns:
            Whether the features are there and of the same images and weights.
        """
        if not path.exists():
            return False
        features = Features.load(path)
        same = all(
            features.meta.get(key) == self.meta.get(key)
            for key in ("weights_sha256", "images_sha256")
        )
        if not same or features.names != self.names:
            return False
        record = {
            "predicted": self.predicted.tolist(),
            "confidence": [round(float(one), 4) for one in self.confidence],
        }
        if any(features.meta.get(key) != value for key, value in record.items()):
            replace(features, meta={**features.meta, **record}).save(path)
        return True


def predicted_cameras(classifier: Features, source: object) -> IntArray:
    """(N,) the cameras that a classifier's features carry in their record.

    Args:
        classifier: Its features.
        source: What they are called in messages, their file as a rule.

    Raises:
        DataError: When they carry none, or not one for each row.
    """
    found = classifier.meta.get("predicted")
    if found is None:
        raise DataError(
            f"{source}: holds no predicted cameras; extract it with a camera classifier that writes"
            " them, or take predicted_cameras out of the chain"
        )
    camids = np.asarray(found)
    if camids.shape != (len(classifier),) or camids.dtype.kind != "i":
        raise DataError(
            f"{source}: predicted cameras of shape {camids.shape}, {camids.dtype}; expected a"
            f" camera for each of {len(classifier)} rows"
        )
    return camids.astype(np.int64)
