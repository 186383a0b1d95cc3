"""Batches of one epoch as lists of sample indices: P x K for metric losses, or shuffled.

P x K comes in one domain, or in two (real and synthetic) with a fixed share of each in every batch.

P x K: Alexander Hermans, Lucas Beyer and Bastian Leibe, "In Defense of the Triplet Loss for Person
Re-Identification", arXiv:1703.07737. Their epoch visits every class once; here an epoch is counted
by samples, so that a task of eight classes does not get one batch an epoch.
"""

import numpy as np

from vreid.data.joined import BoolArray
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
    _check(labels, p, k)
    classes = _Classes(labels, np.arange(len(labels)), generator)
    if len(classes) < p:
        p, k = len(classes), p * k // len(classes)
    return [classes.deal(p, k) for _ in range(max(1, len(labels) // (p * k)))]


def domain_batches(
    labels: IntArray,
    synthetic: BoolArray,
    *,
    p: int,
    k: int,
    synthetic_share: float,
    generator: np.random.Generator,
) -> list[list[int]]:
    """Batches of P x K samples in which real ones come first and synthetic ones last.

    P' = round(P * synthetic_share) classes are synthetic, at least one of each domain; a class's
    samples are side by side. With a share of 0.5 and an even P the halves of a batch are the two
    domains, which is what MixStyle's form ``halves`` mixes.

    - An epoch goes once through the real samples: ``num_real // ((P - P') * K)`` batches, at least
      one. Synthetic ones are dealt beside them, as many as that takes.
    - A domain of fewer classes than its places need shares the places among all its classes, as
      evenly as goes, so that every batch has P * K samples.
    - In each domain no class is visited more than once more often than another, and a class's
      samples are all used before one is used again.
    - A class with samples of both domains counts in both.

    Args:
        labels: (N,) class of each sample, 0 or more.
        synthetic: (N,) which samples were rendered.
        p: Classes in a batch, at least 2.
        k: Samples of each class in a batch.
        synthetic_share: Share of synthetic classes in [0, 1].
        generator: The source of randomness.

    Returns:
        Lists of P * K indices into ``labels``.

    Raises:
        ConfigError: When ``p`` or ``k`` is too small, or the share not in [0, 1].
        DataError: When there is no sample of a domain, or one without a class.
    """
    if p < 2 or not 0 <= synthetic_share <= 1:
        raise ConfigError(
            f"P is {p} and the share of synthetic classes {synthetic_share}; real and synthetic"
            " ones in a batch need P of 2 or more and a share in [0, 1]"
        )
    _check(labels, p, k)
    num_synthetic = min(max(round(p * synthetic_share), 1), p - 1)
    real, rendered = np.flatnonzero(~synthetic), np.flatnonzero(synthetic)
    for name, found in (("real", real), ("synthetic", rendered)):
        if not len(found):
            raise DataError(
                f"none of the {len(labels)} training images is {name}, and the sampler domains"
                " needs real and synthetic ones: name a further data set in extra, say with"
                " data.synthetic which are which, or set solver.sampler pk"
            )
    parts = (
        (_Classes(labels, real, generator), p - num_synthetic),
        (_Classes(labels, rendered, generator), num_synthetic),
    )
    return [
        [idx for classes, count in parts for idx in classes.deal(count, k)]
        for _ in range(max(1, len(real) // ((p - num_synthetic) * k)))
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


def _check(labels: IntArray, p: int, k: int) -> None:
    if min(p, k) < 1:
        raise ConfigError(f"P x K is {p} x {k}; both must be at least 1")
    if len(labels) == 0:
        raise DataError("no samples to make batches of; is the training set empty?")
    if labels.min() < 0:
        raise DataError(
            f"sample {int(np.argmin(labels))} has no label ({labels.min()}); train only on images"
            " that have one"
        )


class _Classes:
    """The classes of some samples, dealt P at a time with K samples each."""

    def __init__(self, labels: IntArray, indices: IntArray, generator: np.random.Generator) -> None:
        order = indices[np.argsort(labels[indices], kind="stable")]
        classes, starts = np.unique(labels[order], return_index=True)
        self._class_deck = _Deck(classes, generator)
        self._decks = {
            int(label): _Deck(cards, generator)
            for label, cards in zip(classes, np.split(order, starts[1:]), strict=True)
        }

    def __len__(self) -> int:
        return len(self._decks)

    def deal(self, p: int, k: int) -> list[int]:
        """P * K samples of P classes; of all classes, and more of each, where there are fewer."""
        num_classes = len(self)
        if num_classes >= p:
            counts = dict.fromkeys(self._class_deck.deal(p), k)
        else:
            size, rest = divmod(p * k, num_classes)
            larger = self._class_deck.deal(rest)
            counts = {label: size + (label in larger) for label in self._decks}
        return [idx for label, count in counts.items() for idx in self._decks[label].deal(count)]


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
