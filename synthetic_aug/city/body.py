"""What a finished body offers to the things put on it: panels for stickers, a roof, a bed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthetic_aug.city.geometry import Block, Mesh
from synthetic_aug.city.paint import Material
from synthetic_aug.city.profiles import BodyPlan

Parts = list[tuple[Material, Mesh]]
Span = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A part of one side of a block that is free for marks.

    Attributes:
        block: the block on which it lies.
        first, second: free range of the side's own coordinates, as in `Block.patch`.
        size: metres along the two coordinates.
    """

    block: Block
    first: Span
    second: Span
    size: tuple[float, float]

    def corners(self, first: Span, second: Span) -> list[tuple[float, float]]:
        """Corners of the rectangle at the given shares in [0, 1] of the free ranges."""
        a0, a1 = (self.first[0] + f * (self.first[1] - self.first[0]) for f in first)
        b0, b1 = (self.second[0] + f * (self.second[1] - self.second[0]) for f in second)
        return [(a0, b0), (a1, b0), (a1, b1), (a0, b1)]


@dataclass(frozen=True)
class Body:
    """Shell and fittings of a vehicle before its own marks.

    Attributes:
        plan: its measurements.
        parts: surfaces with their meshes.
        side: panel on the left and the right; ``front``, ``rear`` and ``top`` likewise, the front
            one being the bonnet where there is one (``bonnet`` is true).
        roof: x of rear and front end, half width and height of the roof in metres.
        bed: x of rear and front end, half width and floor height of an open bed; none elsewhere.
    """

    plan: BodyPlan
    parts: Parts
    side: Panel
    rear: Panel
    top: Panel
    front: Panel
    bonnet: bool
    roof: tuple[float, float, float, float]
    bed: tuple[float, float, float, float] | None = None


SideAt = Callable[[float, float], tuple[float, float]]


def both_sides(
    block: Block,
    corners: Sequence[tuple[float, float]],
    material: Material,
    *,
    steps: tuple[int, int] = (4, 3),
    lift: float = 0.008,
) -> Parts:
    """The same patch on the left and on the right side."""
    return [
        (material, block.patch(face, corners, steps=steps, lift=lift)) for face in ("left", "right")
    ]


def mirror_pair(
    block: Block,
    face: str,
    corners: Sequence[tuple[float, float]],
    material: Material,
    *,
    lift: float = 0.01,
) -> Parts:
    """A patch of a front or rear face and its mirror image."""
    return [
        (material, block.patch(face, [(sign * t, u) for t, u in corners], steps=(4, 2), lift=lift))
        for sign in (1, -1)
    ]


def rectangle(first: Span, second: Span) -> list[tuple[float, float]]:
    """Corners of a rectangle in a side's coordinates."""
    return [
        (first[0], second[0]),
        (first[1], second[0]),
        (first[1], second[1]),
        (first[0], second[1]),
    ]
