"""The door to the background swap: which data set brings which masks and plates."""

from collections.abc import Sequence
from pathlib import Path

from vreid.data.sample import UNKNOWN, Sample
from vreid.data.swap_online import MASK_SIDE, BackgroundSwap
from vreid.data.swap_sources import Origin, find_sources
from vreid.errors import ConfigError
from vreid.options import Config


def build_swap(config: Config, samples: Sequence[Sample]) -> BackgroundSwap | None:
    """The background swap of a training, for which all masks are read; None when it is off.

    Args:
        config: The options of this training.
        samples: Its images; those of ``extra`` stand behind the others and are named after it.

    Raises:
        ConfigError: When no data set names its masks and plates.
        DataError: When there are none, or a mask cannot be read.
    """
    options = config.input
    if options.swap == 0:
        return None
    origins = _swap_origins(config, samples)
    if not origins:
        raise ConfigError(
            f"input.swap is {options.swap}, but data.masks is {config.data.masks!r} and data.plates"
            f" {config.data.plates!r}; name both folders, or set input.swap 0"
        )
    return BackgroundSwap(
        find_sources(samples, origins, side=MASK_SIDE),
        prob=options.swap,
        same_camera=options.swap_plates == "camera",
        feather=options.swap_feather,
        color=options.swap_color,
        shadow=options.swap_shadow,
    )


def _swap_origins(config: Config, samples: Sequence[Sample]) -> list[Origin]:
    """Which images belong to which data set, as `vreid.data.joined.join_training` put them."""
    sets = [("", config.data), *((f"{name}/", data) for name, data in config.extra.items())]
    starts = [0]
    for prefix, _ in sets[1:]:
        found = (idx for idx, one in enumerate(samples) if one.name.startswith(prefix))
        starts.append(next((idx for idx in found if idx >= starts[-1]), len(samples)))
    origins = []
    for (_, data), start, stop in zip(sets, starts, [*starts[1:], len(samples)], strict=True):
        if data.masks and data.plates:
            shift = 1 + max((one.camid for one in samples[:start]), default=UNKNOWN)
            origins.append(
                Origin(slice(start, stop), Path(data.masks), Path(data.plates), camid_shift=shift)
            )
    return origins
