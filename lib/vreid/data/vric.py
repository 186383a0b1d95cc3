"""VRIC, small and blurred crops of vehicles from the tracks of UA-DETRAC.

Aytac Kanaci, Xiatian Zhu and Shaogang Gong, "Vehicle Re-Identification in Context", GCPR 2018.
"""

from pathlib import Path

from vreid.data.image_folder import find_root
from vreid.data.listed import Listing, by_name, check_listed, need_list
from vreid.data.published import Count, count_notes, shared_notes
from vreid.data.sample import Sample, Split
from vreid.data.text import read_cells
from vreid.errors import DataError

_OBTAIN = "get it from its authors (https://qmul-vric.github.io) and unpack it here"
_PARTS = {"train": "train", "query": "probe", "gallery": "gallery"}
_PUBLISHED = {
    "train": Count(54_808, 2_811),
    "query": Count(2_811, 2_811),
    "gallery": Count(2_811, 2_811),
}


def load(root: Path) -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VRIC``::

        train_images/ probe_images/ gallery_images/    MVI_20011_016_img00105.jpg …
        vric_train.txt vric_probe.txt vric_gallery.txt one image a line: name, vehicle, camera

    60,430 images of 5,622 vehicles: 54,808 of 2,811 to train on; of each of the other 2,811 one
    query and one gallery image, by two of 120 cameras. A camera is a sequence of UA-DETRAC. For
    research only; not to be passed on.

    - The file's name says sequence, track and frame, not the vehicle.
    - One match a query: mAP is the mean of 1 / rank here and does not compare with that of other
      data sets.

    Args:
        root: The data set's folder.

    Raises:
        DataError: When a folder or file is missing, or a line cannot be used.
    """
    root = find_root(root, marker="vric_train.txt", nested=("VRIC", "vric"), obtain=_OBTAIN)
    listing = Listing(root)
    parts = {part: _read_part(root, stem, listing) for part, stem in _PARTS.items()}
    notes = [
        f"vric: no image of vric_{_PARTS[part]}.txt is here; {part} is left out"
        for part, samples in parts.items()
        if not samples
    ]
    if not any(parts.values()):
        raise DataError(f"{root}: holds no image of any list; unpack the images there")
    found = {sample.pid for sample in parts["gallery"]}
    for sample in parts["query"]:
        if sample.pid not in found:
            raise DataError(
                f"{root}: vehicle {sample.pid} of {sample.name} is not in the gallery; get the"
                " lists again"
            )
    notes += count_notes("vric", parts, _PUBLISHED)
    notes += shared_notes("vric", parts["train"], parts["gallery"])
    return Split("vric", **parts, notes=tuple(notes))


def _read_part(root: Path, stem: str, listing: Listing) -> tuple[Sample, ...]:
    path = need_list(root, [f"vric_{stem}.txt"], ["."])
    wanted = "an image's name, its vehicle and its camera"
    lines = read_cells(path, num_cells=(3,), wanted=wanted)
    named = by_name(lines, [f"{stem}_images/{line.cells[0]}" for line in lines])
    if not check_listed(named, listing):
        return ()
    return tuple(
        Sample(
            path=root / name,
            name=name,
            pid=line.integer(1, "vehicle"),
            camid=line.integer(2, "camera"),
        )
        for name, line in named.items()
    )
