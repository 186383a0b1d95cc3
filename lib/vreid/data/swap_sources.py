"""Which training images can get another background: their masks, and the plates to choose from.

Masks and plates lie in folders of their own, named after the images (`vreid.masks.mask_path`,
`vreid.data.swap_plates`). Both are looked up once, when a training starts: what is kept is compact
(half a kilobyte a mask), goes to worker processes as it is, and spares the reading of a PNG file
for each image, which takes longer than decoding a JPEG of the same size.
"""

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from vreid.data.images import ImageArray
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.swap import SHADOW_SIDE, ground_shadow, is_usable, shrunk_size, whole_mask
from vreid.data.swap_plates import Plates, camera_folder, list_plates, plate_name
from vreid.errors import DataError
from vreid.features import IntArray
from vreid.masks import mask_path, read_mask

_THREADS = 8  # at most, to read masks


def usable_mask(path: Path) -> ImageArray | None:
    """Read a mask (H, W) as the swap uses it: whole, 0 or 255; None when it cannot be used.

    Raises:
        DataError: See `vreid.masks.read_mask`.
    """
    mask = read_mask(path).astype(np.uint8) * np.uint8(255)
    return whole_mask(mask) if is_usable(mask) else None


def check_size(size: tuple[int, int], image: ImageArray, *, path: Path) -> None:
    """Refuse a mask of another height and width than its image, the file at ``path``.

    Raises:
        DataError: With both sizes.
    """
    if size != image.shape[:2]:
        sizes = [f"{shape[1]} x {shape[0]}" for shape in (size, image.shape)]
        raise DataError(
            f"{path}: its mask has {sizes[0]} pixels and the image {sizes[1]};"
            " make the masks of these images again"
        )


@dataclass(frozen=True)
class Origin:
    """Where the masks and plates of a part of the training images lie.

    Attributes:
        samples: The part, from its first to behind its last image.
        masks: Folder of masks.
        plates: Folder of plates.
        camid_shift: What was added to the numbers of its cameras when data sets were joined.
    """

    samples: slice
    masks: Path
    plates: Path
    camid_shift: int = 0


@dataclass(frozen=True)
class SwapSources:
    """Masks of N images and P plates.

    Attributes:
        sizes: (N, 2) height and width of each mask's file; 0 where there is none.
        side: Longest side at which masks are held, pixels; None for their own size.
        ends: (N,) where each mask ends in ``data``.
        data: The masks behind each other, each compressed together with its shadow.
        plates: What can be behind the vehicles.
        camera: (N,) number of each image's camera among those of the plates, or `UNKNOWN`.
        own: (N,) number of the plate that was made of the image itself, or `UNKNOWN`.
        num_missing: Images without a mask file.
        num_refused: Images whose mask cannot be one of a whole vehicle.
    """

    sizes: IntArray
    side: int | None
    ends: IntArray
    data: bytes
    plates: Plates
    camera: IntArray
    own: IntArray
    num_missing: int
    num_refused: int

    def mask(self, idx: int) -> ImageArray | None:
        """The mask of an image (h, w) as it is held, 0 to 255; None where there is none."""
        found = self.cut_out(idx)
        return None if found is None else found[0]

    def cut_out(self, idx: int) -> tuple[ImageArray, ImageArray] | None:
        """A mask and its `vreid.data.swap.ground_shadow`; None where there is none."""
        size = self.size(idx)
        if not size[0]:
            return None
        size = size if self.side is None else shrunk_size(size, self.side)
        start = int(self.ends[idx - 1]) if idx else 0
        both = np.frombuffer(zlib.decompress(self.data[start : self.ends[idx]]), np.uint8)
        num = size[0] * size[1]
        return both[:num].reshape(size), both[num:].reshape(shrunk_size(size, SHADOW_SIDE))

    def size(self, idx: int) -> tuple[int, int]:
        """Height and width of the mask's file, which are the image's; 0 where there is none."""
        height, width = self.sizes[idx].tolist()
        return height, width

    def others(self, idx: int, numbers: IntArray) -> IntArray:
        """Of some plates those that were not made of this image; itself where it is alone."""
        kept = numbers[numbers != self.own[idx]]
        return kept if len(kept) else numbers


def find_sources(
    samples: Sequence[Sample], origins: Sequence[Origin], *, side: int | None = None
) -> SwapSources:
    """Look up the masks and plates of training images.

    Args:
        samples: (N,) images.
        origins: Where theirs lie; images of no origin have none.
        side: Longest side at which masks are held, pixels; None for their own size.

    Raises:
        DataError: When there are no plates or no usable masks at all, or a mask cannot be read.
    """
    plates = list_plates(dict.fromkeys(origin.plates for origin in origins))
    numbers = {path: number for number, path in enumerate(plates.paths)}
    folders = {folder: number for number, folder in enumerate(plates.folders)}
    camera, own = np.full((2, len(samples)), UNKNOWN, dtype=np.int64)
    paths: list[Path | None] = [None] * len(samples)
    for origin in origins:
        for idx in range(*origin.samples.indices(len(samples))):
            sample = samples[idx]
            known = sample.camid != UNKNOWN
            folder = camera_folder(sample.camid - origin.camid_shift if known else UNKNOWN)
            place = origin.plates / folder
            camera[idx] = folders.get(str(place), UNKNOWN)
            for home in (place, origin.plates / camera_folder(UNKNOWN)):  # made without cameras
                own[idx] = numbers.get(str(home / plate_name(sample.path)), own[idx])
            paths[idx] = mask_path(origin.masks, sample.path)
    packed = _pack_all(paths, side)
    num_missing = sum(one is None for one in packed)
    num_refused = sum(one is not None and not one[1] for one in packed)
    if num_missing + num_refused == len(samples):
        first = next((path for path in paths if path is not None), None)
        raise DataError(
            f"none of the {len(samples)} training images has a mask that can be used:"
            f" {num_missing} have none (looked for {first}, …), {num_refused} one that is not of a"
            " whole vehicle; segment the images first, or name the folder of their masks"
        )
    sizes = np.array([one[0] if one else (0, 0) for one in packed], dtype=np.int64)
    data = [one[1] if one else b"" for one in packed]
    return SwapSources(
        sizes=sizes,
        side=side,
        ends=np.cumsum([len(one) for one in data]),
        data=b"".join(data),
        plates=plates,
        camera=camera,
        own=own,
        num_missing=num_missing,
        num_refused=num_refused,
    )


_Packed = tuple[tuple[int, int], bytes]  # height and width, data; no data: cannot be used


def _pack_all(paths: Sequence[Path | None], side: int | None) -> list[_Packed | None]:
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        packed = pool.map(partial(_pack, side=side), paths)
        return list(tqdm(packed, "masks", len(paths), unit="img", disable=None, leave=False))


def _pack(path: Path | None, *, side: int | None) -> _Packed | None:
    if path is None or not path.exists():
        return None
    mask = usable_mask(path)
    if mask is None:
        return (0, 0), b""
    size = (mask.shape[0], mask.shape[1])
    if side is not None:
        height, width = shrunk_size(size, side)
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        mask = np.asarray(small, dtype=np.uint8)  # grey along the edge
    return size, zlib.compress(mask.tobytes() + ground_shadow(mask).tobytes())
