"""What surfaces are made of: car paints as they are sold, glass, rubber, lamps, plates.

Every surface is one "principled" material (Burley, "Physically Based Shading at Disney", SIGGRAPH
2012 course notes): paint has a clear coat over a solid or metallic base.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A surface.

    Attributes:
        color: linear RGB, each in [0, 1].
        roughness: 0 mirror, 1 matt.
        metallic: 0 dielectric, 1 metal.
        clearcoat: strength of the varnish in [0, 1].
        plate: text of a number plate painted on it; empty for none.
        dirt: how much dust and mud covers its lower parts, in [0, 1].
        grain: which one of many patterns of dirt.
    """

    color: RGB
    roughness: float = 0.5
    metallic: float = 0.0
    clearcoat: float = 0.0
    plate: str = ""
    dirt: float = 0.0
    grain: int = 0


# Name, linear RGB, relative frequency on the road. The order is VehicleX's colorID, from 0.
PAINTS: tuple[tuple[str, RGB, float], ...] = (
    ("white", (0.78, 0.78, 0.76), 0.17),
    ("black", (0.012, 0.012, 0.014), 0.13),
    ("silver", (0.46, 0.47, 0.49), 0.12),
    ("grey", (0.14, 0.145, 0.155), 0.12),
    ("blue", (0.018, 0.07, 0.30), 0.11),
    ("red", (0.42, 0.012, 0.015), 0.11),
    ("green", (0.015, 0.13, 0.05), 0.06),
    ("yellow", (0.72, 0.42, 0.015), 0.05),
    ("orange", (0.62, 0.15, 0.01), 0.04),
    ("brown", (0.13, 0.06, 0.025), 0.04),
    ("beige", (0.48, 0.38, 0.24), 0.05),
)

RUBBER = Material((0.012, 0.012, 0.013), roughness=0.85)
TRIM = Material((0.02, 0.02, 0.021), roughness=0.65)
SEAM = Material((0.008, 0.008, 0.008), roughness=0.9)
CHROME = Material((0.75, 0.76, 0.78), roughness=0.18, metallic=1.0)
HEADLAMP = Material((0.72, 0.75, 0.78), roughness=0.12, metallic=0.35, clearcoat=1.0)
TAILLAMP = Material((0.50, 0.008, 0.01), roughness=0.15, clearcoat=1.0)
AMBER = Material((0.75, 0.25, 0.01), roughness=0.2, clearcoat=1.0)
STEEL = Material((0.30, 0.31, 0.32), roughness=0.45, metallic=0.8)
WOOD = Material((0.32, 0.19, 0.08), roughness=0.8)


def paint(color: int, rng: np.random.Generator) -> Material:
    """Draw a paint of one of the `PAINTS`: shade, metallic flake or solid, always clear coated."""
    name, rgb, _ = PAINTS[color]
    shade = np.exp(rng.normal(0.0, 0.16))
    tinted = np.clip(np.array(rgb) * shade * np.exp(rng.normal(0.0, 0.07, 3)), 0.004, 0.85)
    flake = name == "silver" or (name not in ("white", "yellow") and rng.random() < 0.5)
    return Material(
        (float(tinted[0]), float(tinted[1]), float(tinted[2])),
        roughness=0.38 if flake else 0.5,
        metallic=0.45 if flake else 0.0,
        clearcoat=1.0,
    )


def solid(rgb: RGB) -> Material:
    """Paint for parts that are not the body: glossy, without flakes."""
    return Material(rgb, roughness=0.45, clearcoat=0.5)


def glass(tint: float) -> Material:
    """Window seen from outside: a dim room behind a reflecting pane.

    ``tint`` in [0, 1] goes from clear glass over a light interior to privacy glass.
    """
    light, dark = np.array([0.115, 0.13, 0.135]), np.array([0.004, 0.004, 0.005])
    r, g, b = light * (1 - tint) + dark * tint
    return Material((float(r), float(g), float(b)), roughness=0.12, clearcoat=1.0)


def number_plate(text: str) -> Material:
    """A plate with an invented number."""
    return replace(Material((0.8, 0.8, 0.75), roughness=0.4), plate=text)


def plate_text(rng: np.random.Generator) -> str:
    """Invent a number: a letter triple that no country issues, then four digits."""
    letters = "".join("QXZ"[int(i)] for i in rng.integers(0, 3, 3))
    return f"{letters}{int(rng.integers(0, 10000)):04d}"


def plate_picture(text: str) -> NDArray[np.float32]:
    """Draw a plate as (16, 72, 3) linear RGB in [0, 1]."""
    import cv2  # drawing happens in the renderer only

    picture = np.full((16, 72, 3), 205, dtype=np.uint8)
    cv2.rectangle(picture, (0, 0), (71, 15), (40, 50, 120), 1)
    cv2.putText(picture, text, (3, 13), cv2.FONT_HERSHEY_PLAIN, 0.95, (15, 15, 15), 1)
    return np.square(picture.astype(np.float32) / 255)
