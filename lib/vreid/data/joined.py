"""Several data sets in one training, their identities, cameras and tracks kept apart."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vreid.data.sample import UNKNOWN, Sample, Split, check_unique_names, describe
from vreid.errors import DataError
from vreid.features import IntArray

BoolArray = npt.NDArray[np.bool_]
_NUMBERS = ("pid", "camid", "trackid")


def join_training(
    first: Sequence[Sample], others: Mapping[str, Sequence[Sample]]
) -> tuple[tuple[Sample, ...], IntArray]:
    """Join training images; equal numbers of different data sets mean different things.

    The images of the first set stay as they are. To vehicles, cameras and tracks of each further
    set the largest number so far plus 1 is added, and its name stands before the names of its
    images; an unknown camera or track stays unknown. Colours and types keep their numbers.

    Args:
        first: Images of the main data set.
        others: Name of each further data set -> its images.

    Returns:
        N images in the given order, and their vehicles as (N,) int64.

    Raises:
        DataError: For an image without a vehicle, a further set without images, or two images of
            one name.
    """
    joined = list(first)
    for name, samples in others.items():
        if not samples:
            raise DataError(f"extra.{name}: no training images; take it out of extra")
        shift = {
            key: 1 + max((getattr(sample, key) for sample in joined), default=UNKNOWN)
            for key in _NUMBERS
        }
        joined += [_shifted(sample, name, shift) for sample in samples]
    check_unique_names(joined, "the joined training set")
    for sample in joined:
        if sample.pid == UNKNOWN:
            raise DataError(f"{sample.name}: no vehicle is known; train on images that have one")
    return tuple(joined), np.array([sample.pid for sample in joined], dtype=np.int64)


def check_apart(train: Sequence[Sample], validation: Split) -> None:
    """Refuse to validate on images that are trained on, as when a further set holds them too.

    Raises:
        DataError: Naming the first of them.
    """
    trained = {sample.path for sample in train}
    for sample in (*validation.query, *validation.gallery):
        if sample.path in trained:
            raise DataError(
                f"{sample.path}: is trained on and validated on; take the set that brings it out of"
                " extra, or set data.combine_all false there"
            )


def describe_sets(sets: Mapping[str, Sequence[Sample]]) -> str:
    """A line on each data set, for the log."""
    width = max(map(len, sets))
    return "\n".join(
        f"  {name:{width}} {describe(samples)} {_domain(samples)}" for name, samples in sets.items()
    )


def synthetic_mask(samples: Sequence[Sample]) -> BoolArray:
    """Which images were rendered: (N,)."""
    return np.array([sample.synthetic for sample in samples], dtype=np.bool_)


def mark_synthetic(split: Split, synthetic: bool) -> Split:
    """The split with all its images marked as rendered, or as real."""
    train, query, gallery = (
        tuple(replace(sample, synthetic=synthetic) for sample in part)
        for part in (split.train, split.query, split.gallery)
    )
    return replace(split, train=train, query=query, gallery=gallery)


def combine_parts(split: Split) -> Split:
    """The split with query and gallery in its training part as far as they have identities.

    What is trained on must not be searched for, since its scores would mean nothing: these images
    are no query and no gallery any more. Without any query left there is no gallery either.

    - An image that two parts list by one name is trained on once.
    """
    test = (*split.query, *split.gallery)
    labelled = {sample.name: sample for sample in test if sample.pid != UNKNOWN}
    known = {sample.name for sample in split.train}
    added = tuple(sample for name, sample in labelled.items() if name not in known)
    query, gallery = (
        tuple(sample for sample in part if sample.pid == UNKNOWN)
        for part in (split.query, split.gallery)
    )
    return replace(
        split,
        train=(*split.train, *added),
        query=query if gallery else (),
        gallery=gallery if query else (),
    )


def cut_long_tail(
    samples: Sequence[Sample], *, min_images: int, where: str
) -> tuple[tuple[Sample, ...], int]:
    """Leave out vehicles that have few images.

    Args:
        samples: Training images.
        min_images: How many images a vehicle must have to stay.
        where: The data set, for the message.

    Returns:
        The images that stay, and how many vehicles do not.

    Raises:
        DataError: When no vehicle has as many.
    """
    counts = Counter(sample.pid for sample in samples)
    kept = tuple(sample for sample in samples if counts[sample.pid] >= min_images)
    if samples and not kept:
        raise DataError(
            f"{where}: no vehicle has {min_images} training images, the most are"
            f" {max(counts.values())}; lower min_images"
        )
    return kept, sum(count < min_images for count in counts.values())


def _shifted(sample: Sample, name: str, shift: Mapping[str, int]) -> Sample:
    numbers = {key: getattr(sample, key) for key in _NUMBERS}
    return replace(
        sample,
        name=f"{name}/{sample.name}",
        **{
            key: value if value == UNKNOWN else value + shift[key] for key, value in numbers.items()
        },
    )


def _domain(samples: Sequence[Sample]) -> str:
    count = sum(sample.synthetic for sample in samples)
    if 0 < count < len(samples):
        return f"{count} of them synthetic"
    return "synthetic" if count else "real"
