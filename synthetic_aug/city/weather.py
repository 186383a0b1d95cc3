"""Night and rain as conditions of a camera: what they make of its light and of its exposure."""

from dataclasses import dataclass, replace

import numpy as np

from synthetic_aug.city.sky import Daylight

# Light of a white surface near a street lamp, of the same unit as a `Daylight`'s radiances.
LAMPLIGHT = 0.3

NIGHT = Daylight(
    "night", 30.0, (0.0, 0.0, 0.0), (0.006, 0.008, 0.014), (0.03, 0.026, 0.024),
    (0.02, 0.014, 0.006),
)  # fmt: skip


@dataclass(frozen=True)
class Weather:
    """A camera's condition.

    Attributes:
        night: no daylight; street lamps, headlights and tail lights shine.
        rain: strength in [0, 1]; vehicles drive with their lights on from the first drop.
        slant: of the falling drops in degrees from upright, positive to the right.
    """

    night: bool = False
    rain: float = 0.0
    slant: float = 0.0

    @property
    def lamps(self) -> bool:
        """Vehicles have their lights on."""
        return self.night or self.rain > 0


CLEAR = Weather()


def draw_weather(rng: np.random.Generator, *, night: bool, rainy: bool) -> Weather:
    """Draw the strength of a camera's rain."""
    strength, slant = float(rng.uniform(0.35, 1.0)), float(rng.normal(0, 9))
    return Weather(night, strength if rainy else 0.0, slant if rainy else 0.0)


def light_under(light: Daylight, weather: Weather) -> Daylight:
    """Change a time of day into what remains of it under a weather."""
    if weather.night:
        light = NIGHT
    if not weather.rain:
        return light
    # Cloud hides the sun, spreads what is left of it over the sky, and takes most of the colour.
    sky = 0.5 * float(np.mean(light.zenith) + np.mean(light.horizon))
    level = (sky + 0.15 * float(np.mean(light.sun))) * (0.85 - 0.35 * weather.rain)
    zenith, horizon = (
        (0.8 * level, 0.84 * level, 0.9 * level),
        (1.02 * level, 1.05 * level, 1.1 * level),
    )
    none = (0.0, 0.0, 0.0)
    return replace(light, sun=none, zenith=zenith, horizon=horizon, haze=none)


def white_under(light: Daylight, weather: Weather) -> float:
    """Brightness by which a camera sets its exposure; in rain the picture stays darker."""
    white = light.exposure_light() + (LAMPLIGHT if weather.night else 0.0)
    return white * (1 + 0.3 * weather.rain)
