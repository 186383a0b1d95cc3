"""Batches of one epoch as lists of sample indices: P x K for metric losses, or shuffled.

P x K: Alexander Hermans, Lucas Beyer and Bastian Leibe, "In Defense of the Triplet Loss for Person
Re-Identification", arXiv:1703.07737. Their epoch visits every class once; here an epoch is counted
by samples, so that a task of eight classes does not get one batch an epoch.
"""

import numpy as np

from vreid.errors import ConfigError, DataError
from vreid.features import IntArray


def pk_batches(
    labels: IntArray, *, p: int, k: int, generator: np.random.Generator
) -> list[list[int]]:
    """Batches of P distinct classes with K samples each, a class's samples side by side.

    - An epoch is ``num_samples // (P * K)`` batches, at least one.
    - Fewer than P classes: all are used, and K becomes ``P * K // num_classes``.
    - Over the epoch, no class is visited more than once more often than another.
    - A class's samples are all used before one is used again. A class of fewer than K samples gives
      each of them in a batch, and some of them again.

    Args:
        labels: (N,) class of each sample, 0 or more.
        p: Classes in a batch.
        k: Samples of each class in a batch.
        generator: The source of randomness.

    Returns:
        Lists of P * K indices into ``labels``.

    Raises:
        ConfigError: When ``p`` or ``k`` is less than 1.
        DataError: When there is no sample, or one without a class.
    """
    if min(p, k) < 1:
        raise ConfigError(f"P x K is {p} x {k}; both must be at least 1")
    if len(labels) == 0:
        raise DataError("no samples to make batches of; is the training set empty?")
    if labels.min() < 0:
        raise DataError(
            f"sample {int(np.argmin(labels))} has no label ({labels.min()}); train only on images"
            " that have one"
        )
    classes = np.unique(labels)
    if len(classes) < p:
        p, k = len(classes), p * k // len(classes)
    class_deck = _Deck(classes, generator)
    decks = {int(label): _Deck(np.flatnonzero(labels == label), generator) for label in classes}
    return [
        [idx for label in class_deck.deal(p) for idx in decks[label].deal(k)]
        for _ in range(max(1, len(labels) // (p * k)))
    ]


def shuffle_batches(
    num_samples: int, *, batch_size: int, generator: np.random.Generator, drop_last: bool
) -> list[list[int]]:
    """Batches of all samples in random order.

    Args:
        num_samples: Number of samples.
        batch_size: Samples in a batch.
        generator: The source of randomness.
        drop_last: Whether to leave out a last batch that is short; never the only one.

    Raises:
        ConfigError: When the batch size is less than 1.
        DataError: When there is no sample.
    """
    if batch_size < 1:
        raise ConfigError(f"the batch size is {batch_size}; it must be at least 1")
    if num_samples < 1:
        raise DataError("no samples to make batches of; is the training set empty?")
    order = generator.permutation(num_samples).tolist()
    batches = [order[start : start + batch_size] for start in range(0, num_samples, batch_size)]
    if drop_last and len(batches) > 1 and len(batches[-1]) < batch_size:
        batches.pop()
    return batches


class _Deck:
    """Cards dealt in random order, all of them before any comes again."""

    def __init__(self, cards: IntArray, generator: np.random.Generator) -> None:
        self._cards = cards
        self._generator = generator
        self._stack: list[int] = []

    def deal(self, count: int) -> list[int]:
        """Deal cards, distinct ones as far as there are that many."""
        hand: list[int] = []
        while count - len(hand) >= len(self._cards):
            hand += self._cards.tolist()
        wanted = count - len(hand)
        part, self._stack = self._stack[:wanted], self._stack[wanted:]
        if len(part) < wanted:
            fresh = self._generator.permutation(self._cards).tolist()
            added = [card for card in fresh if card not in part][: wanted - len(part)]
            self._stack = [card for card in fresh if card not in added]
            part += added
        return hand + part
