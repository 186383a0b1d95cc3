"""VeRi-776's own lists of matches and junk, against which its labels are checked.

``gt_index.txt`` and ``jk_index.txt`` have a line a query with numbers of gallery images, from 1:
those of its vehicle in other cameras in the one, those in its own camera in the other.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from vreid.data.sample import Sample
from vreid.data.text import Line, read_text
from vreid.errors import DataError


def check_index(root: Path, query: Sequence[Sample], gallery: Sequence[Sample]) -> tuple[str, ...]:
    """Compare the files, where there are any, with vehicles and cameras.

    Args:
        root: The data set's folder.
        query: The queries in the order of ``name_query.txt``.
        gallery: The gallery in the order of ``name_test.txt``.

    Returns:
        A sentence on each file that lists another number of queries than there are, as in a copy
        that was cut down; it is not compared then.

    Raises:
        DataError: Naming file and line of the first query whose list is another one.
    """
    places: dict[int, list[int]] = defaultdict(list)  # vehicle -> its gallery images
    for place, sample in enumerate(gallery, start=1):
        places[sample.pid].append(place)
    notes = []
    for file, same_camera in (("gt_index.txt", False), ("jk_index.txt", True)):
        path = root / file
        if not path.is_file():
            continue
        lines = _read_lines(path)
        if len(lines) != len(query):
            notes.append(
                f"veri776: {file} lists {len(lines):,} queries, this copy has {len(query):,}, so"
                " the two are not compared"
            )
            continue
        for line, sample in zip(lines, query, strict=True):
            wanted = [
                place
                for place in places[sample.pid]
                if (gallery[place - 1].camid == sample.camid) == same_camera
            ]
            found = [line.integer(column, "gallery image") for column in range(len(line.cells))]
            _compare(line, sample, found, wanted)
    return tuple(notes)


def _read_lines(path: Path) -> list[Line]:
    """All lines, also empty ones: a query may have no junk. Only empty lines at the end go."""
    texts = read_text(path).splitlines()
    while texts and not texts[-1].strip():
        texts.pop()
    return [Line(path, number, tuple(text.split())) for number, text in enumerate(texts, start=1)]


def _compare(line: Line, sample: Sample, found: Sequence[int], wanted: Sequence[int]) -> None:
    odd = sorted(set(found) ^ set(wanted))
    if odd:
        side = "names" if odd[0] in found else "does not name"
        raise DataError(
            f"{line.place}: it {side} gallery image {odd[0]} for {sample.name}; by vehicles and"
            f" cameras {len(wanted)} images belong there, {len(odd)} differ. Are name_query.txt and"
            " name_test.txt those of the same copy?"
        )
