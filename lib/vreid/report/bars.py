"""Horizontal bars as SVG, with whiskers and a dot for each value behind a bar.

Drawn as the line charts are: the same bytes for the same numbers, readable in light and dark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vreid.report.plots import STAND_INS, house_style, themed_svg

INK, QUIET, FILL = STAND_INS["ink"], STAND_INS["quiet"], STAND_INS["s0"]
ROW = 0.3  # inches a bar takes
SPREAD = 0.22  # how far the dots of a bar lie apart, up and down, in bars


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        label: What it stands for.
        value: Where it ends; it begins at 0. NaN or infinite: no bar, only label and note.
        low, high: Ends of the whisker; None for no whisker.
        dots: The values that ``value`` is the mean of.
        note: Text at the right edge, such as the value in figures.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    dots: Sequence[float] = ()
    note: str = ""


def bar_chart(bars: Sequence[Bar], *, xlabel: str, width: float = 6.4) -> bytes:
    """Draw bars below each other, the first at the top.

    Args:
        bars: At least one.
        xlabel: The axis with its unit; further lines may say what whiskers and dots are.
        width: In inches of 72 units; the height follows from the number of bars.

    Returns:
        The SVG file.
    """
    with house_style():
        lines = xlabel.count("\n") + 1
        height = ROW * len(bars) + 0.55 + 0.2 * lines
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)  # the page's paper shows through
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        for place, bar in enumerate(bars):
            _draw(axes, bar, place)
        axes.axvline(0, color=QUIET, linewidth=1)
        axes.set_xlabel(xlabel)
        axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.03)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]))
        return themed_svg(figure)


def _draw(axes: Axes, bar: Bar, place: int) -> None:
    if math.isfinite(bar.value):
        axes.barh(place, bar.value, height=0.62, color=FILL, alpha=0.55, linewidth=0)
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.3)
        for end in (bar.low, bar.high):
            axes.plot([end, end], [place - 0.14, place + 0.14], color=INK, linewidth=1.3)
    heights = [place + offset for offset in _offsets(len(bar.dots))]
    axes.plot(bar.dots, heights, linestyle="", marker="o", color=INK, markersize=2.8)
    if bar.note:
        axes.annotate(
            bar.note,
            (1.015, place),
            xycoords=("axes fraction", "data"),
            color=QUIET,
            fontsize=9,
            verticalalignment="center",
            annotation_clip=False,
        )


def _offsets(count: int) -> list[float]:
    """Places of dots around the middle of a bar, so that equal values do not hide each other.

    >>> _offsets(1), _offsets(3)
    ([0.0], [-0.22, 0.0, 0.22])
    """
    if count < 2:
        return [0.0] * count
    return [SPREAD * (2 * idx / (count - 1) - 1) for idx in range(count)]
