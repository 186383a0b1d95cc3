"""Options of the colour methods."""

from dataclasses import dataclass
from typing import Literal, get_args

from vreid.errors import ConfigError

Method = Literal["reinhard", "fda", "histogram"]
Statistics = Literal["", "set", "image"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class ColorOptions:
    """What is changed, and after which statistics.

    Attributes:
        method: ``reinhard``, ``fda`` or ``histogram``.
        source_statistics: ``set`` changes all source images by one map, so that differences among
            them (of paint, say) stay; ``image`` brings each image itself to the target's
            statistics. Empty: set, and image for ``fda``, which knows nothing else.
        target_statistics: ``set`` takes the whole target set, or the drawn camera's images;
            ``image`` one drawn target image. Empty: as for the source.
        beta: ``fda`` only: half the window's side as a share of the image's shorter side; see
            `fourier_adapt` for what large ones do.
        held_out: Share of the target images, chosen by name, that are not looked at, so that a
            distance can be measured on them (`vreid.image_distance.held_out_mask`).
        seed: Of what is drawn and held out.
    """

    method: Method = "reinhard"
    source_statistics: Statistics = ""
    target_statistics: Statistics = ""
    beta: float = 0.01
    held_out: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every option.

        Raises:
            ConfigError: Naming the flag, the value found and what is needed.
        """
        if self.method not in METHODS:
            raise ConfigError(f"--method is {self.method!r}; one of {', '.join(METHODS)} is needed")
        for key in ("source_statistics", "target_statistics"):
            value, flag = getattr(self, key), "--" + key.replace("_", "-")
            if value not in get_args(Statistics):
                raise ConfigError(f"{flag} is {value!r}; set or image is needed")
            if self.method == "fda" and value == "set":
                raise ConfigError(f"{flag} is set; fda works from image to image, leave it out")
        if not 0 <= self.beta <= 0.5:
            raise ConfigError(f"--beta is {self.beta}; give a share from 0 to 0.5")
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"--held-out is {self.held_out}; give a share in [0, 1)")

    @property
    def one_map(self) -> bool:
        """Whether all source images are changed by one map."""
        return (self.source_statistics or self._usual) == "set"

    @property
    def whole_target(self) -> bool:
        """Whether the statistics wanted are those of a set and not of one image."""
        return (self.target_statistics or self._usual) == "set"

    @property
    def _usual(self) -> Statistics:
        return "image" if self.method == "fda" else "set"
