"""Data sets of numbered images in one folder and lists ``image vehicle``: VehicleID and VRU."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vreid.data.image_folder import find_root
from vreid.data.listed import Listing, by_name, check_listed, need_list
from vreid.data.published import Count, count_notes, shared_notes
from vreid.data.sample import Sample, Split
from vreid.data.text import Line, read_cells
from vreid.draws import draw_one
from vreid.errors import ConfigError, DataError
from vreid.protocol import Protocol

_PADDED = 7  # digits of VehicleID's file names


@dataclass(frozen=True)
class Numbered:
    """What the two data sets differ in.

    Attributes:
        name: Of the data set.
        nested: Folders that archives unpack to.
        folder: Of the images.
        sizes: Test set -> how many vehicles its list has; the list is ``test_list_<number>.txt``.
        published: ``train`` and the test sets -> their sizes.
        protocol: Draws query and gallery.
        obtain: How to get it.
    """

    name: str
    nested: tuple[str, ...]
    folder: str
    sizes: Mapping[str, int]
    published: Mapping[str, Count]
    protocol: Protocol
    obtain: str


def load_numbered(root: Path, kind: Numbered, *, size: str) -> Split:
    """Read the data set, its test images divided by the protocol's first draw.

    Raises:
        ConfigError: For a test set that there is not.
        DataError: When a folder or file is missing or a line cannot be used.
    """
    if size not in kind.sizes:
        raise ConfigError(
            f"{kind.name} has no test set {size!r}; choose one of {', '.join(kind.sizes)}"
        )
    root = find_root(root, marker=kind.folder, nested=kind.nested, obtain=kind.obtain)
    listing = Listing(root)
    train = _read_list(root, "train_list.txt", kind, listing)
    test = _read_list(root, f"test_list_{kind.sizes[size]}.txt", kind, listing)
    notes = []
    for part, (path, samples) in {"train": train, f"test ({size})": test}.items():
        if not samples:
            notes.append(f"{kind.name}: no image of {path} is here; {part} is left out")
    train_samples, test_samples = train[1], test[1]
    if not train_samples and not test_samples:
        raise DataError(
            f"{root / kind.folder}: holds no image of {train[0].name} nor of {test[0].name};"
            " unpack the images there"
        )
    pids = {sample.pid for sample in test_samples}
    if len(pids) > kind.sizes[size]:
        raise DataError(
            f"{test[0]}: lists {len(pids)} vehicles, and its name says {kind.sizes[size]}; get the"
            " list again"
        )
    counted = {"train": train_samples, size: test_samples}
    if train_samples and test_samples:
        counted[f"train and {size}"] = (*train_samples, *test_samples)
    notes += count_notes(kind.name, counted, kind.published)
    notes += shared_notes(kind.name, train_samples, test_samples)
    query, gallery = _first_draw(test_samples, kind.protocol)
    name = f"{kind.name} {size}"
    return Split(name, train=train_samples, query=query, gallery=gallery, notes=tuple(notes))


def _read_list(
    root: Path, file: str, kind: Numbered, listing: Listing
) -> tuple[Path, tuple[Sample, ...]]:
    """The list's path and its images; none when not one of them is there."""
    path = need_list(root, [file], ["train_test_split", "."])
    lines = read_cells(path, num_cells=(2,), wanted="an image's number and its vehicle's")
    named = by_name(lines, [_image(line, kind, listing) for line in lines])
    if not check_listed(named, listing):
        return path, ()
    samples = (
        Sample(path=root / name, name=name, pid=line.integer(1, "vehicle"))
        for name, line in named.items()
    )
    return path, tuple(samples)


def _image(line: Line, kind: Numbered, listing: Listing) -> str:
    """The image's name: the number as the list writes it, or padded with zeros."""
    stem = line.cells[0].removesuffix(".jpg")
    line = Line(line.path, line.number, (stem,))
    line.integer(0, "image")
    name = f"{kind.folder}/{stem}.jpg"
    padded = f"{kind.folder}/{stem.zfill(_PADDED)}.jpg"
    return padded if not listing.has(name) and listing.has(padded) else name


def _first_draw(
    samples: tuple[Sample, ...], protocol: Protocol
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Query and gallery, as the first of the protocol's draws makes them."""
    draws = protocol.draws
    assert draws is not None  # both protocols draw
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    names = [sample.name for sample in samples]
    mask = draw_one(names, pids, seed=draws.seed or 0, number=0)
    one = tuple(sample for sample, chosen in zip(samples, mask, strict=True) if chosen)
    rest = tuple(sample for sample, chosen in zip(samples, mask, strict=True) if not chosen)
    return (rest, one) if draws.one_in == "gallery" else (one, rest)
