"""What tells two cars of one model and colour apart: racks, stickers, stripes, cargo, scuffs."""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.body import Body, Panel, Parts
from synthetic_aug.city.geometry import Mesh, box
from synthetic_aug.city.paint import AMBER, RGB, SEAM, STEEL, WOOD, Material, solid
from synthetic_aug.city.shapes import sweep

# Colours of foil and cargo, chosen to stand out against most paints.
LOUD: tuple[RGB, ...] = (
    (0.75, 0.03, 0.02),
    (0.02, 0.10, 0.55),
    (0.80, 0.65, 0.02),
    (0.02, 0.35, 0.08),
    (0.80, 0.80, 0.80),
    (0.01, 0.01, 0.01),
    (0.75, 0.22, 0.01),
    (0.02, 0.42, 0.50),
    (0.50, 0.02, 0.30),
)
RACKS = ("rails", "box", "basket", "board", "ladder", "sign")


@dataclass(frozen=True)
class Sticker:
    """Foil on a panel: ``panel`` names it, the ranges are shares of it.

    A sticker with an inner colour is a logo: a disc-like field on a rectangle of the outer colour.
    """

    panel: str
    first: tuple[float, float]
    second: tuple[float, float]
    outer: RGB
    inner: RGB | None = None
    sides: str = "both"


@dataclass(frozen=True)
class Cargo:
    """Boxes on an open bed: x, y, length, width as shares of it, height in metres, colour."""

    pieces: tuple[tuple[float, float, float, float, float, RGB], ...]


def draw_stickers(rng: np.random.Generator, *, bonnet: bool, count: int) -> tuple[Sticker, ...]:
    """Draw ``count`` kinds of foil: side logo, band, tail logo, roof, racing stripe, patch."""
    kinds = ["side", "band", "tail", "roof", "stripe" if bonnet else "band2", "patch"]
    chosen = rng.permutation(len(kinds))[:count]
    stickers: list[Sticker] = []
    for kind in (kinds[int(index)] for index in chosen):
        outer, inner = (LOUD[int(i)] for i in rng.permutation(len(LOUD))[:2])
        a, b = float(rng.uniform(0.0, 0.5)), float(rng.uniform(0.05, 0.4))
        width = float(rng.uniform(0.25, 0.48))
        if kind == "side":
            stickers.append(Sticker("side", (a, a + width), (b, b + 0.55), outer, inner))
        elif kind in ("band", "band2"):
            stickers.append(Sticker("side", (0.0, 1.0), (b, b + 0.25), outer))
        elif kind == "tail":
            stickers.append(Sticker("rear", (a, a + width), (b, b + 0.5), outer, inner))
        elif kind == "roof":
            stickers.append(Sticker("top", (a, a + 0.9 * width), (0.2, 0.8), outer, inner))
        elif kind == "patch":  # a door or wing in a foreign colour, after a repair
            stickers.append(Sticker("side", (a, a + 0.4), (0.02, 0.98), outer))
        else:
            for low in (0.3, 0.56):
                stickers.append(Sticker("front", (0.0, 1.0), (low, low + 0.14), outer))
                stickers.append(Sticker("top", (0.0, 1.0), (low, low + 0.14), outer))
    return tuple(stickers)


def draw_cargo(rng: np.random.Generator) -> Cargo:
    """Draw one to four crates, pipes or sacks lying on a bed."""
    pieces = []
    for _ in range(int(rng.integers(1, 5))):
        length, width = float(rng.uniform(0.25, 0.7)), float(rng.uniform(0.3, 0.8))
        x, y = float(rng.uniform(0, 1 - length)), float(rng.uniform(0, 1 - width))
        color = LOUD[int(rng.integers(0, len(LOUD)))] if rng.random() < 0.7 else WOOD.color
        pieces.append((x, y, length, width, float(rng.uniform(0.3, 0.9)), color))
    return Cargo(tuple(pieces))


def sticker_parts(body: Body, sticker: Sticker) -> Parts:
    """Cut a sticker out of its panel, with its inner field on top."""
    panel: Panel = getattr(body, sticker.panel)
    faces = {"side": ("left", "right"), "rear": ("rear",), "top": ("top",)}.get(
        sticker.panel, ("top" if body.bonnet else "front",)
    )
    parts: Parts = []
    for face in faces:
        outer = panel.corners(sticker.first, sticker.second)
        patch = panel.block.patch(face, outer, steps=(10, 6), lift=0.012)
        parts.append((solid(sticker.outer), patch))
        if sticker.inner is not None:
            spans = [
                (low + 0.22 * (high - low), high - 0.22 * (high - low))
                for low, high in (sticker.first, sticker.second)
            ]
            field = panel.block.patch(
                face, panel.corners(spans[0], spans[1]), steps=(8, 5), lift=0.02
            )
            parts.append((solid(sticker.inner), field))
    return parts


def scuff_parts(body: Body, place: tuple[float, float], side: int) -> Parts:
    """Bare primer where the body was hit, at shares of the side panel."""
    x, z = place
    corners = body.side.corners((x, min(x + 0.22, 1.0)), (z, min(z + 0.4, 1.0)))
    face = "left" if side > 0 else "right"
    primer = Material((0.16, 0.15, 0.14), roughness=0.9)
    return [(primer, body.side.block.patch(face, corners, steps=(8, 5), lift=0.012))]


def cargo_parts(body: Body, cargo: Cargo) -> Parts:
    """Put a cargo on the body's open bed; nothing without one."""
    if body.bed is None:
        return []
    rear, front, half, floor = body.bed
    parts: Parts = []
    for x, y, length, width, height, color in cargo.pieces:
        size = (length * (front - rear), width * 2 * half, height)
        center = (rear + x * (front - rear) + size[0] / 2, -half + y * 2 * half + size[1] / 2)
        parts.append(
            (Material(color, roughness=0.75), box((*center, floor + height / 2), size, bevel=0.04))
        )
    return parts


def rack_parts(body: Body, kind: str, color: RGB) -> Parts:
    """Put one of `RACKS` on the roof."""
    rear, front, half, top = body.roof
    length, middle = front - rear, (front + rear) / 2
    bars: list[Mesh] = []
    for y in (half - 0.12, 0.12 - half):
        bars.append(
            sweep(
                [
                    (rear, y, top),
                    (rear + 0.08, y, top + 0.09),
                    (front - 0.08, y, top + 0.09),
                    (front, y, top),
                ],
                radius=0.025,
            )
        )
    cross = [
        box((rear + f * length, 0, top + 0.1), (0.07, 2 * half - 0.15, 0.035)) for f in (0.2, 0.8)
    ]
    paint = solid(color)
    if kind == "rails":
        return [(STEEL, mesh) for mesh in bars + cross]
    if kind == "sign":  # a driving school, taxi or courier sign across the roof
        sign = box((middle, 0, top + 0.14), (0.22, min(0.75, half), 0.2), bevel=0.04)
        return [
            (paint, sign),
            (AMBER, box((middle, 0, top + 0.28), (0.12, 0.12, 0.08), bevel=0.03)),
        ]
    parts: Parts = [(SEAM, mesh) for mesh in cross]
    if kind == "box":
        size = (min(1.9, 0.85 * length), 0.9 * half, 0.36)
        parts.append((paint, box((middle, 0.25 * half, top + 0.3), size, bevel=0.14)))
    elif kind == "board":
        size = (min(2.8, 1.1 * length), 0.5, 0.09)
        parts.append((paint, box((middle, -0.3 * half, top + 0.17), size, bevel=0.045)))
    elif kind == "ladder":
        for y in (-0.2, 0.2):
            parts.append((paint, box((middle, y, top + 0.15), (1.05 * length, 0.05, 0.08))))
        for f in np.linspace(0.05, 0.95, 7):
            parts.append((paint, box((rear + f * length, 0, top + 0.15), (0.04, 0.4, 0.04))))
    else:
        frame = (0.75 * length, 1.6 * half)
        for y in (-0.5, 0.5):
            parts.append((SEAM, box((middle, y * frame[1], top + 0.22), (frame[0], 0.04, 0.14))))
        for x in (-0.5, 0.5):
            wall = (middle + x * frame[0], 0.0, top + 0.22)
            parts.append((SEAM, box(wall, (0.04, frame[1], 0.14))))
        load = (0.6 * frame[0], 0.75 * frame[1], 0.28)
        parts.append(
            (Material(color, roughness=0.8), box((middle, 0, top + 0.28), load, bevel=0.1))
        )
    return parts
