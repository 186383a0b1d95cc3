"""Liveries: two-tone paint, stripes, chequers and lettering-like marks, as fleets wear them.

Lettering is made of strokes that spell nothing: what a camera sees of a real one from afar.
"""

from dataclasses import dataclass

import numpy as np

from synthetic_aug.city.body import Body, Panel, Parts
from synthetic_aug.city.geometry import Mesh, box, merge
from synthetic_aug.city.marks import LOUD
from synthetic_aug.city.paint import AMBER, RGB, SEAM, Material, solid
from synthetic_aug.city.profiles import HEAVY

KINDS = ("two-tone", "stripes", "swoosh", "chequers", "letters", "taxi")


@dataclass(frozen=True)
class Livery:
    """A livery.

    Attributes:
        kind: one of `KINDS`.
        first, second: its colours.
        letters: shape of each letter from 0 to 4; -1 is a space.
        place: where on the panel it starts, in [0, 1].
    """

    kind: str
    first: RGB
    second: RGB
    letters: tuple[int, ...]
    place: float


def draw_livery(rng: np.random.Generator, coat: Material, *, taxi: bool) -> Livery:
    """Draw a livery in colours that stand out from the ``coat``; ``taxi`` allows taxi signs."""
    kinds = KINDS if taxi else KINDS[:-1]
    distance = [float(np.abs(np.subtract(color, coat.color)).sum()) for color in LOUD]
    order = [i for i in rng.permutation(len(LOUD)) if distance[int(i)] > 0.35]
    first, second = LOUD[int(order[0])], LOUD[int(order[1])]
    shapes = [int(i) for i in rng.integers(0, 5, int(rng.integers(4, 10)))]
    if len(shapes) > 5:
        shapes[int(rng.integers(2, len(shapes) - 2))] = -1
    kind = kinds[int(rng.integers(0, len(kinds)))]
    return Livery(kind, first, second, tuple(shapes), float(rng.uniform(0, 1)))


def livery_parts(body: Body, livery: Livery) -> Parts:
    """Put a livery on a finished body."""
    return {
        "two-tone": _two_tone,
        "stripes": _stripes,
        "swoosh": _swoosh,
        "chequers": _chequers,
        "letters": _letters,
        "taxi": _taxi,
    }[livery.kind](body, livery)


def _sides(panel: Panel, corners: list[tuple[float, float]], *, lift: float) -> Mesh:
    return merge(
        [panel.block.patch(face, corners, steps=(24, 5), lift=lift) for face in ("left", "right")]
    )


def _two_tone(body: Body, livery: Livery) -> Parts:
    """The lower part in another colour: all round where one block is the body, else its sides."""
    paint, block = solid(livery.first), body.side.block
    if body.plan.body_type in ("truck", "boxvan"):
        level = 0.4 + 0.2 * livery.place
        rear = body.rear.corners((-0.05, 1.05), (0.0, level))
        side = _sides(body.side, body.side.corners((-0.05, 1.05), (0.0, level)), lift=0.006)
        return [(paint, block.patch("rear", rear, steps=(10, 4), lift=0.006)), (paint, side)]
    low, high = body.side.second
    level = low + (high - low) * (0.35 + 0.35 * livery.place)
    # Above the strip along the sill; as coarse as the fittings on nose and tail that lie on top.
    span = [(-0.995, -0.86), (0.995, -0.86), (0.995, level), (-0.995, level)]
    faces = [block.patch(face, span, steps=(72, 10), lift=0.005) for face in ("left", "right")]
    faces += [block.patch(face, span, steps=(12, 6), lift=0.006) for face in ("front", "rear")]
    return [(paint, merge(faces))]


def _stripes(body: Body, livery: Livery) -> Parts:
    """A broad stripe with a narrow one beside it, along the whole free side."""
    low = 0.15 + 0.35 * livery.place
    parts: Parts = []
    for color, start, end in ((livery.first, 0.0, 0.2), (livery.second, 0.25, 0.31)):
        corners = body.side.corners((0.0, 1.0), (low + start, low + end))
        parts.append((solid(color), _sides(body.side, corners, lift=0.01)))
    return parts


def _swoosh(body: Body, livery: Livery) -> Parts:
    """Two slanted fields that rise towards the rear."""
    parts: Parts = []
    start = 0.05 + 0.35 * livery.place
    for color, at, width in (
        (livery.first, start, 0.26),
        (livery.second, start + 0.3, 0.1),
    ):
        (low_left, low_right) = body.side.corners((at + 0.12, at + width + 0.12), (0.02, 0.5))[:2]
        (high_right, high_left) = body.side.corners((at, at + width), (0.5, 0.98))[2:]
        corners = [low_left, low_right, high_right, high_left]
        parts.append((solid(color), _sides(body.side, corners, lift=0.01)))
    return parts


def _chequers(body: Body, livery: Livery) -> Parts:
    """Two rows of alternating fields, as on patrol and rescue vehicles."""
    count = max(4, round(body.side.size[0] / 0.45))
    low, step = 0.2 + 0.2 * livery.place, 0.24
    fields: dict[RGB, list[Mesh]] = {livery.first: [], livery.second: []}
    colors = (livery.first, livery.second)
    for row in range(2):
        for column in range(count):
            first = (column / count, (column + 1) / count)
            second = (low + row * step, low + (row + 1) * step)
            patch = body.side.corners(first, second)
            fields[colors[(row + column) % 2]] += [
                body.side.block.patch(face, patch, steps=(3, 2), lift=0.012)
                for face in ("left", "right")
            ]
    return [(solid(color), merge(meshes)) for color, meshes in fields.items()]


# Strokes of each letter as rectangles (left, right, low, high) in the letter's unit square.
_STROKES: tuple[tuple[tuple[float, float, float, float], ...], ...] = (
    ((0.0, 0.28, 0.0, 1.0), (0.28, 0.8, 0.75, 1.0), (0.28, 0.65, 0.4, 0.6)),
    ((0.0, 0.25, 0.0, 1.0), (0.55, 0.8, 0.0, 1.0), (0.25, 0.55, 0.4, 0.62)),
    ((0.0, 0.28, 0.0, 1.0), (0.28, 0.8, 0.0, 0.25)),
    ((0.0, 0.8, 0.75, 1.0), (0.27, 0.53, 0.0, 0.75)),
    (
        (0.0, 0.25, 0.0, 1.0),
        (0.55, 0.8, 0.0, 1.0),
        (0.25, 0.55, 0.0, 0.22),
        (0.25, 0.55, 0.78, 1.0),
    ),
)


def _letters(body: Body, livery: Livery) -> Parts:
    """A word on both sides and on the rear, over a line in the second colour."""
    meshes: list[Mesh] = []
    lines: list[Mesh] = []
    spots = [("left", body.side, False), ("right", body.side, True), ("rear", body.rear, True)]
    for face, panel, turned in spots:
        span = min(0.92, 0.32 * len(livery.letters) * panel.size[1] / panel.size[0] + 0.2)
        start = (1 - span) * livery.place
        for place, shape in enumerate(livery.letters):
            for left, right, low, high in _STROKES[shape] if shape >= 0 else ():
                ends = [
                    start + span * (place + edge) / len(livery.letters) for edge in (left, right)
                ]
                # Seen from outside, x runs to the left on the left side, and y on the rear.
                if not turned:
                    ends = [1 - end for end in ends[::-1]]
                if face == "rear":
                    ends = [1 - end for end in ends[::-1]]
                corners = panel.corners((ends[0], ends[1]), (0.35 + 0.5 * low, 0.35 + 0.5 * high))
                meshes.append(panel.block.patch(face, corners, steps=(2, 2), lift=0.014))
        first = (
            (start, start + span) if turned and face != "rear" else (1 - start - span, 1 - start)
        )
        under = panel.corners(first, (0.16, 0.26))
        lines.append(panel.block.patch(face, under, steps=(10, 2), lift=0.014))
    return [(solid(livery.first), merge(meshes)), (solid(livery.second), merge(lines))]


def _taxi(body: Body, livery: Livery) -> Parts:
    """A lit sign on the roof and a line of small chequers along the doors."""
    rear, front, half, top = body.roof
    middle = 0.6 * front + 0.4 * rear
    sign = Material((0.8, 0.6, 0.03), roughness=0.4)
    parts: Parts = [
        (SEAM, box((middle, 0, top + 0.05), (0.2, min(0.9, 1.2 * half), 0.05))),
        (sign, box((middle, 0, top + 0.15), (0.2, min(0.84, 1.1 * half), 0.2), bevel=0.05)),
        (AMBER, box((middle, 0, top + 0.265), (0.1, 0.3, 0.03))),
    ]
    for side in (-1, 1):  # strokes on the sign's front and rear
        for y in (-0.24, -0.08, 0.08, 0.24):
            parts.append((SEAM, box((middle + side * 0.1, y, top + 0.15), (0.02, 0.09, 0.1))))
    count = max(10, round(body.side.size[0] / 0.16))
    dark: list[Mesh] = []
    for row in range(2):
        for column in range(row, count, 2):
            corners = body.side.corners(
                (column / count, (column + 1) / count), (0.62 + 0.14 * row, 0.76 + 0.14 * row)
            )
            dark += [
                body.side.block.patch(face, corners, steps=(2, 2), lift=0.012)
                for face in ("left", "right")
            ]
    return [*parts, (solid((0.01, 0.01, 0.01)), merge(dark))]


def may_be_taxi(body_type: str) -> bool:
    """Tell whether a body type serves as a taxi."""
    return body_type not in (*HEAVY, "boxvan", "pickup", "singlecab", "coupe")
