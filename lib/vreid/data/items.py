"""One image of a batch, made from its file: decoded, resized and augmented."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vreid.data.augmentation import Transform
from vreid.data.batching import one_thread
from vreid.data.box_views import BoxViews
from vreid.data.boxes import cut, rescale
from vreid.data.images import read_image, resize_to_tensor
from vreid.data.sample import Sample
from vreid.data.swap_online import BackgroundSwap
from vreid.data.views import view_of
from vreid.errors import DataError
from vreid.features import IntArray

Key = tuple[int, int, int]  # number of the batch, place in the batch, index of the sample


class Item(NamedTuple):
    """One image of a `vreid.data.loader.Batch`.

    Attributes:
        image: (3, H, W) uint8.
        label: Its class.
        idx: Which sample it is.
        side: Camera number and view.
    """

    image: Tensor
    label: int
    idx: int
    side: tuple[int, int]


class Images(Dataset[Item | DataError]):
    """N samples' images, decoded, resized and augmented; an unreadable one becomes its error.

    Args:
        samples: N of them.
        labels: (N,) class of each.
        mirrored: (N,) class of each when it is mirrored; None: the same.
        size: Height and width in pixels.
        transform: Augmentation; None for none.
        swap: Gives images other backgrounds before; None for none.
        boxes: Shows the box of an image alone at times; None for never.
        seed: Seed of the run and number of the epoch.
        num_views: Views to tell apart; 0 for none.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        labels: IntArray,
        *,
        size: tuple[int, int],
        transform: Transform | None,
        swap: BackgroundSwap | None = None,
        boxes: BoxViews | None = None,
        seed: tuple[int, int],
        num_views: int,
        mirrored: IntArray | None = None,
    ) -> None:
        self._samples = samples
        self._labels = labels
        self._mirrored = labels if mirrored is None else mirrored
        self._size = size
        self._transform = transform
        self._swap = None if swap is None else swap.begin(seed, size)
        self._boxes = boxes
        self._seed = seed
        self._num_views = num_views

    def __getitem__(self, key: Key) -> Item | DataError:
        with one_thread():
            return self._load(key)

    def _load(self, key: Key) -> Item | DataError:
        number, place, idx = key
        mirrored = False
        entropy = np.random.SeedSequence((*self._seed, number, place))
        try:
            image = self._read(idx, entropy)
            if self._transform is not None:
                # Only the host's generator: torch.manual_seed would reseed the GPU's, which
                # drop-out uses in this process when there are no workers.
                with torch.random.fork_rng(devices=[]):
                    seed = int(entropy.generate_state(1, np.uint64)[0])
                    torch.default_generator.manual_seed(seed)
                    image, mirrored = self._transform(image, partial(self._read_other, idx))
        except DataError as error:
            return error
        sample = self._samples[idx]
        view = view_of(sample.angle, num_views=self._num_views, mirrored=mirrored)
        label = (self._mirrored if mirrored else self._labels)[idx]
        return Item(image, int(label), idx, (sample.camid, view))

    def _read(self, idx: int, entropy: np.random.SeedSequence | None = None) -> Tensor:
        """Decode and resize: (3, H, W) uint8; ``entropy`` draws another background, or the box."""
        path = self._samples[idx].path
        image = read_image(path)
        box = None
        if self._boxes is not None and entropy is not None:
            box = self._boxes.draw(idx, entropy)
        seen = image if box is None else cut(image, box, path=path)
        if self._swap is not None and entropy is not None:
            # Draws of its own: whether an image is swapped changes nothing of its augmentation.
            seen = self._swap(image, idx, path, _three_draws(entropy))
            if box is not None:  # cut behind the swap, whose mask is of the whole image
                sizes = [(one.shape[0], one.shape[1]) for one in (image, seen)]
                seen = cut(seen, rescale(box, *sizes), path=path)
        return resize_to_tensor(seen, self._size)

    def _read_other(self, idx: int) -> Tensor:
        """The same of any other sample, evenly drawn; of this one where it is alone."""
        if len(self._samples) == 1:
            return self._read(idx)
        other = int(torch.randint(len(self._samples) - 1, ()))
        return self._read(other + (other >= idx))


def _three_draws(entropy: np.random.SeedSequence) -> tuple[float, float, float]:
    """Numbers in [0, 1), from the words behind the one that seeds the augmentation.

    A generator of their own would take three times as long to make as they take to draw.
    """
    first, second, third = (entropy.generate_state(4, np.uint64)[1:] >> 11).tolist()
    return first * 2**-53, second * 2**-53, third * 2**-53
