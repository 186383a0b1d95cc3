"""The sizes of a city, checked as soon as they are given."""

from dataclasses import asdict, dataclass
from typing import Any

from vreid.errors import ConfigError
from vreid.files import hash_text

# Raised when the same options give other bytes than before: an old city is not taken for new.
FORMAT_VERSION = 1


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
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                flag = "--" + name.replace("_", "-")
                raise ConfigError(f"{flag} is {value}; give a value from {low} to {high}")

    def table(self) -> dict[str, Any]:
        """Options as plain values."""
        return asdict(self)

    def digest(self) -> str:
        """Hash of the options and of the format version."""
        lines = [f"{name}={value}" for name, value in sorted(self.table().items())]
        return hash_text("\n".join([f"format={FORMAT_VERSION}", *lines]))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Describe in words how two tables of options differ."""
    names = sorted(old.keys() | new.keys())
    return [
        f"{name} is {old.get(name)} there and {new.get(name)} here"
        for name in names
        if old.get(name) != new.get(name)
    ]
