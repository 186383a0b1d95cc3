"""Daylight: sky, sun and the far city as one small panorama, by time of day and weather.

The sun is a small bright spot of the panorama and not a light of its own: one light that is sampled
by its brightness costs half of two, gives soft edges to shadows, and shows as a highlight in the
clear coat.
"""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.geometry import FloatArray
from synthetic_aug.city.paint import RGB

WIDTH, HEIGHT = 128, 64


@dataclass(frozen=True)
class Daylight:
    """A time of day.

    Attributes:
        name: for people.
        elevation: of the sun in degrees.
        sun: colour of the sun's light times its strength, as irradiance over pi on a plane that
            faces it; zero under cloud.
        zenith, horizon: radiance of the sky overhead and at its edge.
        haze: radiance added near the horizon on the sun's side.
    """

    name: str
    elevation: float
    sun: RGB
    zenith: RGB
    horizon: RGB
    haze: RGB

    def ground_light(self) -> float:
        """Brightness of a white level ground."""
        sky = 0.5 * (np.mean(self.zenith) + np.mean(self.horizon))
        return float(sky + np.mean(self.sun) * np.sin(np.radians(self.elevation)))

    def exposure_light(self) -> float:
        """Brightness by which a camera sets its exposure: white surfaces, level and upright."""
        sky = 0.5 * (np.mean(self.zenith) + np.mean(self.horizon))
        angle = np.radians(self.elevation)
        return float(sky + np.mean(self.sun) * (0.65 * np.sin(angle) + 0.35 * np.cos(angle)))


DAYLIGHTS: tuple[Daylight, ...] = (
    Daylight(
        "noon", 58.0, (2.4, 2.3, 2.1), (0.22, 0.38, 0.75), (0.75, 0.82, 0.92), (0.1, 0.1, 0.1)
    ),
    Daylight(
        "morning", 24.0, (2.1, 1.7, 1.15), (0.2, 0.3, 0.55), (0.7, 0.66, 0.6), (0.6, 0.4, 0.2)
    ),
    Daylight(
        "overcast", 50.0, (0.0, 0.0, 0.0), (0.85, 0.88, 0.92), (0.6, 0.62, 0.65), (0.0, 0.0, 0.0)
    ),
    Daylight(
        "afternoon", 40.0, (2.4, 2.15, 1.75), (0.2, 0.34, 0.66), (0.72, 0.76, 0.8), (0.2, 0.18, 0.1)
    ),
    Daylight(
        "evening", 13.0, (1.9, 1.15, 0.55), (0.16, 0.2, 0.36), (0.55, 0.45, 0.4), (0.9, 0.5, 0.2)
    ),
    Daylight(
        "hazy", 44.0, (0.8, 0.76, 0.68), (0.6, 0.66, 0.75), (0.85, 0.86, 0.85), (0.2, 0.2, 0.2)
    ),
    Daylight(
        "dusk", 4.0, (0.0, 0.0, 0.0), (0.16, 0.2, 0.34), (0.42, 0.34, 0.36), (0.45, 0.22, 0.12)
    ),
)


def _directions() -> FloatArray:
    """World directions (HEIGHT, WIDTH, 3) of the panorama's pixels, z up."""
    polar = (np.arange(HEIGHT) + 0.5) / HEIGHT * np.pi
    turn = (np.arange(WIDTH) + 0.5) / WIDTH * 2 * np.pi
    theta, phi = np.meshgrid(polar, turn, indexing="ij")
    return np.stack([np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi), np.cos(theta)], -1)


def panorama(
    light: Daylight, sun_azimuth: float, ground: RGB, *, rng: np.random.Generator
) -> FloatArray:
    """Paint the surroundings as radiance (HEIGHT, WIDTH, 3), longitude along the width.

    Args:
        light: time of day.
        sun_azimuth: direction of the sun in degrees, counter-clockwise from +x seen from above.
        ground: colour of the ground, which lights vehicles from below.
        rng: draws the skyline.
    """
    way = _directions()
    height = way[..., 2:]  # sine of the elevation
    picture = np.asarray(light.horizon) + (
        np.asarray(light.zenith) - np.asarray(light.horizon)
    ) * np.sqrt(np.clip(height, 0, 1))
    azimuth, elevation = np.radians(sun_azimuth), np.radians(light.elevation)
    flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    toward = np.clip(way @ flat, 0, None)[..., None] ** 3
    picture = picture + np.asarray(light.haze) * toward * np.exp(-np.abs(height) / 0.25)
    skyline = np.repeat(rng.uniform(0.03, 0.24, WIDTH // 4), 4)[None, :, None]
    wall = np.repeat(rng.uniform(0.08, 0.4, WIDTH // 4), 4)[None, :, None]
    brightness = light.ground_light()
    picture = np.where(height < skyline, wall * brightness * np.array([0.5, 0.49, 0.47]), picture)
    picture = np.where(height < -0.01, np.asarray(ground) * brightness, picture)
    if max(light.sun) > 0:
        sun = np.array([*(flat[:2] * np.cos(elevation)), np.sin(elevation)])
        spot = np.exp((way @ sun - 1) / (2 * np.radians(2.2) ** 2))[..., None]
        solid_angle = np.sin((np.arange(HEIGHT) + 0.5) / HEIGHT * np.pi)[:, None, None]
        solid_angle = solid_angle * (np.pi / HEIGHT) * (2 * np.pi / WIDTH)
        picture = picture + np.asarray(light.sun) * np.pi * spot / (spot * solid_angle).sum()
    return np.asarray(picture)
