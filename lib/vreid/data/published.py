"""The published counts of a data set, and what a copy's differences from them mean.

- A count that differs is told in a sentence and no error: copies are cut down for tests and demos,
  authors correct their lists after the paper, and papers miscount. But a score on another test set
  is another number, so the sentence says so.
- What contradicts itself is an error, raised where it is found: a test list with more vehicles than
  its name says, some images of a list missing, an image listed twice, a query without a vehicle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vreid.data.sample import UNKNOWN, Sample


@dataclass(frozen=True)
class Count:
    """Published size of a part.

    Attributes:
        images: How many images; None where that is not published.
        vehicles: How many vehicles; None where that is not published, or they are hidden.
    """

    images: int | None
    vehicles: int | None = None

    def __str__(self) -> str:
        counts = {"images": self.images, "vehicles": self.vehicles}
        return " of ".join(f"{value:,} {key}" for key, value in counts.items() if value is not None)


def count_notes(
    name: str, parts: Mapping[str, Sequence[Sample]], published: Mapping[str, Count]
) -> tuple[str, ...]:
    """A sentence on each part whose size is not the published one.

    Args:
        name: The data set's name.
        parts: Part -> its images. A part without images is passed over: it was left out on purpose
            or has a sentence of its own.
        published: Part -> what its authors say.
    """
    notes = []
    for part, samples in parts.items():
        if part not in published or not samples:
            continue
        wanted = published[part]
        found = Count(
            None if wanted.images is None else len(samples),
            None if wanted.vehicles is None else len({sample.pid for sample in samples}),
        )
        if found != wanted:
            notes.append(
                f"{name}: {part} has {found}; published are {wanted}. Scores on another set of"
                " images do not compare with published ones"
            )
    return tuple(notes)


def shared_notes(name: str, train: Sequence[Sample], test: Sequence[Sample]) -> tuple[str, ...]:
    """A sentence when vehicles are both in the training and in the test set."""
    known = {sample.pid for sample in train} - {UNKNOWN}
    shared = sorted(known & {sample.pid for sample in test})
    if not shared:
        return ()
    return (
        f"{name}: {len(shared)} vehicles are in training and test set (first: {shared[0]}); scores"
        " of a model trained on the one flatter on the other",
    )
