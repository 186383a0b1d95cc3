"""Line charts as SVG: small, the same bytes for the same numbers, and readable in light and dark.

Matplotlib draws with stand-in colours; they are replaced by CSS variables that follow the reader's
choice. Text stays text, in the reader's system font.
"""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vreid.report.theme import SERIES, variables

# No other colour is drawn, so that every colour of the file belongs to the theme.
STAND_INS = {
    name: f"#{idx:02x}fe{idx:02x}" for idx, name in enumerate(("ink", "quiet", "rule", *SERIES), 1)
}
DASHES = ("-", "--", ":")
NUM_CMC_RANKS = 50


@dataclass(frozen=True)
class Curve:
    """One line of a chart: (N,) positions and (N,) values, NaN where there is none."""

    label: str
    x: Sequence[float] | npt.NDArray[Any]
    y: Sequence[float] | npt.NDArray[Any]


def line_chart(
    curves: Sequence[Curve],
    *,
    xlabel: str,
    ylabel: str,
    size: tuple[float, float] = (3.6, 2.6),
    xlim: tuple[float | None, float | None] = (None, None),
    ylim: tuple[float | None, float | None] = (None, None),
    points: bool = False,
    legend_below: bool = False,
) -> bytes:
    """Draw curves over common axes.

    Args:
        curves: What is drawn, in the order of the legend; at least one.
        xlabel: Horizontal axis with its unit.
        ylabel: Vertical axis with its unit.
        size: Width and height in inches of 72 units.
        xlim, ylim: Ends of the axes; None lets the numbers decide.
        points: Mark each point; curves of one point are marked in any case.
        legend_below: Put the legend under the axes, one line a curve, instead of inside.

    Returns:
        The SVG file.
    """
    with house_style():
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for idx, curve in enumerate(curves):
            axes.plot(
                curve.x,
                curve.y,
                label=f"\u200b{curve.label}",  # Matplotlib hides labels that begin with "_"
                color=STAND_INS[SERIES[idx % len(SERIES)]],
                linestyle=DASHES[idx // len(SERIES) % len(DASHES)],
                marker="o" if points or len(curve.x) == 1 else "",
            )
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.set_xlim(*xlim)
        axes.set_ylim(*ylim)
        _finish(figure, axes, legend_below=legend_below, num_curves=len(curves))
        return themed_svg(figure)


def cmc_chart(cmc: Mapping[str, npt.NDArray[np.floating[Any]]]) -> bytes:
    """Draw CMC curves, rank 1 to 50.

    Args:
        cmc: (K,) rank-k fractions by label; a shorter curve ends where it ends.
    """
    curves = [
        Curve(
            label=f"{label} (rank-1 {100 * curve[0]:.1f} %)",
            x=np.arange(1, min(len(curve), NUM_CMC_RANKS) + 1),
            y=100 * curve[:NUM_CMC_RANKS],
        )
        for label, curve in cmc.items()
    ]
    lowest = min(float(curve[0]) for curve in cmc.values())
    return line_chart(
        curves,
        xlabel="rank k",
        ylabel="queries with a match in the first k (%)",
        size=(5.4, 3.2 + 0.18 * len(curves)),
        xlim=(0, None),
        ylim=(max(0.0, 10 * np.floor(10 * lowest - 0.5)), 101),
        legend_below=True,
    )


def house_style() -> AbstractContextManager[None]:
    """Matplotlib's settings for all charts, in stand-in colours, while the block lasts."""
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "vreid",
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "font.size": 10,
        "text.color": STAND_INS["ink"],
        "axes.labelcolor": STAND_INS["quiet"],
        "axes.edgecolor": STAND_INS["quiet"],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": STAND_INS["rule"],
        "grid.linewidth": 0.7,
        "xtick.color": STAND_INS["quiet"],
        "ytick.color": STAND_INS["quiet"],
        "lines.linewidth": 1.7,
        "lines.markersize": 3.5,
        "legend.frameon": False,
        "legend.fontsize": 9,
    }
    context: AbstractContextManager[None] = matplotlib.style.context(["default", settings])
    return context


def themed_svg(figure: Figure) -> bytes:
    """A figure drawn in `house_style` as an SVG file that follows the reader's light or dark."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _themed(stream.getvalue().decode()).encode()


def _finish(figure: Figure, axes: Axes, *, legend_below: bool, num_curves: int) -> None:
    figure.patch.set_visible(False)  # the page's paper shows through
    axes.patch.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    if legend_below:
        figure.legend(loc="outside lower left", ncols=1)
    elif num_curves > 1:
        axes.legend(loc="best")


def _themed(svg: str) -> str:
    for name, color in STAND_INS.items():
        svg = svg.replace(f": {color}", f": var(--{name})")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    svg = svg.replace("\u200b", "")
    return re.sub(r"(<svg [^>]*>)", rf"\1<style>{variables()}</style>", svg, count=1)
