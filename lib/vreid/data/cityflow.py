"""CityFlow-ReID and CityFlowV2-ReID, the data set of the AI City Challenge, Track 2.

Zheng Tang, Milind Naphade, Ming-Yu Liu and others, "CityFlow: A City-Scale Benchmark for
Multi-Target Multi-Camera Vehicle Tracking and Re-Identification", CVPR 2019, arXiv:1903.09254.
"""

from pathlib import Path

from vreid.data.cityflow_split import read_split
from vreid.data.image_folder import check_same_names, find_root, list_images, ordered_images
from vreid.data.published import Count, count_notes
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.data.tracks_file import read_tracks
from vreid.data.xml_labels import Labels, read_labels
from vreid.errors import DataError

_OBTAIN = (
    "ask for it with the data request form of https://www.aicitychallenge.org (Track 2) and unpack"
    " it here"
)
_EDITIONS = {
    "cityflow (2019, 2020)": {
        "train": Count(36_935, 333),
        "query": Count(1_052),
        "gallery": Count(18_290),
    },
    "cityflow (2021)": {
        "train": Count(52_717, 440),
        "query": Count(1_103),
        "gallery": Count(31_238),
    },
}


def load(root: Path, *, split: str = "") -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``AIC21_Track2_ReID`` (also nested once more)::

        image_train/ image_test/ image_query/   000001.jpg …, numbered from 1 in each folder
        train_label.xml                         imageName, vehicleID, cameraID
        query_label.xml test_label.xml          imageName, cameraID; absent in the 2020 edition
        name_query.txt name_test.txt            the order that a submission counts in
        train_track.txt test_track.txt          one tracklet a line; may be absent
                                                (train_track_id.txt … in older editions)

    ======================  ===============  ============  =======
    edition                 train            test          query
    ======================  ===============  ============  =======
    2019, 2020 (CityFlow)   36,935 (333)     18,290 (333)  1,052
    2021 (CityFlowV2-ReID)  52,717 (440)     31,238 (440)  1,103
    ======================  ===============  ============  =======

    in images (vehicles), from 40 and 46 cameras; a copy that differs is compared with the edition
    that it differs least from. The licence allows research only, forbids passing the images on, and
    has to be signed.

    - The challenge keeps the identities of its test set: pids of query and gallery are `UNKNOWN`.
    - A copy with neither ``image_query`` nor ``image_test`` is a training set alone.
    - Tracklets are numbered from 0 in each folder; queries belong to none.
    - With ``split`` the parts are those of the files in that folder, see
      `vreid.data.cityflow_split`: all images are training images of the challenge, with identities,
      and so are their tracklets (the test set's tracklets name other images by the same numbers).

    Args:
        root: The data set's folder.
        split: Folder of a split of the training images, from the data set's folder or as an
            absolute path; empty for the challenge's own parts.

    Raises:
        DataError: When a file or folder is missing, or labels and images do not match.
    """
    root = find_root(
        root, marker="image_train", nested=("AIC21_Track2_ReID", "AIC20_ReID"), obtain=_OBTAIN
    )
    train = _load_train(root)
    if split:
        return read_split(root / split, train)
    parts = {part: (root / f"image_{part}").is_dir() for part in ("query", "test")}
    query: tuple[Sample, ...] = ()
    gallery: tuple[Sample, ...] = ()
    if any(parts.values()):
        for part, present in parts.items():
            if not present:
                raise DataError(
                    f"{root / f'image_{part}'}: no such folder, although there is the other half of"
                    " the test set; unpack the data set again"
                )
        query = _load_test(root, "query")
        gallery = _load_test(root, "test")
    found = {"train": train, "query": query, "gallery": gallery}
    editions = (count_notes(name, found, counts) for name, counts in _EDITIONS.items())
    notes = min(editions, key=len)
    return Split("cityflow", **found, notes=notes)


def _load_train(root: Path) -> tuple[Sample, ...]:
    images = list_images(root / "image_train")
    labels = read_labels(root / "train_label.xml")
    check_same_names(labels.rows, images, source=labels.path, folder=root / "image_train")
    tracks = _read_tracks(root, "train", images)
    return tuple(
        Sample(
            path=root / "image_train" / image,
            name=f"image_train/{image}",
            pid=labels.integer(image, "vehicleID"),
            camid=labels.integer(image, "cameraID"),
            trackid=tracks.get(image, UNKNOWN),
        )
        for image in images
    )


def _load_test(root: Path, part: str) -> tuple[Sample, ...]:
    folder = root / f"image_{part}"
    images = ordered_images(folder, root / f"name_{part}.txt")
    labels: Labels | None = None
    if (root / f"{part}_label.xml").exists():
        labels = read_labels(root / f"{part}_label.xml")
        check_same_names(labels.rows, images, source=labels.path, folder=folder)
    tracks = _read_tracks(root, part, images)
    return tuple(
        Sample(
            path=folder / image,
            name=f"image_{part}/{image}",
            camid=UNKNOWN if labels is None else labels.integer(image, "cameraID"),
            trackid=tracks.get(image, UNKNOWN),
        )
        for image in images
    )


def _read_tracks(root: Path, part: str, images: list[str]) -> dict[str, int]:
    for file in (root / f"{part}_track.txt", root / f"{part}_track_id.txt"):
        if file.exists():
            return read_tracks(file, images)
    return {}
