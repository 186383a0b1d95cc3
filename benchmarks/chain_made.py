"""Made features of a challenge's test set: vehicles that pass cameras in tracklets, several models.

Every gallery image belongs to a tracklet: one vehicle passing one camera. Its feature is the place
of its vehicle, plus a vector of its camera's own (the camera bias), plus what the images of its
tracklet share (the view), plus what differs from image to image, scaled to length 1; see
`benchmarks.features_made`. Members see the same images in spaces of their own. The classifiers'
features hold a camera or an angle and noise. Scenes never mix: the cameras 41 to 46 and the others
share no vehicle. A vehicle's queries are seen by cameras that its tracklets are not of.

CityFlowV2's numbers of images, vehicles and cameras; its tracklets' number is not published and is
taken from the edition of 2020, which has 798 for 18,290 images, 23 each.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.features_made import BLOCK, CAMERA, LATENT, REST, gaussian
from vreid.data.sample import UNKNOWN
from vreid.errors import ConfigError
from vreid.features import Features, FloatArray, IntArray
from vreid.files import write_text

NUM_QUERY, NUM_GALLERY, NUM_IDS = 1103, 31238, 440
SCENES = ((1, 40), (41, 46))  # first and last camera
TRACK_IMAGES = 23  # on average
VIEW, IMAGE = 0.9, 0.6  # lengths of what a tracklet shares and of what an image has alone
NUM_ANGLES = 36
CAMERA_ACCURACY = 0.95  # of the camera classifier's predictions
HEIGHTS = (80, 120, 180, 240)  # of the images, whose widths are 1.2 times as much


@dataclass(frozen=True)
class Scenery:
    """Who is where: queries first, then the gallery.

    Attributes:
        num_query: Q.
        pids, camids, trackids: (Q + G,) int64; queries belong to no tracklet.
        angles: (Q + G,) int64 bins of the orientation.
    """

    num_query: int
    pids: IntArray
    camids: IntArray
    trackids: IntArray
    angles: IntArray

    def names(self) -> tuple[str, ...]:
        """Q + G names, numbered from 1 in each folder."""
        sides = (("query", self.num_query), ("test", len(self.pids) - self.num_query))
        return tuple(
            f"image_{side}/{number:06}.jpg"
            for side, count in sides
            for number in range(1, count + 1)
        )


def make_scenery(scale: float = 1.0, *, seed: int = 0) -> Scenery:
    """Draw vehicles, cameras and tracklets.

    Args:
        scale: Share of CityFlowV2's images, in (0, 1].
        seed: Of all random numbers.

    Raises:
        ConfigError: For a scale out of range, or with fewer than 10 vehicles.
    """
    num_ids = round(NUM_IDS * scale)
    if not 10 <= num_ids <= NUM_IDS:
        raise ConfigError(f"scale is {scale}; expected a number in [{10 / NUM_IDS:.3f}, 1]")
    generator = np.random.default_rng([seed, num_ids])
    num_query, num_gallery = round(NUM_QUERY * scale), round(NUM_GALLERY * scale)
    num_tracks = max(num_ids, num_gallery // TRACK_IMAGES)
    lengths = _lengths(num_gallery, num_tracks, generator)  # (T,)
    owners = generator.permutation(np.arange(num_tracks) % num_ids)  # (T,) vehicles
    seen = [_cameras(vehicle, generator) for vehicle in range(num_ids)]
    passed = [0] * num_ids
    track_cams = np.empty(num_tracks, dtype=np.int64)
    for track, owner in enumerate(owners):
        track_cams[track] = seen[owner][passed[owner] % (len(seen[owner]) - 2)]
        passed[owner] += 1
    used = np.unique(track_cams)
    query_pids = np.arange(num_query) % num_ids
    query_cams = np.array([_query_camera(seen[pid], used, generator) for pid in query_pids])
    track_of = np.repeat(np.arange(num_tracks), lengths)[generator.permutation(num_gallery)]
    track_angles = generator.integers(0, NUM_ANGLES, num_tracks)
    return Scenery(
        num_query=num_query,
        pids=np.concatenate([query_pids, owners[track_of]]).astype(np.int64),
        camids=np.concatenate([query_cams, track_cams[track_of]]).astype(np.int64),
        trackids=np.concatenate([np.full(num_query, UNKNOWN), track_of]).astype(np.int64),
        angles=np.concatenate(
            [generator.integers(0, NUM_ANGLES, num_query), track_angles[track_of]]
        ).astype(np.int64),
    )


def _lengths(num_images: int, num_tracks: int, generator: np.random.Generator) -> IntArray:
    """(T,) images of each tracklet, at least 2 and some many times as many as others."""
    shares = generator.gamma(2.0, size=num_tracks)
    spare = num_images - 2 * num_tracks
    lengths = 2 + np.floor(spare * shares / shares.sum()).astype(np.int64)
    lengths[: num_images - int(lengths.sum())] += 1
    return np.asarray(lengths, dtype=np.int64)


def _cameras(vehicle: int, generator: np.random.Generator) -> IntArray:
    """The cameras that see a vehicle, six of one scene; one vehicle in six is in the second."""
    low, high = SCENES[vehicle % 6 == 5]
    return np.asarray(generator.permutation(np.arange(low, high + 1))[:6], dtype=np.int64)


def _query_camera(seen: IntArray, used: IntArray, generator: np.random.Generator) -> int:
    """One of the last two cameras that see a vehicle, or of those of its scene in the gallery."""
    free = np.intersect1d(seen[-2:], used)
    if not len(free):
        scene = next((low, high) for low, high in SCENES if low <= seen[0] <= high)
        free = used[(used >= scene[0]) & (used <= scene[1])]
    return int(generator.choice(free))


def write_member(scenery: Scenery, folder: Path, *, dim: int = 2048, seed: int = 0) -> None:
    """Write ``query.npz`` and ``gallery.npz`` as a vehicle model would."""
    generator = np.random.default_rng([seed, dim, 1])
    latent = min(LATENT, dim)
    axes = gaussian(generator, latent, dim, length=1.0)  # (L, D)
    vehicles = gaussian(generator, int(scenery.pids.max()) + 1, latent, length=1.0)
    views = gaussian(generator, int(scenery.trackids.max()) + 1, latent, length=VIEW)
    cameras = gaussian(generator, int(scenery.camids.max()) + 1, dim, length=CAMERA)
    feats = np.empty((len(scenery.pids), dim), dtype=np.float32)
    for start in range(0, len(feats), BLOCK):
        rows = slice(start, min(start + BLOCK, len(feats)))
        num = rows.stop - start
        places = vehicles[scenery.pids[rows]] + gaussian(generator, num, latent, length=IMAGE)
        tracks = scenery.trackids[rows]
        alone = gaussian(generator, num, latent, length=VIEW)
        places += np.where((tracks == UNKNOWN)[:, None], alone, views[tracks])
        feats[rows] = places @ axes + cameras[scenery.camids[rows]]
        feats[rows] += gaussian(generator, num, dim, length=REST)
    _save(scenery, feats, folder, {})


def write_classifier(
    scenery: Scenery, labels: IntArray, folder: Path, *, dim: int = 2048, seed: int = 0
) -> None:
    """Write features that hold a label and noise, with predictions of which most are right."""
    generator = np.random.default_rng([seed, dim, 2])
    num_classes = int(labels.max()) + 1
    classes = gaussian(generator, num_classes, dim, length=1.0)
    feats = gaussian(generator, len(labels), dim, length=0.5)
    feats += classes[labels]
    wrong = generator.random(len(labels)) > CAMERA_ACCURACY
    predicted = np.where(wrong, generator.choice(labels, len(labels)), labels)
    _save(scenery, feats, folder, {"predicted": predicted})


def _save(scenery: Scenery, feats: FloatArray, folder: Path, columns: dict[str, IntArray]) -> None:
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    names, num_query = scenery.names(), scenery.num_query
    for part, rows in (("query", slice(0, num_query)), ("gallery", slice(num_query, None))):
        Features(
            names=names[rows],
            feats=feats[rows],
            pids=np.full(len(names[rows]), UNKNOWN),
            camids=scenery.camids[rows],
            trackids=scenery.trackids[rows],
            meta={key: values[rows].tolist() for key, values in columns.items()},
        ).save(folder / f"{part}.npz")


def write_lists(scenery: Scenery, folder: Path) -> None:
    """Write the lists of names, and ``query.csv`` and ``gallery.csv`` with the identities."""
    names, num_query = scenery.names(), scenery.num_query
    for part, rows in (("query", slice(0, num_query)), ("gallery", slice(num_query, None))):
        write_text(folder / f"{part}_names.txt", "".join(f"{name}\n" for name in names[rows]))
        triples = zip(names[rows], scenery.pids[rows], scenery.camids[rows], strict=True)
        lines = [f"{name},{pid},{camid}" for name, pid, camid in triples]
        write_text(folder / f"{part}.csv", "name,vehicle_id,camera_id\n" + "\n".join(lines) + "\n")


def write_images(scenery: Scenery, root: Path) -> None:
    """Write a data set in the challenge's layout; images of a size are one file with many names."""
    originals = [_write_jpeg(root / f"{height}.jpg", height) for height in HEIGHTS]
    train = root / "image_train"
    train.mkdir(parents=True)
    os.link(originals[0], train / "000001.jpg")
    item = '<Item imageName="000001.jpg" vehicleID="0001" cameraID="c001"/>'
    write_text(
        root / "train_label.xml", f"<TrainingImages><Items>{item}</Items></TrainingImages>\n"
    )
    names = scenery.names()
    for folder in ("image_query", "image_test"):
        (root / folder).mkdir()
    for number, name in enumerate(names):
        os.link(originals[number % len(originals)], root / name)
    for part, own in (
        ("query", names[: scenery.num_query]),
        ("test", names[scenery.num_query :]),
    ):
        _write_names(root / f"name_{part}.txt", own)


def _write_names(path: Path, names: Sequence[str]) -> None:
    write_text(path, "".join(f"{name.rsplit('/', 1)[-1]}\n" for name in names))


def _write_jpeg(path: Path, height: int) -> Path:
    """A picture of blotches, about as hard to decode as one of a vehicle."""
    generator = np.random.default_rng(height)
    coarse = generator.integers(0, 256, (height // 8, height * 6 // 40, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (height * 6 // 5, height), interpolation=cv2.INTER_CUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    return path
