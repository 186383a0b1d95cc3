"""Track files of CityFlow and VeRi-776: one tracklet a line, its images separated by blanks."""

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from vreid.data.text import read_text
from vreid.errors import DataError

_HEADING = re.compile(r"[0-9]+_c?[0-9]+")


def read_tracks(path: Path, images: Collection[str]) -> dict[str, int]:
    """Read which tracklet each image belongs to.

    A member is a file name (``000001.jpg``), the name without its suffix (``000001``), or a bare
    number (``1``, as in the 2019 and 2020 editions' ``train_track_id.txt``). A first token that
    names vehicle and camera (``0002_c002``) and no image is skipped.

    Args:
        path: The track file.
        images: File names of the folder that the file speaks of.

    Returns:
        File name to tracklet: 0 for the first line that is not empty, and so on. Images that the
        file does not mention are left out.

    Raises:
        DataError: When the file is missing, names an unknown image, or names one twice.
    """
    known = _spellings(images)
    tracks: dict[str, int] = {}
    lines: list[int] = []  # the line of each tracklet
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        members = text.split()
        if not members:
            continue
        trackid = len(lines)
        lines.append(number)
        if members[0] not in known and _HEADING.fullmatch(members[0]):
            members = members[1:]
        for member in members:
            name = known.get(member)
            if name is None:
                raise DataError(
                    f"{path}, line {number}: names {member}, which is none of the"
                    f" {len(images)} images; is it the track file of another edition?"
                )
            if name in tracks:
                raise DataError(
                    f"{path}, line {number}: {name} is on line {lines[tracks[name]]} too;"
                    " an image belongs to one tracklet"
                )
            tracks[name] = trackid
    return tracks


def _spellings(images: Collection[str]) -> dict[str, str]:
    """Every spelling of a member, to its file name."""
    stems = {PurePosixPath(name).stem: name for name in images}
    numbers = {str(int(stem)): name for stem, name in stems.items() if stem.isdecimal()}
    return numbers | stems | {name: name for name in images}
