"""What boxes are made from, and the boxes of many images, in parts that a stopped run keeps."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tqdm import tqdm

from synthetic_aug.crop_boxes import Found
from vreid.data.boxes import Box
from vreid.data.images import ImageArray
from vreid.data.sample import Sample
from vreid.features import FloatArray
from vreid.files import hash_file, hash_text, read_json, write_json
from vreid.options import Config

Parts = Mapping[str, Sequence[Sample]]  # train, query, gallery

PART_SIZE = 2048  # images a part, see `vreid.extract`


class Seen(NamedTuple):
    """An image and what was found in it.

    Attributes:
        sample: Its sample.
        image: (H, W, 3).
        energy: (h, w), 0 or more: the activation map, or 1 on the mask.
        found: Its box.
    """

    sample: Sample
    image: ImageArray
    energy: FloatArray
    found: Found


class Source(Protocol):
    """A maker of boxes: `synthetic_aug.crop_network`, `synthetic_aug.crop_masks`."""

    @property
    def config(self) -> Config:
        """Names the data set to crop."""

    def select(self, parts: Parts) -> Parts:
        """Those parts of the data set of which there can be boxes."""

    def facts(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """What makes the boxes beside the images."""

    def look(self, samples: Sequence[Sample]) -> Iterator[Seen]:
        """Each image with its box; few of them are in memory at once."""


def find_all(
    source: Source, samples: Sequence[Sample], *, parts: Path, title: str
) -> dict[str, Found]:
    """Name of each image -> its box; a stopped call goes on from the finished ``parts``."""
    found: dict[str, Found] = {}
    with tqdm(total=len(samples), desc=title, unit="img", disable=None, leave=False) as bar:
        for first in range(0, len(samples), PART_SIZE):
            chunk = samples[first : first + PART_SIZE]
            path = parts / f"{_key(source.facts(chunk), chunk)}.json"
            if path.exists():
                found |= _load(path)
                bar.update(len(chunk))
                continue
            piece: dict[str, Found] = {}
            for seen in source.look(chunk):
                piece[seen.sample.name] = seen.found
                bar.update()
            if len(chunk) == PART_SIZE:
                write_json(path, {name: list(one) for name, one in piece.items()})
            found |= piece
    return found


def remove_parts(parts: Path) -> None:
    """Remove the folder of finished parts once the whole was saved."""
    for path in parts.glob("*.json"):
        path.unlink()
    if parts.exists():
        parts.rmdir()


def _key(facts: Mapping[str, Any], chunk: Sequence[Sample]) -> str:
    names = "\n".join(f"{sample.name} {hash_file(sample.path)}" for sample in chunk)
    return hash_text(f"{sorted(facts.items())}\n{names}")[:24]


def _load(path: Path) -> dict[str, Found]:
    return {
        name: Found(Box(*box), (size[0], size[1]), reason)
        for name, (box, size, reason) in read_json(path).items()
    }
