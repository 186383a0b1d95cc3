"""Lists of gallery images in a ``track2.txt``, ours or another team's, as gallery columns."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from submissions.manifest import write_manifest
from submissions.names import gallery_numbers, row_of_key
from submissions.track2_file import inspect
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray
from vreid.files import hash_file, write_text
from vreid.provenance import hash_inputs
from vreid.tables import read_names


def count_queries(queries: Path | int) -> int:
    """The number of queries, given or counted in a list of names.

    Raises:
        DataError: For a list that cannot be used or repeats a name.
    """
    if isinstance(queries, int):
        return queries
    return len(row_of_key(read_names(queries), str(queries)))


def gallery_names(gallery: Path | int) -> tuple[str, ...]:
    """Names of the gallery images: those of a list, or ``000001.jpg`` and so on.

    Raises:
        DataError: For a list that cannot be used.
        ConfigError: For a number below 1.
    """
    if isinstance(gallery, Path):
        return read_names(gallery)
    if gallery < 1:
        raise ConfigError(f"the gallery has {gallery} images; expected at least 1")
    return tuple(f"{number:06}.jpg" for number in range(1, gallery + 1))


def add_sides(parser: argparse.ArgumentParser) -> None:
    """Add ``--queries`` and ``--gallery``, each a list of names or a number of images."""
    parser.add_argument(
        "--queries",
        type=_list_or_count,
        required=True,
        help="name_query.txt, a .csv with a name column, or the number of queries",
    )
    parser.add_argument(
        "--gallery",
        type=_list_or_count,
        required=True,
        help="name_test.txt, a .csv with a name column, or the number of images, from 1",
    )


def _list_or_count(text: str) -> Path | int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else Path(text)


def read_lists(
    track2: Path, *, num_query: int, numbers: Sequence[int], k: int = 100
) -> list[IntArray]:
    """The list of each query, nearest first.

    Entries may be numbers or file names, see `submissions.track2_file`; lists may be short.

    Args:
        track2: The submission.
        num_query: Lines it must have.
        numbers: The gallery images' numbers, in the order of the gallery.
        k: Entries a line should have.

    Returns:
        Of each query (K,) int64 columns of the gallery.

    Raises:
        DataError: When its lines or entries are not those of these queries and this gallery: a line
            too many or too few, an entry that is no image of the gallery, or an image twice.
    """
    idx_of = {number: idx for idx, number in enumerate(numbers)}
    submission = inspect(track2, num_query=num_query, numbers=idx_of.keys(), k=k)
    fatal = [defect for defect in submission.defects if defect.fatal]
    if fatal:
        raise DataError(
            f"{track2}: {fatal[0]}; {len(fatal) - 1} more like this make the lists meaningless"
            " (submissions.check lists them all)"
        )
    return [np.array([idx_of[entry] for entry in line], np.int64) for line in submission.lines]


def count_short(lists: Iterable[IntArray], k: int) -> int:
    """How many lists have fewer than k entries."""
    return sum(len(one) < k for one in lists)


def write_lists(
    lists: Iterable[IntArray],
    names: Sequence[str],
    out: Path,
    *,
    inputs: Sequence[Path],
    options: dict[str, object],
) -> Path:
    """Write lists as a submission with its manifest and return the submission's path.

    Args:
        lists: Of each query (K,) columns.
        names: The gallery images' names, whose numbers are written.
        out: The text file.
        inputs: Files whose hashes go into the manifest.
        options: What else goes there.
    """
    hashes = hash_inputs(inputs)
    numbers = np.array(gallery_numbers(names, "the gallery"))
    write_text(out, "".join(" ".join(map(str, numbers[one])) + "\n" for one in lists))
    made = {"path": out.as_posix(), "sha256": hash_file(out)}
    write_manifest(out, {"submission": made, "inputs": hashes, **options})
    return out
