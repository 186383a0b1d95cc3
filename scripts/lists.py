"""List files for other programs: ``python -m scripts.lists KIND SOURCE --out PATH``.

- ``veri776``, ``vru``: the data set's folder -> ``<out>/<kind>_train.txt`` and ``<kind>_test.txt``,
  a line ``path vehicle`` an image, with paths from that folder. VeRi-776's test list has query and
  gallery; VRU's is that of ``--size``.
- ``tracks``: a track file of bare numbers, such as ``train_track_id.txt`` of CityFlow-ReID 2019 and
  2020 -> the file ``out`` in the later form, ``000001.jpg 000010.jpg``, one tracklet a line.

Images that a data set's own list names and that are not there are reported and left out; the list
goes on behind them. This program itself needs none of these files, it reads the data sets' own.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from vreid.data.image_folder import find_root, list_images, read_lines
from vreid.data.listed import Listing, by_name, need_list
from vreid.data.text import read_cells, read_text
from vreid.data.tracks_file import read_tracks
from vreid.errors import DataError, run_command
from vreid.files import write_text

SIZES = {"small": 1200, "medium": 2400, "large": 8000}  # of VRU: test vehicles
SHOWN = 5  # names in a report
_VERI_NAME = re.compile(r"([0-9]{1,9})_c[0-9]+_.*")
Rows = tuple[Path, dict[str, int]]  # root, and image -> vehicle; images may be missing


def main(kind: str, source: Path, *, out: Path, size: str = "small") -> Path:
    """Write the lists and return ``out``.

    Args:
        kind: ``veri776``, ``vru`` or ``tracks``.
        source: The data set's folder, or the track file.
        out: The folder for the lists, or the track file to write.
        size: ``small``, ``medium`` or ``large`` test set; VRU only.

    Raises:
        DataError: When the source is not what the kind says, or no image is there.
    """
    if kind == "tracks":
        return write_text(out, padded_tracks(source))
    builders: Mapping[str, Callable[[str], Rows]] = {
        "veri776": lambda part: veri_rows(source, part),
        "vru": lambda part: vru_rows(source, part, size),
    }
    if kind not in builders:
        raise DataError(f"no lists of kind {kind!r}; choose tracks, {', '.join(builders)}")
    for part in ("train", "test"):
        root, rows = builders[kind](part)
        listing = Listing(root)
        there = {name: pid for name, pid in rows.items() if listing.has(name)}
        missing = [name for name in rows if name not in there]
        if not there:
            raise DataError(f"{root}: none of the {len(rows)} images of {part} is there")
        path = out / f"{kind}_{part}.txt"
        write_text(path, "".join(f"{name} {pid}\n" for name, pid in there.items()))
        print(f"{path}: {len(there)} images of {len(set(there.values()))} vehicles")
        if missing:
            names = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
            print(
                f"note: {len(missing)} of {len(rows)} images are not in {root}: {names}",
                file=sys.stderr,
            )
    return out


def veri_rows(source: Path, part: str) -> Rows:
    """Images of VeRi-776 and their vehicles, by its own lists or, without them, its folders."""
    root = find_root(
        source, marker="image_train", nested=("VeRi", "VeRi-776"), obtain="ask its authors for it"
    )
    rows = {}
    for folder in ("train",) if part == "train" else ("query", "test"):
        own = root / f"name_{folder}.txt"
        for image in read_lines(own) if own.exists() else list_images(root / f"image_{folder}"):
            match = _VERI_NAME.fullmatch(image)
            if match is None:
                raise DataError(
                    f"{image}: the name does not say the vehicle; expected a name such as"
                    " 0002_c002_00030600_0.jpg"
                )
            rows[f"image_{folder}/{image}"] = int(match[1])
    return root, rows


def vru_rows(source: Path, part: str, size: str) -> Rows:
    """Images of VRU and their vehicles, by its own lists."""
    root = find_root(source, marker="Pic", nested=("VRU",), obtain="get it from its authors")
    name = "train_list.txt" if part == "train" else f"test_list_{SIZES[size]}.txt"
    path = need_list(root, [name], ["train_test_split", "."])
    lines = read_cells(path, num_cells=(2,), wanted="an image's number and its vehicle's")
    images = [f"Pic/{line.cells[0].removesuffix('.jpg')}.jpg" for line in lines]
    return root, {
        image: line.integer(1, "vehicle") for image, line in by_name(lines, images).items()
    }


def padded_tracks(path: Path) -> str:
    """The text of a track file with its images as ``000001.jpg``.

    Raises:
        DataError: As `vreid.data.tracks_file.read_tracks`.
    """
    members = read_text(path).split()
    names = {f"{member:0>6}.jpg" for member in members if member.isdecimal()}
    names |= {member for member in members if member.endswith(".jpg")}
    tracks: dict[int, list[str]] = {}
    for name, trackid in read_tracks(path, names).items():
        tracks.setdefault(trackid, []).append(name)
    if not tracks:
        raise DataError(f"{path}: no tracklets; expected a line of image numbers for each")
    return "".join(f"{' '.join(images)}\n" for images in tracks.values())


def _command() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.lists",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("veri776", "vru", "tracks"))
    parser.add_argument("source", type=Path, help="the data set's folder, or the track file")
    parser.add_argument("--out", type=Path, required=True, help="folder, or track file, to write")
    parser.add_argument("--size", choices=tuple(SIZES), default="small", help="test set of vru")
    parsed = parser.parse_args()
    print(f"wrote {main(parsed.kind, parsed.source, out=parsed.out, size=parsed.size)}")


if __name__ == "__main__":
    sys.exit(run_command(_command))
