"""Batches of several looks at each image, which is decoded once for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from vreid.data.batching import BatchLoader, build_loader, in_order, one_thread
from vreid.data.boxes import Box
from vreid.data.images import read_image
from vreid.data.looks import Look, look_at
from vreid.data.sample import Sample
from vreid.data.views import view_of
from vreid.errors import DataError


class LookBatch(NamedTuple):
    """B images.

    Attributes:
        images: A (B, 3, H, W) uint8 RGB tensor a look, each of its own size.
        side: (B, 2) int64 camera numbers and views, see `vreid.data.loader.Batch`.
    """

    images: tuple[Tensor, ...]
    side: Tensor


class _Item(NamedTuple):
    """One image: a (3, H, W) tensor a look, and camera number and view."""

    images: tuple[Tensor, ...]
    side: tuple[int, int]


@dataclass(frozen=True)
class _Looks(Dataset[_Item | DataError]):
    """N samples' images; an unreadable one becomes its error, which crosses processes whole."""

    samples: Sequence[Sample]
    looks: Sequence[Look]
    boxes: Mapping[str, Box]
    num_views: int

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, idx: int) -> _Item | DataError:
        sample = self.samples[idx]
        box = self.boxes.get(sample.name)
        with one_thread():
            try:
                image = read_image(sample.path)
                images = tuple(
                    look_at(image, look, box=box, path=sample.path) for look in self.looks
                )
            except DataError as error:
                return error
        return _Item(images, (sample.camid, view_of(sample.angle, num_views=self.num_views)))


def look_loader(
    samples: Sequence[Sample],
    looks: Sequence[Look],
    *,
    boxes: Mapping[str, Box] | None = None,
    batch_size: int,
    workers: int = 0,
    num_views: int = 0,
) -> BatchLoader[LookBatch]:
    """Batches of all images in order; the last one may be short.

    A box that goes beyond its image ends the iteration, as an unreadable image does.

    Args:
        samples: (N,) images.
        looks: At least one.
        boxes: Name of an image -> its box, for the look at ``boxes``.
        batch_size: Images in a batch.
        workers: Processes that decode; 0 decodes in this one.
        num_views: Views to tell apart; 0 for none.
    """
    dataset = _Looks(samples, looks, boxes or {}, num_views)
    return build_loader(dataset, in_order(len(samples), batch_size), _collate, workers=workers)


def _collate(items: list[_Item]) -> LookBatch:
    columns = zip(*(item.images for item in items), strict=True)
    sides = torch.tensor([item.side for item in items])
    return LookBatch(tuple(torch.stack(column) for column in columns), sides)
