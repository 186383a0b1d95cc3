"""VERI-Wild, vehicles seen by 174 surveillance cameras in a month.

Yihang Lou, Yan Bai, Jun Liu, Shiqi Wang and Ling-Yu Duan, "VERI-Wild: A Large Dataset and a New
Method for Vehicle Re-Identification in the Wild", CVPR 2019.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vreid.data.image_folder import find_root
from vreid.data.listed import Listing, by_name, check_listed, find_list, need_list
from vreid.data.published import Count, count_notes, shared_notes
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.data.text import Line, read_cells
from vreid.errors import ConfigError, DataError

_OBTAIN = "ask its authors for it (https://github.com/PKU-IMRE/VERI-Wild) and unpack it here"
_FOLDERS = ("train_test_split", ".")  # where lists are
_IMAGE = re.compile(r"([0-9]{1,18})/([^/\s]+?)(?:\.jpg)?")
SIZES = {"small": 3000, "medium": 5000, "large": 10_000}
_TEST = {"small": Count(41_861), "medium": Count(69_389), "large": Count(138_517)}


def load(root: Path, *, size: str = "small") -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VERI-Wild``::

        images/<vehicle>/                      000001.jpg …
        train_test_split/train_list.txt        one image a line: vehicle/image.jpg; in a later
                                               edition train_list_start0.txt
        train_test_split/test_3000.txt         the gallery; also 5000 and 10000; test_3000_id.txt
        train_test_split/test_3000_query.txt   the queries; test_3000_id_query.txt
        train_test_split/vehicle_info.txt      id/image;Camera ID;Time;Model;Type;Color

    ======  ================  =========  =========  ==========
    part    train             small      medium     large
    ======  ================  =========  =========  ==========
    images  277,797 (30,671)  41,861     69,389     138,517
    query   0                 3,000      5,000      10,000
    ======  ================  =========  =========  ==========

    in images (vehicles); a test set's images are queries and gallery together. For research and
    education, never commercially.

    - The vehicle is the folder. The later edition's lines go on with a label and a camera: the
      label is the vehicle in the test lists, but numbered anew from 0 in the training list, so it
      is not read.
    - The camera is that of ``vehicle_info.txt``, whose line of column names some copies lack, or of
      the list's third column. Without both it is `UNKNOWN`, which serves training only.
    - Lists may stand beside ``images``, and ``.jpg`` may be missing in them.
    - The protocol ``veri-wild`` leaves images of the query's vehicle in its camera out,
      ``veri-wild-all`` keeps them.

    Args:
        root: The data set's folder.
        size: ``small``, ``medium`` or ``large``.

    Raises:
        ConfigError: For another size.
        DataError: When a folder or file is missing, or a line cannot be used.
    """
    if size not in SIZES:
        raise ConfigError(f"veri-wild has no test set {size!r}; choose one of {', '.join(SIZES)}")
    root = find_root(
        root, marker="images", nested=("VERI-Wild", "VeRI-Wild", "VeRi-Wild"), obtain=_OBTAIN
    )
    parts, notes = _load_parts(root, SIZES[size])
    if not any(parts.values()):
        raise DataError(f"{root / 'images'}: holds no image of any list; unpack the images there")
    if bool(parts["query"]) != bool(parts["gallery"]):
        raise DataError(f"{root}: one half of the test set {size} has no images; unpack both")
    return Split(f"veri-wild {size}", **parts, notes=(*notes, *_notes(parts, size)))


def _load_parts(root: Path, number: int) -> tuple[dict[str, tuple[Sample, ...]], list[str]]:
    """Part -> its images, and a sentence on each part that has none."""
    files = {
        "train": ("train_list.txt", "train_list_start0.txt"),
        "query": (f"test_{number}_query.txt", f"test_{number}_id_query.txt"),
        "gallery": (f"test_{number}.txt", f"test_{number}_id.txt"),
    }
    listing = Listing(root)
    info = find_list(root, ["vehicle_info.txt"], _FOLDERS)
    cameras = {} if info is None else _read_cameras(info)
    parts, notes = {}, []
    for part, names in files.items():
        path = need_list(root, names, _FOLDERS)
        parts[part] = _read_list(root, path, listing, cameras)
        if not parts[part]:
            notes.append(f"veri-wild: no image of {path} is here; {part} is left out")
    return parts, notes


def _notes(parts: Mapping[str, Sequence[Sample]], size: str) -> list[str]:
    train, query, gallery = (parts[part] for part in ("train", "query", "gallery"))
    together = {sample.name: sample for sample in (*query, *gallery)}
    counted = {"train": train, "query": query, f"test ({size})": tuple(together.values())}
    published = {
        "train": Count(277_797, 30_671),
        "query": Count(SIZES[size], SIZES[size]),
        f"test ({size})": _TEST[size],
    }
    notes = list(count_notes("veri-wild", counted, published))
    notes += shared_notes("veri-wild", train, gallery)
    unknown = sum(sample.camid == UNKNOWN for part in parts.values() for sample in part)
    if unknown:
        notes.append(
            f"veri-wild: {unknown} images have no camera, since vehicle_info.txt is missing; the"
            " protocol veri-wild needs them, veri-wild-all does not"
        )
    both = len(query) + len(gallery) - len(together)
    if both:
        notes.append(
            f"veri-wild: {both} queries are in the gallery too and find themselves unless images of"
            " their camera are left out; do not score with veri-wild-all"
        )
    return notes


def _read_list(
    root: Path, path: Path, listing: Listing, cameras: Mapping[str, int]
) -> tuple[Sample, ...]:
    """The images of a list; none when not one of them is there."""
    wanted = "vehicle/image.jpg, or that with a label and a camera"
    lines = read_cells(path, num_cells=(1, 3), wanted=wanted)
    keys = [_key(line) for line in lines]
    named = by_name(lines, [f"images/{key}.jpg" for key in keys])
    if not check_listed(named, listing):
        return ()
    return tuple(
        Sample(
            path=root / name,
            name=name,
            pid=int(key.split("/")[0]),
            camid=_camera(line, key, cameras),
        )
        for (name, line), key in zip(named.items(), keys, strict=True)
    )


def _key(line: Line) -> str:
    """``vehicle/image`` of a line, without ``.jpg``."""
    match = _IMAGE.fullmatch(line.cells[0].removeprefix("images/"))
    if match is None:
        raise DataError(
            f"{line.place}: the image is {line.cells[0]!r}; expected vehicle/image.jpg such as"
            " 00001/000001.jpg"
        )
    return f"{match[1]}/{match[2]}"


def _camera(line: Line, key: str, cameras: Mapping[str, int]) -> int:
    plain = _without_zeros(key)
    if plain in cameras:
        return cameras[plain]
    if len(line.cells) == 3:
        return line.integer(2, "camera")
    if cameras:
        raise DataError(
            f"{line.place}: {key} is not in vehicle_info.txt; get both files from one edition"
        )
    return UNKNOWN


def _read_cameras(path: Path) -> dict[str, int]:
    """``vehicle/image`` -> camera. The line of column names, where there is one, is passed over."""
    lines = read_cells(
        path,
        num_cells=range(2, 20),
        separator=";",
        wanted="vehicle/image;camera;time;model;type;color",
    )
    if not _IMAGE.fullmatch(lines[0].cells[0]):
        lines = lines[1:]
    return {_without_zeros(_key(line)): line.integer(1, "camera") for line in lines}


def _without_zeros(key: str) -> str:
    """``00001/000001`` -> ``1/000001``: files may pad a vehicle's number differently."""
    vehicle, image = key.split("/")
    return f"{int(vehicle)}/{image}"
