"""Images from disk to batches on the host, with worker processes or without, always the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vreid.data.images import read_image, resize_to_tensor
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.transforms import Transform
from vreid.errors import DataError
from vreid.features import IntArray

_Key = tuple[int, int, int]  # number of the batch, place in the batch, index of the sample
_Item = tuple[Tensor, int, int]  # image, label, index of the sample


class Batch(NamedTuple):
    """B images.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        labels: (B,) int64; `UNKNOWN` when extracting.
        indices: (B,) int64, which samples these are.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


@dataclass(frozen=True)
class BatchLoader:
    """Batches to iterate over, as often as wanted.

    An image that cannot be read ends the iteration with its `DataError`, in one sentence also when
    a worker process met it.

    Attributes:
        loader: Torch's loader underneath.
    """

    loader: "DataLoader[Batch | DataError]"

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            if isinstance(batch, DataError):
                raise batch
            yield batch


def train_loader(
    samples: Sequence[Sample],
    labels: IntArray,
    batches: Sequence[Sequence[int]],
    *,
    transform: Transform,
    size: tuple[int, int],
    seed: int,
    epoch: int,
    workers: int = 0,
    start: int = 0,
) -> BatchLoader:
    """Augmented batches of one epoch.

    An image's augmentation depends on the seed, the epoch, the number of its batch and its place
    there; not on the number of workers, nor on where an interrupted epoch goes on.

    Args:
        samples: (N,) images.
        labels: (N,) class of each.
        batches: Indices of the samples of each batch, from `vreid.data.samplers`.
        transform: Augmentation, from `vreid.data.transforms`.
        size: Height and width in pixels.
        seed: Seed of the run.
        epoch: Number of the epoch.
        workers: Processes that decode; 0 decodes in this one.
        start: Batches to leave out at the beginning, which an interrupted run has done already.
    """
    dataset = _Images(samples, labels, size=size, transform=transform, seed=(seed, epoch))
    keys = [
        [(number, place, idx) for place, idx in enumerate(batch)]
        for number, batch in enumerate(batches)
    ]
    return _build(dataset, keys[start:], workers)


def extract_loader(
    samples: Sequence[Sample], *, size: tuple[int, int], batch_size: int, workers: int = 0
) -> BatchLoader:
    """Batches of all images in order, resized and nothing else; the last one may be short.

    Args:
        samples: (N,) images.
        size: Height and width in pixels.
        batch_size: Images in a batch.
        workers: Processes that decode; 0 decodes in this one.
    """
    labels = np.full(len(samples), UNKNOWN, dtype=np.int64)
    dataset = _Images(samples, labels, size=size, transform=None, seed=(0, 0))
    keys = [
        [(0, 0, idx) for idx in range(first, min(first + batch_size, len(samples)))]
        for first in range(0, len(samples), batch_size)
    ]
    return _build(dataset, keys, workers)


class _Images(Dataset[_Item | DataError]):
    """Decoded, resized and augmented images; an unreadable one becomes its error."""

    def __init__(
        self,
        samples: Sequence[Sample],
        labels: IntArray,
        *,
        size: tuple[int, int],
        transform: Transform | None,
        seed: tuple[int, int],
    ) -> None:
        self._samples = samples
        self._labels = labels
        self._size = size
        self._transform = transform
        self._seed = seed

    def __getitem__(self, key: _Key) -> _Item | DataError:
        with _one_thread():
            return self._load(key)

    def _load(self, key: _Key) -> _Item | DataError:
        number, place, idx = key
        try:
            image = resize_to_tensor(read_image(self._samples[idx].path), self._size)  # (3, H, W)
        except DataError as error:
            return error
        if self._transform is not None:
            entropy = np.random.SeedSequence((*self._seed, number, place))
            # Only the host's generator: torch.manual_seed would reseed the GPU's, which drop-out
            # uses in this process when there are no workers.
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))
                image = self._transform(image)
        return image, int(self._labels[idx]), idx


def _build(dataset: _Images, keys: list[list[_Key]], workers: int) -> BatchLoader:
    loader: DataLoader[Batch | DataError] = DataLoader(
        dataset,  # type: ignore[arg-type]  # torch types a loader by its items, not its batches
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_start_worker,
        pin_memory=torch.cuda.is_available(),
        # A generator of its own, since torch would draw a number from the global one an epoch.
        generator=torch.Generator(),
    )
    return BatchLoader(loader)


def _collate(items: list[_Item | DataError]) -> Batch | DataError:
    images, labels, indices = [], [], []
    for item in items:
        if isinstance(item, DataError):
            return item
        images.append(item[0])
        labels.append(item[1])
        indices.append(item[2])
    with _one_thread():
        return Batch(torch.stack(images), torch.tensor(labels), torch.tensor(indices))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread, also without workers.

    On tensors this small a second thread gains nothing, and on a busy machine each step waits until
    that thread gets its turn: 60 images/s were measured where one thread gave 600.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _start_worker(worker: int) -> None:
    """Decode on one thread; 0 rather than 1, which waits for threads that a fork has lost."""
    cv2.setNumThreads(0)
