"""Log-log charts as SVG: panels side by side over one legend, readable in light and dark.

Written by hand, since the charts of the report page have linear axes. Text stays text; the same
numbers give the same bytes.
"""

import math
from collections.abc import Sequence
from html import escape

from benchmarks.reports import Panel
from vreid.report.theme import SERIES, variables

WIDTH, HEIGHT = 400, 330  # of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 34, 46  # around its axes
KEY_WIDTH, KEY_HEIGHT = 200, 20  # of an entry of the legend
DASHES = ("none", "6 3", "2 3")
STYLE = (
    "svg{background:var(--paper)}"
    "text{font:12px system-ui,sans-serif;fill:var(--ink)}"
    ".quiet{fill:var(--quiet);font-size:11px}"
    ".title{font-size:14px;font-weight:600}"
    ".rule{stroke:var(--rule);stroke-width:1}"
    ".axis{stroke:var(--quiet);stroke-width:1;fill:none}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}"
    + "".join(f".{key}{{stroke:var(--{key})}} .p{key}{{fill:var(--{key})}}" for key in SERIES)
)


def log_log_chart(panels: Sequence[Panel]) -> str:
    """Draw panels; a label has one colour in all of them.

    Args:
        panels: At least one, with at least one point.

    Returns:
        The SVG file.
    """
    labels = list(dict.fromkeys(label for panel in panels for label in panel.lines))
    width = WIDTH * len(panels)
    columns = max(1, (width - LEFT) // KEY_WIDTH)
    height = HEIGHT + KEY_HEIGHT * math.ceil(len(labels) / columns) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">',
        f"<style>{variables()}{STYLE}</style>",
    ]
    for number, panel in enumerate(panels):
        body = "\n".join(_panel(panel, labels))
        parts.append(f'<g transform="translate({number * WIDTH} 0)">\n{body}\n</g>')
    for number, label in enumerate(labels):
        x = LEFT + number % columns * KEY_WIDTH
        y = HEIGHT + number // columns * KEY_HEIGHT + KEY_HEIGHT / 2
        parts.append(_line([(x, y), (x + 24, y)], number) + _dot(x + 12, y, number))
        parts.append(f'<text x="{x + 32}" y="{y + 4:g}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def ticks(low: float, high: float) -> list[float]:
    """Marks of a logarithmic axis: powers of ten, and between them as far as it takes for three.

    >>> ticks(3, 250)
    [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
    >>> ticks(0.5, 30000)
    [1.0, 10.0, 100.0, 1000.0, 10000.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks: list[float] = []
    for steps in ((1,), (1, 2, 5), tuple(range(1, 10))):
        marks = [step * 10.0**decade for decade in decades for step in steps]
        marks = [mark for mark in marks if low <= mark <= high]
        if len(marks) >= 3:
            break
    return marks


def _panel(panel: Panel, labels: Sequence[str]) -> list[str]:
    points = [point for line in panel.lines.values() for point in line]
    x_low, x_high = _span([x for x, _ in points])
    y_low, y_high = _span([y for _, y in points])
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def across(x: float) -> float:
        return LEFT + (right - LEFT) * math.log(x / x_low) / math.log(x_high / x_low)

    def up(y: float) -> float:
        return bottom - (bottom - TOP) * math.log(y / y_low) / math.log(y_high / y_low)

    parts = [f'<text class="title" x="{LEFT}" y="18">{escape(panel.title)}</text>']
    for mark in ticks(x_low, x_high):
        x = f"{across(mark):.1f}"
        parts.append(f'<line class="rule" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 16, _number(mark), "middle"))
    for mark in ticks(y_low, y_high):
        y = up(mark)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(f"{LEFT - 6}", y + 4, _number(mark), "end"))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
    parts.append(_text(f"{(LEFT + right) / 2:g}", HEIGHT - 10, panel.xlabel, "middle"))
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text class="quiet" transform="translate(14 {middle:g}) rotate(-90)"'
        f' text-anchor="middle">{escape(panel.ylabel)}</text>'
    )
    for label, line in panel.lines.items():
        places = [(across(x), up(y)) for x, y in sorted(line)]
        number = labels.index(label)
        parts.append(_line(places, number))
        parts.extend(_dot(x, y, number) for x, y in places)
    return parts


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis: the values with some air on both sides."""
    return min(values) / 1.25, max(values) * 1.25


def _line(places: Sequence[tuple[float, float]], number: int) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dash = DASHES[number // len(SERIES) % len(DASHES)]
    key = SERIES[number % len(SERIES)]
    return f'<path class="line {key}" stroke-dasharray="{dash}" d="M{path}"/>'


def _dot(x: float, y: float, number: int) -> str:
    return f'<circle class="p{SERIES[number % len(SERIES)]}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _text(x: str, y: float, text: str, anchor: str) -> str:
    return f'<text class="quiet" x="{x}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
