"""Options of an attribute descent, checked as soon as they are given."""

from dataclasses import dataclass

from synthetic_aug.city.options import CityOptions
from synthetic_aug.descent_grid import GRID
from vreid.errors import ConfigError

CRITERIA = ("kernel", "frechet")


@dataclass(frozen=True)
class DescentOptions:
    """How attributes are searched.

    Attributes:
        search: Attributes that are moved, in this order.
        rounds: Over all of them, at most.
        criterion: Distance that decides, of `CRITERIA`.
        images: Rendered for a candidate, each of another vehicle; twice as many for the comparison
            at the end.
        image_size: Greatest length of their longer side in pixels.
        samples: Light paths per pixel.
        seed: Of the vehicles; the comparison takes the next one.
    """

    search: tuple[str, ...] = tuple(GRID)
    rounds: int = 2
    criterion: str = "kernel"
    images: int = 48
    image_size: int = 64
    samples: int = 9
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what `CityOptions` does not.

        Raises:
            ConfigError: Naming the flag, what was found and what may be given.
        """
        for name in self.search:
            if name not in GRID:
                raise ConfigError(f"--search has {name!r}; give some of {', '.join(GRID)}")
        if not self.search or len(set(self.search)) < len(self.search):
            raise ConfigError(f"--search is {','.join(self.search)!r}; give each attribute once")
        if self.criterion not in CRITERIA:
            raise ConfigError(f"--criterion is {self.criterion}; give {' or '.join(CRITERIA)}")
        for name, least in (("rounds", 1), ("images", 6)):
            if getattr(self, name) < least:
                raise ConfigError(f"--{name} is {getattr(self, name)}; give at least {least}")

    def city(self) -> CityOptions:
        """The city whose VehicleX part is a candidate's sample."""
        return CityOptions(
            seed=self.seed,
            vehiclex_images=self.images,
            image_size=self.image_size,
            samples=self.samples,
        )
