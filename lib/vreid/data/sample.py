"""One annotated image, and a data set as three tuples of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vreid.errors import DataError

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """One annotated image.

    Attributes:
        path: The image file.
        name: Path relative to the data set's root in POSIX form. It is the image's identity in
            every file that stages hand each other, so it is unique in a data set (CityFlow restarts
            its image numbers in each folder: the folder is part of the name).
        pid: Vehicle identity as in the data set, or `UNKNOWN`.
        camid: Camera number as in the data set, or `UNKNOWN`.
        trackid: Tracklet (one vehicle passing one camera once), or `UNKNOWN`.
        angle: Orientation in degrees in [0, 360), NaN when unknown.
        color: Colour class as in the data set, or `UNKNOWN`.
        type: Body type class as in the data set, or `UNKNOWN`.
        synthetic: Whether the image was rendered.
    """

    path: Path
    name: str
    pid: int = UNKNOWN
    camid: int = UNKNOWN
    trackid: int = UNKNOWN
    angle: float = math.nan
    color: int = UNKNOWN
    type: int = UNKNOWN
    synthetic: bool = False

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith("/") or "\\" in self.name:
            raise DataError(
                f"{self.path}: the sample's name is {self.name!r}; expected a relative POSIX path"
            )
        if min(self.pid, self.camid, self.trackid, self.color, self.type) < UNKNOWN:
            raise DataError(f"{self.name}: negative number in {self}; use {UNKNOWN} for unknown")
        if not math.isnan(self.angle) and not 0 <= self.angle < 360:
            raise DataError(f"{self.name}: orientation {self.angle} is outside [0, 360) degrees")


@dataclass(frozen=True)
class Split:
    """A data set: what to train on, what to search for, what to search in.

    Attributes:
        name: The data set's name for logs.
        train: Training images, all with identities.
        query: Images searched for, in the order of the data set's own list.
        gallery: Images searched in, in the order of the data set's own list.
        notes: Sentences on how this copy differs from the published data set.
    """

    name: str
    train: tuple[Sample, ...] = ()
    query: tuple[Sample, ...] = ()
    gallery: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "query", "gallery"):
            check_unique_names(getattr(self, part), f"{self.name} {part}")

    def __repr__(self) -> str:
        return f"{self.name}\n" + "\n".join(
            f"  {part:8}{describe(getattr(self, part))}" for part in ("train", "query", "gallery")
        )


def describe(samples: Sequence[Sample]) -> str:
    """Counts of a list of samples in one line, for the log.

    >>> describe([Sample(Path("a.jpg"), "a.jpg", pid=3, camid=1)])
    '     1 images     1 vehicles    1 cameras    0 tracks'
    """
    known = [
        len({getattr(sample, key) for sample in samples} - {UNKNOWN})
        for key in ("pid", "camid", "trackid")
    ]
    return "{:6d} images {:5d} vehicles {:4d} cameras {:4d} tracks".format(len(samples), *known)


def check_unique_names(samples: Sequence[Sample], where: str) -> None:
    """Refuse two samples of one name.

    Raises:
        DataError: Naming the first repeated name.
    """
    seen: set[str] = set()
    for sample in samples:
        if sample.name in seen:
            raise DataError(f"{where}: image {sample.name} is listed twice; list each image once")
        seen.add(sample.name)
