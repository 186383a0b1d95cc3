"""The sizes of a city, checked as soon as they are given."""

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any

from synthetic_aug.city.attributes import parse_attributes
from vreid.errors import ConfigError
from vreid.files import hash_text

# Raised when the same options give other bytes than before: an old city is not taken for new.
FORMAT_VERSION = 1

# Options that the first cities did not have.
_SHARES = ("variety", "liveries", "dirt", "night", "rain", "motion", "occluders")
_LATER = frozenset({*_SHARES, "shift", "distinct", "sweep", "attributes"})

# Attributes of a sweep and the most levels of each.
SWEEP_LIMITS = {
    "orientation": 360, "light": 8, "height": 9, "distance": 9, "model": 999, "color": 11,
}  # fmt: skip
_MOST_SWEPT = 99999


@dataclass(frozen=True)
class CityOptions:
    """Everything that determines the bytes of a city.

    Attributes:
        seed: of every random choice, at least 0.
        train_vehicles: vehicles in ``image_train``, at least 2.
        test_vehicles: vehicles in ``image_query`` and ``image_test``, at least 2, all others.
        cameras: at least 3, at most 99.
        frames: pictures of one passage, at least 1.
        image_size: greatest length of the longer side in pixels before digital zoom, 32 to 512.
        samples: light paths per pixel, a square number gives the least noise.
        lookalikes: share of vehicles that have a twin of the same model and paint, in [0, 1].
        occluded: share of passages in which something stands in front of the vehicle, in [0, 1].
        vehiclex_images: pictures in the VehicleX layout; 0 for none.
        variety: share of vehicles of further body types, two-wheelers among them, in [0, 1].
        liveries: share of vehicles in the livery of a fleet or taxi, in [0, 1].
        dirt: how dirty the dirtiest vehicles are, in [0, 1].
        night: share of cameras that film at night, in [0, 1].
        rain: share of cameras in rain, in [0, 1].
        motion: share of passages with a vehicle smeared by its own speed, in [0, 1].
        occluders: share of passages with leaves, a sign, a railing or a lorry in front, in [0, 1].
        shift: number of another style of city, 0 for the plain one.
        distinct: draw vehicles until no two look alike but for declared look-alikes.
        sweep: grid of attributes for the VehicleX part, such as ``orientation=8,light=3``; empty
            for random ones.
        attributes: means of the VehicleX part's distributions, such as ``height=6,distance=18``, as
            `synthetic_aug.city.attributes` reads them; empty for the renderer's own.

    From ``variety`` on they came later: left at their defaults, the city is the one of old, to the
    byte, and its record does not name them.
    """

    seed: int = 0
    train_vehicles: int = 100
    test_vehicles: int = 60
    cameras: int = 8
    frames: int = 4
    image_size: int = 96
    samples: int = 9
    lookalikes: float = 0.25
    occluded: float = 0.2
    vehiclex_images: int = 480
    variety: float = 0.0
    liveries: float = 0.0
    dirt: float = 0.0
    night: float = 0.0
    rain: float = 0.0
    motion: float = 0.0
    occluders: float = 0.0
    shift: int = 0
    distinct: bool = False
    sweep: str = ""
    attributes: str = ""

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ConfigError: Naming the flag, the value found and the range.
        """
        ranges: dict[str, tuple[float, float]] = {
            "seed": (0, 2**31 - 1),
            "train_vehicles": (2, 9999),
            "test_vehicles": (2, 9999),
            "cameras": (3, 99),
            "frames": (1, 20),
            "image_size": (32, 512),
            "samples": (1, 1024),
            "lookalikes": (0, 1),
            "occluded": (0, 1),
            "vehiclex_images": (0, 99999),
            "shift": (0, 9999),
        }
        ranges |= dict.fromkeys(_SHARES, (0, 1))
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                flag = "--" + name.replace("_", "-")
                raise ConfigError(f"{flag} is {value}; give a value from {low} to {high}")
        named = parse_attributes(self.attributes).text()
        if sweep_levels(self.sweep) and named:
            raise ConfigError(
                "--sweep and --attributes both say how VehicleX's part looks; give one"
            )

    def table(self) -> dict[str, Any]:
        """Options as plain values, those of `_LATER` only where they are not the defaults."""
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in _LATER or value != defaults[name]
        }

    def digest(self) -> str:
        """Hash of the options and of the format version."""
        lines = [f"{name}={value}" for name, value in sorted(self.table().items())]
        return hash_text("\n".join([f"format={FORMAT_VERSION}", *lines]))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Describe in words how two tables of options differ; what is not named has its default."""
    names = sorted(old.keys() | new.keys())
    defaults = {field.name: field.default for field in fields(CityOptions)}
    before, here = defaults | old, defaults | new
    return [
        f"{name} is {before.get(name)} there and {here.get(name)} here"
        for name in names
        if before.get(name) != here.get(name)
    ]


def sweep_levels(text: str) -> dict[str, int]:
    """Read a sweep such as ``orientation=8,light=3``: levels of each attribute, 1 unless named.

    An empty text is no sweep and gives an empty table.

    Raises:
        ConfigError: Naming the part that is wrong, or when there are too many pictures.
    """
    if not text.strip():
        return {}
    levels = dict.fromkeys(SWEEP_LIMITS, 1)
    for part in text.split(","):
        name, _, count = (word.strip() for word in part.partition("="))
        if name not in SWEEP_LIMITS or not count.isdigit():
            raise ConfigError(
                f"--sweep has {part.strip()!r}; give attribute=levels with attributes from "
                f"{', '.join(SWEEP_LIMITS)}, separated by commas"
            )
        if not 1 <= int(count) <= SWEEP_LIMITS[name]:
            raise ConfigError(
                f"--sweep asks for {count} levels of {name}; give 1 to {SWEEP_LIMITS[name]}"
            )
        levels[name] = int(count)
    total = prod(levels.values())
    if total > _MOST_SWEPT:
        raise ConfigError(f"--sweep makes {total} pictures; ask for {_MOST_SWEPT} at most")
    return levels
