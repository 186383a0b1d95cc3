"""Distributions of the attributes of the pictures in VehicleX's layout, as one line of text.

Yao et al., "Simulating Content Consistent Vehicle Datasets with Attribute Descent", ECCV 2020
(arXiv 1912.08855): orientation is drawn from a mixture of Gaussians, light, camera height and
distance from one each; the means are free and the spreads fixed. Here an attribute that is not
named keeps the renderer's own draws, and everything else in a picture stays the same whatever is
named, so that two distributions are compared on the same vehicles in the same places.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from synthetic_aug.city.cameras import Camera, Pose
from vreid.errors import ConfigError, DataError
from vreid.files import read_json

FILE_FORMAT = 1

# Least and greatest mean, and the spread around it. Orientation and direction in degrees, height
# and distance in metres; strength is a factor that all pictures share.
LIMITS: dict[str, tuple[float, float]] = {
    "orientation": (0, 360),
    "direction": (0, 360),
    "strength": (0.2, 4),
    "height": (1, 30),
    "distance": (6, 60),
}
SPREADS = {"orientation": 25.0, "direction": 25.0, "height": 1.0, "distance": 1.5}
MOST_MEANS = 6  # of the mixture: a vehicle's pictures in VehicleX's layout


@dataclass(frozen=True)
class Attributes:
    """Means of the distributions; what is empty keeps the renderer's own draws.

    Attributes:
        orientation: of the mixture, whose parts have equal shares; empty for uniform.
        direction: of the sun, counter-clockwise seen from above, as the vehicle sees it from the
            camera's direction: 0 behind the camera, 180 behind the vehicle.
        strength: of the light, a factor of the pictures' brightness.
        height: of the camera.
        distance: of the camera from the vehicle, on the ground.
    """

    orientation: tuple[float, ...] = ()
    direction: float | None = None
    strength: float | None = None
    height: float | None = None
    distance: float | None = None

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ConfigError: Naming the attribute, the value found and the range.
        """
        if len(self.orientation) > MOST_MEANS:
            raise ConfigError(
                f"attributes: {len(self.orientation)} means of orientation; give {MOST_MEANS} at"
                " most"
            )
        for name, (low, high) in LIMITS.items():
            given = getattr(self, name)
            for value in given if isinstance(given, tuple) else () if given is None else (given,):
                if not low <= value <= high:
                    raise ConfigError(
                        f"attributes: {name} is {value:g}; give a mean from {low:g} to {high:g}"
                    )

    def text(self) -> str:
        """Such as ``orientation=0/180,height=6``; `parse_attributes` of it gives equal ones."""
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple) and value:
                parts.append(f"{field.name}={'/'.join(f'{mean:g}' for mean in value)}")
            elif not isinstance(value, tuple) and value is not None:
                parts.append(f"{field.name}={value:g}")
        return ",".join(parts)


def parse_attributes(text: str) -> Attributes:
    """Attributes from their text; an empty one names none.

    Raises:
        ConfigError: Naming the part that is wrong.
    """
    found: dict[str, tuple[float, ...]] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, values = (word.strip() for word in part.partition("="))
        try:
            means = tuple(float(value) for value in values.split("/"))
        except ValueError:
            means = ()
        single = name != "orientation" and len(means) != 1
        if name not in LIMITS or not means or single or name in found:
            raise ConfigError(
                f"attributes have {part.strip()!r}; give attribute=mean, each once, with attributes"
                f" from {', '.join(LIMITS)}, separated by commas; orientation=mean/mean for several"
            )
        found[name] = means
    first = {name: means[0] for name, means in found.items() if name != "orientation"}
    return Attributes(
        found.get("orientation", ()),
        first.get("direction"),
        first.get("strength"),
        first.get("height"),
        first.get("distance"),
    )


def read_attributes(path: Path) -> str:
    """The text in a file that `synthetic_aug.descent` wrote.

    Raises:
        DataError: When it is missing or no such file.
        ConfigError: When the text in it is wrong.
    """
    found = read_json(path)
    text = found.get("attributes") if isinstance(found, dict) else None
    if not isinstance(text, str) or found.get("format") != FILE_FORMAT:
        raise DataError(
            f"{path}: holds no attributes of format {FILE_FORMAT}; give a file that"
            " synthetic_aug.descent wrote"
        )
    return parse_attributes(text).text()


def moved_camera(
    attributes: Attributes, camera: Camera, pose: Pose, rng: np.random.Generator
) -> Camera:
    """A camera of one synthetic picture, moved and lit as the attributes say.

    It keeps its bearing from the vehicle, and the vehicle its orientation towards it.

    Args:
        attributes: the distributions.
        camera: as the renderer drew it; it looks at the vehicle.
        pose: of the vehicle.
        rng: draws around the means, the same numbers whatever is named.
    """
    near, far, turn = rng.standard_normal(3)
    across, along = (camera.position[axis] - (pose.x, pose.y)[axis] for axis in (0, 1))
    distance, height = float(np.hypot(across, along)), camera.position[2]
    bearing = float(np.arctan2(along, across))
    sun, sensor = camera.sun_azimuth, camera.sensor
    if attributes.distance is not None:
        distance = _within("distance", attributes.distance + SPREADS["distance"] * far)
    if attributes.height is not None:
        height = _within("height", attributes.height + SPREADS["height"] * near)
    if attributes.direction is not None:
        sun = np.degrees(bearing) + attributes.direction + SPREADS["direction"] * turn
    if attributes.strength is not None:
        sensor = replace(sensor, exposure=sensor.exposure * attributes.strength)
    position = (
        pose.x + distance * float(np.cos(bearing)),
        pose.y + distance * float(np.sin(bearing)),
        float(height),
    )
    return replace(camera, position=position, sun_azimuth=float(sun % 360), sensor=sensor)


def _within(name: str, value: float) -> float:
    low, high = LIMITS[name]
    return float(np.clip(value, low, high))
