"""The gains of a chain's stages as an SVG waterfall: from the first score, by steps, to the last.

Drawn as the bars are: the same bytes for the same numbers, readable in light and dark. A gain and
a loss differ by colour and by the sign in the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vreid.bootstrap import Gain
from vreid.report.bars import ROW
from vreid.report.gains import ChainGains
from vreid.report.plots import STAND_INS, house_style, themed_svg

INK, QUIET = STAND_INS["ink"], STAND_INS["quiet"]
TOTAL, UP, DOWN = STAND_INS["s5"], STAND_INS["s0"], STAND_INS["s1"]
HEIGHT = 0.62  # of a bar, in rows


@dataclass(frozen=True)
class Fall:
    """One row: a whole score, or what a stage changed.

    Attributes:
        label: What it stands for.
        score: The score behind the row, in per cent.
        gain: How it came from that of the row before, as a fraction; None for a whole score.
    """

    label: str
    score: float
    gain: Gain | None = None


def gains_waterfall(gains: ChainGains, *, width: float = 6.4) -> bytes:
    """Draw the stages that were added one by one; those that change no score are left out.

    Args:
        gains: What is drawn.
        width: In inches of 72 units; the height follows from the number of rows.
    """
    first, *steps = [one for one in gains.steps if one.score is not None]
    falls = [Fall(first.title, 100 * (first.score or 0))]
    for one in steps:
        if one.gain is not None:
            falls.append(Fall(one.title, 100 * (one.score or 0), one.gain))
    falls.append(Fall("whole chain", falls[-1].score))
    label = f"{gains.headline} (%)\nwhiskers: 95 % interval of the gain over the row before"
    rules = gains.protocol.split(";")[0]
    return waterfall(falls, xlabel=f"{label}\n{rules}", width=width)


def waterfall(falls: Sequence[Fall], *, xlabel: str, width: float = 6.4) -> bytes:
    """Draw rows below each other, the first at the top; the axis begins at 0.

    Args:
        falls: At least one; the first is a whole score.
        xlabel: The axis with its unit; further lines may say what whiskers are.
        width: In inches of 72 units.

    Returns:
        The SVG file.
    """
    with house_style():
        height = ROW * len(falls) + 0.55 + 0.2 * (xlabel.count("\n") + 1)
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)  # the page's paper shows through
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        for place, fall in enumerate(falls):
            _draw(axes, fall, place)
            if place:
                ends = [place - 1 + HEIGHT / 2, place - HEIGHT / 2]
                start = falls[place - 1].score
                axes.plot([start, start], ends, color=QUIET, linewidth=0.8)
        axes.set_xlabel(xlabel)
        axes.set_yticks(range(len(falls)), [fall.label for fall in falls])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(falls) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]))
        return themed_svg(figure)


def _draw(axes: Axes, fall: Fall, place: int) -> None:
    if fall.gain is None:
        axes.barh(place, fall.score, height=HEIGHT, color=TOTAL, alpha=0.55, linewidth=0)
        note = f"{fall.score:.2f}"
    else:
        mean, low, high = (100 * end for end in (fall.gain.mean, fall.gain.low, fall.gain.high))
        before = fall.score - mean
        color = UP if mean >= 0 else DOWN
        axes.barh(place, mean, left=before, height=HEIGHT, color=color, alpha=0.6, linewidth=0)
        axes.plot([before + low, before + high], [place, place], color=INK, linewidth=1.3)
        for end in (before + low, before + high):
            axes.plot([end, end], [place - 0.14, place + 0.14], color=INK, linewidth=1.3)
        note = str(fall.gain)
    axes.annotate(
        note,
        (1.015, place),
        xycoords=("axes fraction", "data"),
        color=QUIET,
        fontsize=9,
        verticalalignment="center",
        annotation_clip=False,
    )
