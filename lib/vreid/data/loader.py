"""Images from disk to batches on the host, with worker processes or without, always the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vreid.data.augmentation import Transform
from vreid.data.batching import BatchLoader, build_loader, in_order
from vreid.data.box_views import BoxViews
from vreid.data.items import Images, Item
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.swap_online import BackgroundSwap
from vreid.data.views import check_views
from vreid.features import IntArray


class Batch(NamedTuple):
    """B images.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        labels: (B,) int64; `UNKNOWN` when extracting.
        indices: (B,) int64, which samples these are.
        side: (B, 2) int64, camera number as in the data set and view of the image as it is here,
            mirrored or not (`vreid.data.views`); `UNKNOWN` where there is none.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor
    side: Tensor


def train_loader(
    samples: Sequence[Sample],
    labels: IntArray,
    batches: Sequence[Sequence[int]],
    *,
    transform: Transform,
    swap: BackgroundSwap | None = None,
    boxes: BoxViews | None = None,
    size: tuple[int, int],
    seed: int,
    epoch: int,
    workers: int = 0,
    start: int = 0,
    share: tuple[int, int] = (0, 1),
    num_views: int = 0,
    mirrored: IntArray | None = None,
) -> BatchLoader[Batch]:
    """Augmented batches of one epoch.

    An image's augmentation depends on the seed, the epoch, the number of its batch and its place
    there; not on the number of workers or processes, nor on where an interrupted epoch goes on. So
    do the other image that a patch is taken from, any of the samples but itself, and the background
    that it is swapped for.

    Args:
        samples: (N,) images.
        labels: (N,) class of each.
        batches: Indices of the samples of each batch, from `vreid.data.samplers`.
        transform: Augmentation, from `vreid.data.transforms`.
        swap: Gives images other backgrounds before that; None for none.
        boxes: Shows the box of an image alone at times; None for never.
        size: Height and width in pixels.
        seed: Seed of the run.
        epoch: Number of the epoch.
        workers: Processes that decode; 0 decodes in this one.
        start: Batches to leave out at the beginning, which an interrupted run has done already.
        share: (r, n) gives places r, r + n, r + 2 n, ... of each batch only, as process r of n.
        num_views: Views to tell apart; 0 for none.
        mirrored: (N,) class of each when it is mirrored; None: the same.

    Raises:
        ConfigError: When views are wanted and no sample has an orientation.
    """
    check_views(samples, num_views=num_views)
    dataset = Images(
        samples,
        labels,
        size=size,
        transform=transform,
        swap=swap,
        boxes=boxes,
        seed=(seed, epoch),
        num_views=num_views,
        mirrored=mirrored,
    )
    keys = [
        [(number, place, idx) for place, idx in enumerate(batch)][share[0] :: share[1]]
        for number, batch in enumerate(batches)
    ]
    return build_loader(dataset, keys[start:], _collate, workers=workers)


def extract_loader(
    samples: Sequence[Sample],
    *,
    size: tuple[int, int],
    batch_size: int,
    workers: int = 0,
    num_views: int = 0,
) -> BatchLoader[Batch]:
    """Batches of all images in order, resized and nothing else; the last one may be short.

    Args:
        samples: (N,) images.
        size: Height and width in pixels.
        batch_size: Images in a batch.
        workers: Processes that decode; 0 decodes in this one.
        num_views: Views to tell apart; 0 for none.
    """
    labels = np.full(len(samples), UNKNOWN, dtype=np.int64)
    dataset = Images(samples, labels, size=size, transform=None, seed=(0, 0), num_views=num_views)
    keys = [[(0, 0, idx) for idx in batch] for batch in in_order(len(samples), batch_size)]
    return build_loader(dataset, keys, _collate, workers=workers)


def _collate(items: list[Item]) -> Batch:
    images, labels, indices, sides = zip(*items, strict=True)
    return Batch(
        torch.stack(images), torch.tensor(labels), torch.tensor(indices), torch.tensor(sides)
    )
