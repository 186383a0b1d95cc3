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
        exposure: brightness given to a white level ground.
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
        exposure=float(np.exp(rng.normal(0.0, 0.18) * strength)) * 1.05,
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        saturation=float(rng.uniform(0.7, 1.15)),
        gamma=float(np.exp(rng.normal(0.0, 0.1) * strength)),
        lift=float(rng.uniform(0.0, 0.035) * strength),
        noise=float(rng.uniform(0.006, 0.025) * strength),
        blur=float(rng.uniform(0.25, 0.75) * strength),
        sharpen=float(rng.choice((0.0, 0.0, 0.5, 0.9)) * strength),
        scale=float(rng.uniform(0.82, 1.0)),
        zoom=float(rng.choice((1.0, 1.0, 1.0, 1.25))),
        quality=int(rng.integers(94 if clean else 62, 96)),
    )


def expose(
    radiance: Picture, sensor: Sensor, white: float, *, motion: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Turn radiance into the picture that the camera delivers.

    Args:
        radiance: (H, W, 3) linear RGB.
        sensor: the camera's electronics.
        white: radiance of a white level ground, see `Daylight.ground_light`.
        motion: smear of the vehicle in pixels right and down.
        rng: draws the noise.

    Returns:
        (H zoom, W zoom, 3) RGB, uint8.
    """
    picture = np.clip(radiance, 0, 20 * white) * np.float32(sensor.exposure / white)
    picture = np.asarray(_smear(picture, motion), dtype=np.float32)
    if sensor.blur > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), sensor.blur)
    picture = picture * np.float32(sensor.gains)
    grey = picture @ np.float32([0.2126, 0.7152, 0.0722])
    picture = grey[..., None] + np.float32(sensor.saturation) * (picture - grey[..., None])
    picture = np.clip(picture, 0, None)
    grain = rng.standard_normal(picture.shape).astype(np.float32)
    picture = picture + grain * np.float32(sensor.noise) * np.sqrt(picture + 0.02)
    picture = np.clip(picture, 0, None) + np.float32(sensor.lift)
    # Shoulder of the tone curve: highlights roll off instead of clipping at once.
    picture = picture * (1 + picture * 0.12) / (1 + picture * 0.55)
    picture = np.clip(picture * np.float32(1.45), 0, 1) ** np.float32(sensor.gamma / 2.2)
    if sensor.zoom > 1:
        size = (round(picture.shape[1] * sensor.zoom), round(picture.shape[0] * sensor.zoom))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    if sensor.sharpen:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
        picture = picture + np.float32(sensor.sharpen) * (picture - soft)
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _smear(picture: Picture, motion: tuple[float, float]) -> Picture:
    """Average over shifts along ``motion``, left alone below half a pixel."""
    length = float(np.hypot(*motion))
    if length < 0.5:
        return picture
    steps = (-0.5, -0.17, 0.17, 0.5)
    height, width = picture.shape[:2]
    total = np.zeros_like(picture)
    for step in steps:
        shift = np.float32([[1, 0, motion[0] * step], [0, 1, motion[1] * step]])
        total += cv2.warpAffine(
            picture, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
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
