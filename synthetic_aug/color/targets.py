"""The target images, whole or by camera, and what is drawn from them for a source image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vreid.build_data import build_split
from vreid.config import load_config
from vreid.data.image_folder import list_images
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.files import hash_text
from vreid.image_distance import held_out_mask


@dataclass(frozen=True)
class Targets:
    """Target images in groups.

    Attributes:
        folder: Where they lie.
        groups: Camera -> file names, sorted; one group `UNKNOWN` where cameras do not count.
        seed: Of the draws.
    """

    folder: Path
    groups: Mapping[int, tuple[str, ...]]
    seed: int

    def names(self) -> list[str]:
        """All file names, sorted."""
        return sorted(name for names in self.groups.values() for name in names)

    def camera(self, name: str) -> int:
        """The group that a source image is brought to; it follows from (seed, name)."""
        cameras = sorted(self.groups)
        return cameras[int(self._generator(name).integers(len(cameras)))]

    def neighbour(self, name: str) -> Path:
        """One image of that group, drawn by (seed, name) too."""
        generator = self._generator(name)
        cameras = sorted(self.groups)
        names = self.groups[cameras[int(generator.integers(len(cameras)))]]
        return self.folder / names[int(generator.integers(len(names)))]

    def _generator(self, name: str) -> np.random.Generator:
        return np.random.default_rng(int(hash_text(f"{self.seed} {name}")[:15], 16))


def read_targets(
    folder: Path, *, seed: int, held_out: float = 0.0, recipe: Path | None = None
) -> Targets:
    """List the target images.

    Args:
        folder: Of images.
        seed: Of the draws and of what is held out.
        held_out: Share of the images, chosen by name, that is left out.
        recipe: A recipe whose ``data`` section is a data set with cameras, of which ``folder`` is
            an image folder; the images are grouped by its cameras then.

    Raises:
        DataError: When there are no images, none is left, or the data set says no camera of them.
    """
    names = list_images(folder)
    mask = held_out_mask(names, share=held_out, seed=seed)
    kept = [name for name, out in zip(names, mask, strict=True) if not out]
    if not kept:
        raise DataError(f"{folder}: all {len(names)} images are held out; lower --held-out")
    if recipe is None:
        return Targets(folder, {UNKNOWN: tuple(kept)}, seed)
    return Targets(folder, _by_camera(folder, kept, recipe), seed)


def _by_camera(folder: Path, names: Sequence[str], recipe: Path) -> dict[int, tuple[str, ...]]:
    split = build_split(load_config(recipe).data)
    home = folder.resolve()
    cameras = {
        sample.path.name: sample.camid
        for sample in (*split.train, *split.query, *split.gallery)
        if sample.camid != UNKNOWN and sample.path.parent.resolve() == home
    }
    groups: dict[int, list[str]] = {}
    for name in names:
        if name in cameras:
            groups.setdefault(cameras[name], []).append(name)
    if not groups:
        raise DataError(
            f"{recipe}: its data set {split.name} says the camera of none of the {len(names)}"
            f" images in {folder}; give the recipe of the data set that this folder belongs to, or"
            " leave --per-camera out"
        )
    return {camera: tuple(sorted(found)) for camera, found in sorted(groups.items())}
