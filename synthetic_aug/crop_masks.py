"""Masks, such as `synthetic_aug.segment` writes, as a source of boxes."""

import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_aug.crop_boxes import Found, find_mask_box, whole_box
from synthetic_aug.crop_source import Parts, Seen
from vreid.config import load_config
from vreid.data.images import read_image
from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.files import hash_file, hash_text
from vreid.masks import check_unique_masks, failures_path, mask_path, read_mask
from vreid.options import Config
from vreid.tables import read_text

_BATCH = 64  # images in memory at once
_MISSING = "no mask"


@dataclass(frozen=True)
class MaskCropper:
    """What makes boxes from masks.

    Attributes:
        config: The recipe whose data set is cropped.
        masks: Root of the masks.
        margin: See `find_mask_box`.
    """

    config: Config
    masks: Path
    margin: float

    @classmethod
    def load(
        cls, masks: Path, *, data: Path, overrides: Sequence[str], margin: float
    ) -> "MaskCropper":
        """Read the options of a recipe.

        Raises:
            DataError: When there is no such folder of masks.
        """
        if not masks.is_dir():
            raise DataError(
                f"{masks}: no such folder of masks; make them with python -m synthetic_aug.segment"
            )
        return cls(load_config(data, overrides), masks, margin)

    def select(self, parts: Parts) -> Parts:
        """Those parts of a data set of which an image has a mask; the others are told.

        Raises:
            DataError: When there is none, or two images would have one mask.
        """
        check_unique_masks([sample.path for samples in parts.values() for sample in samples])
        kept = {
            name: samples
            for name, samples in parts.items()
            if any(mask_path(self.masks, sample.path).exists() for sample in samples)
        }
        for name, samples in parts.items():
            if name in kept:
                continue
            looked = mask_path(self.masks, samples[0].path)
            text = f"none of the {len(samples)} {name} images has a mask (looked for {looked}, …)"
            if not kept:
                root = self.config.data.root
                raise DataError(f"{self.masks}: {text}; are these the masks of {root}?")
            print(f"{self.masks}: {text}; no boxes are written for them")
        return kept

    def facts(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """What makes the boxes beside the images."""
        lines = []
        for sample in samples:
            path = mask_path(self.masks, sample.path)
            lines.append(hash_file(path) if path.exists() else self._reasons.get(path, _MISSING))
        return {"masks_sha256": hash_text("\n".join(lines)), "margin": self.margin}

    def look(self, samples: Sequence[Sample]) -> Iterator[Seen]:
        """Each image with its mask and box.

        Raises:
            DataError: When an image or a mask cannot be read, or a mask has another size.
        """
        with ThreadPoolExecutor(max(1, self.config.solver.num_workers)) as pool:
            for first in range(0, len(samples), _BATCH):
                yield from pool.map(self._look, samples[first : first + _BATCH])

    def _look(self, sample: Sample) -> Seen:
        image = read_image(sample.path)
        size = (image.shape[0], image.shape[1])
        path = mask_path(self.masks, sample.path)
        if not path.exists():
            found = Found(whole_box(size), size, self._reasons.get(path, _MISSING))
            return Seen(sample, image, np.zeros(size, dtype=np.float32), found)
        mask = read_mask(path, size)
        found = find_mask_box(mask, margin=self.margin)
        return Seen(sample, image, mask.astype(np.float32), found)

    @cached_property
    def _reasons(self) -> dict[Path, str]:
        """Where a mask would lie -> why it could not be made, of the lists beside the masks."""
        reasons: dict[Path, str] = {}
        for listed in sorted(self.masks.glob(failures_path(Path(), "*").name)):
            for row in csv.DictReader(io.StringIO(read_text(listed), newline="")):
                if row.get("path") and row.get("reason"):
                    reasons[mask_path(self.masks, Path(row["path"]))] = row["reason"]
        return reasons
