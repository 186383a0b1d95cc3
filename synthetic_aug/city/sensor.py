"""What a camera's lens and electronics do to light: exposure, colour, blur, noise, JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Sensor:
    """The electronics of one camera.

    Attributes:
        exposure: brightness given to a white surface.
        gains: white balance, one factor each for red, green and blue.
        saturation: 1 leaves colours, 0 removes them.
        gamma: exponent of the tone curve relative to the usual one.
        lift: stray light added to black.
        noise: spread of the sensor's noise at mid grey.
        blur: spread of the lens' blur in pixels.
        sharpen: strength of the electronic sharpening.
        scale: share of the greatest picture size that this camera delivers.
        zoom: enlargement after rendering (a low-resolution sensor); at least 1.
        quality: of the JPEG.
    """

    exposure: float
    gains: tuple[float, float, float]
    saturation: float
    gamma: float
    lift: float
    noise: float
    blur: float
    sharpen: float
    scale: float
    zoom: float
    quality: int


def draw_sensor(rng: np.random.Generator, *, clean: bool = False) -> Sensor:
    """Draw a camera's electronics; ``clean`` ones are close to ideal."""
    strength = 0.4 if clean else 1.0
    gains = np.exp(rng.normal(0.0, 0.09, 3) * strength)
    gains /= gains.mean()
    return Sensor(
        exposure=float(np.exp(rng.normal(0.0, 0.18) * strength)) * 1.15,
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        saturation=float(rng.uniform(0.8, 1.2)),
        gamma=float(np.exp(rng.normal(0.0, 0.1) * strength)),
        lift=float(rng.uniform(0.0, 0.035) * strength),
        noise=float(rng.uniform(0.004, 0.022) * strength),
        blur=0.45 + float(rng.uniform(0.0, 0.4) * strength),
        sharpen=float(rng.choice((0.0, 0.4, 0.7)) * strength),
        scale=float(rng.uniform(0.82, 1.0)),
        zoom=float(rng.choice((1.0, 1.0, 1.0, 1.25))),
        quality=int(rng.integers(94 if clean else 62, 96)),
    )


def expose(
    radiance: Picture,
    sensor: Sensor,
    white: float,
    *,
    motion: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Turn radiance into the picture that the camera delivers.

    Args:
        radiance: (H, W, 3) linear RGB.
        sensor: the camera's electronics.
        white: radiance of a white surface, see `Daylight.exposure_light`.
        motion: (2,) smear of the vehicle in pixels right and down.
        rng: draws the noise.

    Returns:
        (H zoom, W zoom, 3) RGB, uint8.
    """
    picture = _develop(radiance / np.float32(white), sensor.blur) * np.float32(sensor.exposure)
    picture = np.asarray(_smear(picture, motion), dtype=np.float32)
    picture = picture * np.array(sensor.gains, dtype=np.float32)
    grey = picture @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    picture = grey[..., None] + np.float32(sensor.saturation) * (picture - grey[..., None])
    picture = np.clip(picture, 0, None)
    grain = rng.standard_normal(picture.shape).astype(np.float32)
    picture = picture + grain * np.float32(sensor.noise) * np.sqrt(picture + 0.02)
    picture = np.clip(picture, 0, None) + np.float32(sensor.lift)
    picture = _tone(picture, sensor.gamma)
    if sensor.zoom > 1:
        size = (round(picture.shape[1] * sensor.zoom), round(picture.shape[0] * sensor.zoom))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.float32)
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.float32)
    picture = picture + np.float32(sensor.sharpen) * (picture - soft)
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _tone(light: Picture, gamma: float) -> Picture:
    """Tone curve from light to picture values: highlights roll off, mid tones gain contrast."""
    rolled = 1.45 * light * (1 + light * 0.12) / (1 + light * 0.55)
    value = np.clip(rolled, 0, 1) ** (gamma / 2.2)
    curve = value * value * (3 - 2 * value)
    return np.asarray(0.6 * value + 0.4 * curve, dtype=np.float32)


def _develop(light: Picture, blur: float) -> Picture:
    """Blur by the lens and calm the few light paths of a pixel, along edges and not across them.

    Done on the square root, on which equal steps look about equal.
    """
    root = np.sqrt(np.clip(light, 0, 9)).astype(np.float32)
    soft = cv2.bilateralFilter(cv2.GaussianBlur(root, (0, 0), blur), 5, 0.13, 1.5)
    return np.asarray(soft * soft, dtype=np.float32)


def _smear(picture: Picture, motion: NDArray[np.float64]) -> Picture:
    """Average over shifts along ``motion``, left alone below half a pixel."""
    length = float(np.hypot(*motion))
    if length < 0.5:
        return picture
    steps = (-0.5, -0.17, 0.17, 0.5)
    height, width = picture.shape[:2]
    total = np.zeros_like(picture)
    for step in steps:
        shift = np.array([[1, 0, motion[0] * step], [0, 1, motion[1] * step]])
        shifted = cv2.warpAffine(
            picture, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        total += np.asarray(shifted, np.float32)
    return np.asarray(total / len(steps), dtype=np.float32)


def jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an RGB picture."""
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done
    return bytes(data.tobytes())


def png(mask: NDArray[np.uint8]) -> bytes:
    """Encode a mask."""
    done, data = cv2.imencode(".png", mask)
    assert done
    return bytes(data.tobytes())
