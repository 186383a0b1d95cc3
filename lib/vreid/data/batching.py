"""What every loader of images shares: worker processes, one thread each, and errors that arrive."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from vreid.errors import DataError

_ItemT = TypeVar("_ItemT")
_BatchT = TypeVar("_BatchT")


@dataclass(frozen=True)
class BatchLoader(Generic[_BatchT]):
    """Batches to iterate over, as often as wanted.

    An image that cannot be read ends the iteration with its `DataError`, in one sentence also when
    a worker process met it.

    Attributes:
        loader: Torch's loader underneath.
    """

    loader: "DataLoader[_BatchT | DataError]"

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[_BatchT]:
        for batch in self.loader:
            if isinstance(batch, DataError):
                raise batch
            yield batch


def build_loader(
    dataset: Dataset[_ItemT | DataError],
    keys: Sequence[list[Any]],
    collate: Callable[[list[_ItemT]], _BatchT],
    *,
    workers: int,
) -> BatchLoader[_BatchT]:
    """A loader of the items under some keys.

    Args:
        dataset: Gives an item for a key, or the error that it met.
        keys: Of each batch.
        collate: Makes a batch of its items.
        workers: Processes that decode; 0 decodes in this one.
    """
    loader: DataLoader[_BatchT | DataError] = DataLoader(
        dataset,  # type: ignore[arg-type]  # torch types a loader by its items, not its batches
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_Collate(collate),
        worker_init_fn=_start_worker,
        pin_memory=torch.cuda.is_available(),
        # A generator of its own, since torch would draw a number from the global one an epoch.
        generator=torch.Generator(),
    )
    return BatchLoader(loader)


def in_order(count: int, batch_size: int) -> list[list[int]]:
    """The numbers from 0, ``batch_size`` at a time; the last batch may be short.

    >>> in_order(5, 2)
    [[0, 1], [2, 3], [4]]
    """
    numbers = list(range(count))
    return [numbers[first : first + batch_size] for first in range(0, count, batch_size)]


@contextmanager
def one_thread() -> Iterator[None]:
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


@dataclass(frozen=True)
class _Collate(Generic[_ItemT, _BatchT]):
    """A batch of its items, or the first error among them."""

    collate: Callable[[list[_ItemT]], _BatchT]

    def __call__(self, items: list[_ItemT | DataError]) -> _BatchT | DataError:
        good: list[_ItemT] = []
        for item in items:
            if isinstance(item, DataError):
                return item
            good.append(item)
        with one_thread():
            return self.collate(good)


def _start_worker(worker: int) -> None:
    """Decode on one thread; 0 rather than 1, which waits for threads that a fork has lost."""
    cv2.setNumThreads(0)
