"""The style of a city: how often its vehicles, paints and conditions occur, how its cameras hang.

Style 0 is the plain one. ``--shift N`` draws another from N alone, so that two cities of one style
and different seeds are neighbours, and two cities of different styles are different domains: other
body types and colours are popular, cameras hang higher or lower and see wider or narrower, their
white balance, light and weather differ, and so do the roads.
"""

from dataclasses import dataclass, replace

import numpy as np

from synthetic_aug.city.cameras import Camera
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.paint import PAINTS, RGB
from synthetic_aug.city.places import PLACES, Place
from synthetic_aug.city.sky import DAYLIGHTS, Daylight
from synthetic_aug.city.variants import ALL_TYPES

_SHIFT_SEED = 7411  # keeps the styles apart from every other use of a small number as a seed


@dataclass(frozen=True)
class Style:
    """What is common to a city.

    Attributes:
        variety, liveries, dirt, night, rain: shares as in `CityOptions`.
        bodies: factor of the frequency of each of `ALL_TYPES`.
        paints: factor of the frequency of each of the `PAINTS`.
        height, distance, view: factors of the cameras' heights, distances and of what they see.
        gains: white balance common to all cameras.
        exposure, saturation, noise: factors of the cameras' own.
        elevation: factor of the sun's height.
        tint: colour of the daylight.
        surface: factors of brightness of road and verge.
        shifted: is not the plain one.
    """

    variety: float
    liveries: float
    dirt: float
    night: float
    rain: float
    bodies: tuple[float, ...] = (1.0,) * len(ALL_TYPES)
    paints: tuple[float, ...] = ()
    height: float = 1.0
    distance: float = 1.0
    view: float = 1.0
    gains: RGB = (1.0, 1.0, 1.0)
    exposure: float = 1.0
    saturation: float = 1.0
    noise: float = 1.0
    elevation: float = 1.0
    tint: RGB = (1.0, 1.0, 1.0)
    surface: tuple[float, float] = (1.0, 1.0)
    shifted: bool = False


def style_of(options: CityOptions) -> Style:
    """Style of a city: plain, or drawn from its shift; asked shares are lower bounds of the drawn.

    A shifted style has at least some variety, liveries, dirt, night and rain.
    """
    plain = Style(options.variety, options.liveries, options.dirt, options.night, options.rain)
    if not options.shift:
        return plain
    rng = np.random.default_rng([_SHIFT_SEED, options.shift])
    warm = float(rng.choice((-1, 1)) * rng.uniform(0.08, 0.2))
    low = bool(rng.random() < 0.5)
    haze = float(rng.choice((-1, 1)) * rng.uniform(0.05, 0.15))
    return replace(
        plain,
        variety=max(options.variety, float(rng.uniform(0.25, 0.5))),
        liveries=max(options.liveries, float(rng.uniform(0.15, 0.35))),
        dirt=max(options.dirt, float(rng.uniform(0.3, 0.8))),
        night=max(options.night, float(rng.uniform(0.12, 0.3))),
        rain=max(options.rain, float(rng.uniform(0.2, 0.4))),
        bodies=tuple(float(v) for v in np.exp(rng.normal(0, 0.7, len(ALL_TYPES)))),
        paints=tuple(float(v) for v in np.exp(rng.normal(0, 0.7, len(PAINTS)))),
        height=float(rng.uniform(0.5, 0.7) if low else rng.uniform(1.3, 1.6)),
        distance=float(rng.uniform(0.75, 1.15)),
        view=float(rng.uniform(0.85, 1.25)),
        gains=(1 + warm, 1.0, 1 - warm),
        exposure=float(np.exp(rng.normal(0, 0.15))),
        saturation=float(rng.uniform(0.75, 1.15)),
        noise=float(rng.uniform(0.7, 1.8)),
        elevation=float(rng.choice((rng.uniform(0.5, 0.75), rng.uniform(1.15, 1.4)))),
        tint=(1 + haze, 1.0, 1 - haze),
        surface=(float(rng.choice((0.65, 1.5))), float(rng.uniform(0.6, 1.5))),
        shifted=True,
    )


def restyled(camera: Camera, style: Style) -> Camera:
    """Hang a camera as its city's style has it; the plain style leaves it as it is."""
    if not style.shifted:
        return camera
    target = np.asarray(camera.target)
    flat = (np.asarray(camera.position) - target)[:2] * style.distance
    # Not into the houses that stand twenty metres beside the road.
    room = PLACES[camera.place].half_road + 18.0
    flat *= min(1.0, (room - abs(float(target[1]))) / max(abs(float(flat[1])), 1e-6))
    height = float(np.clip(camera.position[2] * style.height, 2.8, 14.0))
    position = (float(target[0] + flat[0]), float(target[1] + flat[1]), height)
    before = float(np.linalg.norm(np.asarray(camera.position) - target))
    after = float(np.linalg.norm(np.asarray(position) - target))
    span = style.view * before * np.tan(np.radians(camera.fov) / 2)
    sensor, gains = camera.sensor, np.multiply(camera.sensor.gains, style.gains)
    sensor = replace(
        sensor,
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        exposure=sensor.exposure * style.exposure,
        saturation=sensor.saturation * style.saturation,
        noise=sensor.noise * style.noise,
    )
    return replace(
        camera,
        position=position,
        fov=float(np.degrees(2 * np.arctan(span / after))),
        sensor=sensor,
        sky=_tinted(DAYLIGHTS[camera.daylight], style),
    )


def _tinted(light: Daylight, style: Style) -> Daylight:
    def tint(color: RGB) -> RGB:
        r, g, b = (float(v) for v in np.multiply(color, style.tint))
        return r, g, b

    return replace(
        light,
        elevation=float(np.clip(light.elevation * style.elevation, 4.0, 75.0)),
        sun=tint(light.sun),
        zenith=tint(light.zenith),
        horizon=tint(light.horizon),
        haze=tint(light.haze),
    )


def places_of(style: Style) -> tuple[Place, ...]:
    """The city's places: those of every city, their surfaces in the style's brightness."""
    road, verge = style.surface
    if not style.shifted:
        return PLACES
    return tuple(
        replace(place, road=_scaled(place.road, road), verge=_scaled(place.verge, verge))
        for place in PLACES
    )


def _scaled(color: RGB, factor: float) -> RGB:
    r, g, b = (min(0.5, factor * part) for part in color)
    return r, g, b
