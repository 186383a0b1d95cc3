"""Batches of one domain's images: which, and whether mirrored, follows from (seed, position)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vreid.data.image_folder import list_images
from vreid.data.images import read_image, resize_to_tensor
from vreid.errors import DataError
from vreid.image_distance import held_out_mask


class DomainImages:
    """Images of a domain, gone through in a new order each time.

    Args:
        paths: N files, at least 1.
        size: Pixels of the square that they are resized to.
        flip: Mirror every other one at random.
        seed: Of order and mirroring; two numbers, as domains need different draws.
        cache_bytes: Decoded images to keep, in all.
        pool: Decodes images.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        size: int,
        flip: bool,
        seed: tuple[int, int],
        cache_bytes: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.paths, self.size, self.flip, self.seed = paths, size, flip, seed
        self.num_cached = cache_bytes // (3 * size * size)
        self._cache: dict[int, Tensor] = {}
        self._order: tuple[int, list[int]] = (-1, [])
        self._pool = pool

    def batch(self, step: int, batch_size: int) -> Tensor:
        """The batch of a step, counted from 0: (batch_size, 3, size, size) uint8."""
        first = step * batch_size
        places = range(first, first + batch_size)
        chosen = [self._image_at(place) for place in places]  # in turn: the order is kept in self
        tensors = list(self._pool.map(self._load, chosen))
        return torch.stack(
            [
                tensor.flip(-1) if self._mirrored(place) else tensor
                for place, tensor in zip(places, tensors, strict=True)
            ]
        )

    def _image_at(self, place: int) -> int:
        epoch, idx = divmod(place, len(self.paths))
        if self._order[0] != epoch:
            generator = np.random.default_rng([*self.seed, 0, epoch])
            self._order = (epoch, generator.permutation(len(self.paths)).tolist())
        return self._order[1][idx]

    def _mirrored(self, place: int) -> bool:
        return self.flip and bool(np.random.default_rng([*self.seed, 1, place]).random() < 0.5)

    def _load(self, idx: int) -> Tensor:
        found = self._cache.get(idx)
        if found is None:
            found = load_square(self.paths[idx], self.size)
            if len(self._cache) < self.num_cached:
                self._cache[idx] = found
        return found


def load_square(path: Path, size: int) -> Tensor:
    """An image as (3, size, size) uint8."""
    return resize_to_tensor(read_image(path), (size, size))


def to_unit_range(images: Tensor, device: torch.device) -> Tensor:
    """Bytes as values in [-1, 1] on a device."""
    return images.to(device).float() / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """Values in [-1, 1] as bytes in host memory."""
    scaled = (images.float() + 1) * 127.5
    return scaled.round().clamp(0, 255).to(torch.uint8).cpu()


def split_folder(folder: Path, *, held_out: float, seed: int) -> tuple[list[Path], list[Path]]:
    """Images to train on, and those held out by name.

    Raises:
        DataError: When the folder is missing or none are left to train on.
    """
    names = list_images(folder)
    mask = held_out_mask(names, share=held_out, seed=seed)
    kept = [folder / name for name, out in zip(names, mask, strict=True) if not out]
    if not kept:
        raise DataError(f"{folder}: all {len(names)} images are held out; lower held_out")
    return kept, [folder / name for name, out in zip(names, mask, strict=True) if out]
