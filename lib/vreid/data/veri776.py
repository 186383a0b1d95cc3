"""VeRi-776, vehicles seen by 20 surveillance cameras.

Xinchen Liu, Wu Liu, Tao Mei and Huadong Ma, "A Deep Learning-Based Approach to Progressive Vehicle
Re-identification for Urban Surveillance", ECCV 2016.
"""

import re
from pathlib import Path

from vreid.data.image_folder import find_root, ordered_images
from vreid.data.published import Count, count_notes, shared_notes
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.data.tracks_file import read_tracks
from vreid.data.veri_index import check_index
from vreid.data.xml_labels import Labels, read_labels
from vreid.errors import DataError

_OBTAIN = "ask its authors for it (https://github.com/JDAI-CV/VeRidataset) and unpack it here"
_PUBLISHED = {
    "train": Count(37_778, 576),
    "query": Count(1_678, 200),
    "gallery": Count(11_579, 200),
}
_NAME = re.compile(r"([0-9]{1,9})_c([0-9]{1,9})_[0-9]+_[0-9]+\.\w+")


def load(root: Path) -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VeRi``::

        image_train/ image_test/ image_query/         0002_c002_00030600_0.jpg: vehicle, camera, …
        name_train.txt name_test.txt name_query.txt   order; sorted names without them
        test_track.txt                                one tracklet a line; may be absent
        train_label.xml test_label.xml                colorID and typeID; may be absent
        gt_index.txt jk_index.txt                     matches and junk of each query, compared with
                                                      vehicles and cameras; may be absent

    37,778 images of 576 vehicles to train on, a gallery of 11,579 images of 200 vehicles, 1,678
    queries. For research only; the images are not to be passed on.

    - Vehicle and camera come from the file's name.
    - The queries are images of the gallery too (in another folder, so under another name): score
      with the junk rule, which leaves out images of the query's vehicle by the query's camera.
    - Colour and type are extras: an image that the label file leaves out keeps `UNKNOWN`.

    Args:
        root: The data set's folder.

    Raises:
        DataError: When a folder is missing, a list and its folder do not match, a file's name does
            not follow the pattern, or the lists of matches contradict vehicles and cameras.
    """
    root = find_root(root, marker="image_train", nested=("VeRi", "VeRi-776"), obtain=_OBTAIN)
    parts = {
        "train": _load_part(root, "train", labels=_read_attributes(root / "train_label.xml")),
        "query": _load_part(root, "query", labels=None),
        "gallery": _load_part(root, "test", labels=_read_attributes(root / "test_label.xml")),
    }
    notes = (
        *check_index(root, parts["query"], parts["gallery"]),
        *count_notes("veri776", parts, _PUBLISHED),
        *shared_notes("veri776", parts["train"], parts["gallery"]),
    )
    return Split("veri776", **parts, notes=notes)


def _read_attributes(file: Path) -> Labels | None:
    return read_labels(file) if file.exists() else None


def _load_part(root: Path, part: str, *, labels: Labels | None) -> tuple[Sample, ...]:
    folder = root / f"image_{part}"
    images = ordered_images(folder, root / f"name_{part}.txt")
    track_file = root / f"{part}_track.txt"
    tracks = read_tracks(track_file, images) if track_file.exists() else {}
    samples = []
    for image in images:
        match = _NAME.fullmatch(image)
        if match is None:
            raise DataError(
                f"{folder / image}: the name does not say vehicle and camera; expected a name such"
                " as 0002_c002_00030600_0.jpg"
            )
        labelled = labels is not None and image in labels.rows
        samples.append(
            Sample(
                path=folder / image,
                name=f"image_{part}/{image}",
                pid=int(match[1]),
                camid=int(match[2]),
                trackid=tracks.get(image, UNKNOWN),
                color=labels.integer(image, "colorID") if labels and labelled else UNKNOWN,
                type=labels.integer(image, "typeID") if labels and labelled else UNKNOWN,
            )
        )
    return tuple(samples)
