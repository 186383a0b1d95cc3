"""A trained run, whose activation maps are a source of boxes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthetic_aug.crop_boxes import Found, find_box
from synthetic_aug.crop_source import Parts, Seen
from vreid.data.images import ImageArray, read_image, resize_to_tensor
from vreid.data.sample import Sample
from vreid.data.views import view_of
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.files import hash_file
from vreid.models.activation import activation_map
from vreid.models.embedder import Embedder
from vreid.options import Config
from vreid.precision import choose_precision
from vreid.trained import load_run_config, restore


@dataclass(frozen=True)
class Cropper:
    """What makes boxes.

    Attributes:
        config: Options of the run, with the data set to crop.
        weights: Its checkpoint.
        threshold, margin: See `find_box`.
    """

    config: Config
    weights: Path
    threshold: float
    margin: float

    @classmethod
    def load(
        cls,
        run: Path,
        *,
        data: Path | None,
        overrides: Sequence[str],
        threshold: float,
        margin: float,
    ) -> "Cropper":
        """Read a run's options.

        Raises:
            DataError: When the folder holds no trained run.
        """
        config = load_run_config(run, overrides, data=data)
        weights = run / f"{config.test.checkpoint}.pt"
        if not weights.exists():
            raise DataError(f"{weights}: no such checkpoint; train the run first")
        return cls(config, weights, threshold, margin)

    def select(self, parts: Parts) -> Parts:
        """All parts: a network makes a map of any image."""
        return parts

    def facts(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """What makes the boxes beside the images, the same for all of them."""
        return {
            "weights_sha256": self._weights_sha256,
            "size": list(self.config.input.size),
            "threshold": self.threshold,
            "margin": self.margin,
        }

    def restore(self) -> Embedder:
        """The model with its trained weights, on its device and in eval mode."""
        return restore(self.config, self.weights)

    def maps(
        self, model: Embedder, samples: Sequence[Sample]
    ) -> Iterator[tuple[Sample, ImageArray, FloatArray]]:
        """Each image with its activation map (h, w).

        Raises:
            ConfigError: When the map is a single cell.
            DataError: When an image cannot be read.
        """
        device = next(model.parameters()).device
        precision = choose_precision(device, self.config.solver.precision)
        batch_size = self.config.test.batch_size
        with ThreadPoolExecutor(max(1, self.config.solver.num_workers)) as pool:
            for first in range(0, len(samples), batch_size):
                batch = samples[first : first + batch_size]
                images = list(pool.map(lambda sample: read_image(sample.path), batch))
                stack = torch.stack([resize_to_tensor(i, self.config.input.size) for i in images])
                side = _side(model, batch).to(device) if model.uses_side else None
                with precision.autocast():
                    maps = activation_map(model, stack.to(device), side).cpu().numpy()
                if maps.shape[1] * maps.shape[2] < 2:
                    raise ConfigError(
                        f"{self.weights}: the network ends in a map of one cell for images of"
                        f" {self.config.input.size} pixels, which shows no place; give a larger"
                        " input.size or another run"
                    )
                yield from zip(batch, images, maps, strict=True)

    def look(self, samples: Sequence[Sample]) -> Iterator[Seen]:
        """Each image with its activation map and box."""
        for sample, image, energy in self.maps(self._model, samples):
            yield Seen(sample, image, energy, self.find(image, energy))

    @cached_property
    def _model(self) -> Embedder:
        return self.restore()

    @cached_property
    def _weights_sha256(self) -> str:
        return hash_file(self.weights)

    def find(self, image: ImageArray, energy: FloatArray) -> Found:
        """The box of an image (H, W, 3) by its map (h, w)."""
        size = (image.shape[0], image.shape[1])
        return find_box(energy, size, threshold=self.threshold, margin=self.margin)


def _side(model: Embedder, batch: Sequence[Sample]) -> torch.Tensor:
    """(B, 2) camera numbers and views, see `vreid.data.loader.Batch`."""
    views = [view_of(sample.angle, num_views=model.num_views) for sample in batch]
    cameras = [sample.camid for sample in batch]
    return torch.from_numpy(np.array([cameras, views], dtype=np.int64).T.copy())
