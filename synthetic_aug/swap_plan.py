"""What the offline swap draws: which images get another background, and which one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vreid.data.sample import UNKNOWN, Sample
from vreid.data.swap_sources import SwapSources
from vreid.errors import ConfigError
from vreid.options import InputOptions


@dataclass(frozen=True)
class SwapPlan:
    """What is drawn for all pictures.

    Attributes:
        copies: Pictures of each image.
        rate: Share of them that get another background.
        plates: Backgrounds of the image's camera, or of any.
        seed: Of what is drawn.
        feather: See `vreid.data.swap.swap_background`.
        color: The same.
        shadow: The same.
    """

    copies: int = 1
    rate: float = 0.6
    plates: Literal["camera", "any"] = "any"
    seed: int = 0
    feather: float = InputOptions.swap_feather
    color: float = InputOptions.swap_color
    shadow: float = InputOptions.swap_shadow

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ConfigError(f"--copies is {self.copies}; give at least 1")
        if self.seed < 0:
            raise ConfigError(f"--seed is {self.seed}; give at least 0")
        for name in ("rate", "feather", "color", "shadow"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; give a share in [0, 1]")


@dataclass(frozen=True)
class Picture:
    """A picture to write: of which image, before which plate, cut where."""

    idx: int
    target: Path
    plate: Path | None
    place: float


def draw_pictures(
    samples: Sequence[Sample], sources: SwapSources, plan: SwapPlan, targets: Sequence[Path]
) -> list[Picture]:
    """Draw what becomes of N images, ``plan.copies`` times: all of the first copy, and so on."""
    cameras = sources.plates.cameras
    everything = np.arange(len(cameras))
    groups = {UNKNOWN: everything[:0]}
    groups |= {int(camera): np.flatnonzero(cameras == camera) for camera in np.unique(cameras)}
    pictures = []
    for number, target in enumerate(targets):
        copy, idx = divmod(number, len(samples))
        generator = np.random.default_rng((plan.seed, copy, idx))
        wanted, place = generator.random() < plan.rate, float(generator.random())
        pool = everything if plan.plates == "any" else groups[int(sources.camera[idx])]
        plate = None
        if wanted and len(pool) and sources.sizes[idx, 0]:
            chosen = int(generator.choice(sources.others(idx, pool)))
            plate = Path(sources.plates.paths[chosen])
        pictures.append(Picture(idx, target, plate, place))
    return pictures
