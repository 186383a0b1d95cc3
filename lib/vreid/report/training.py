"""The curves of one training as small multiples: losses, learning rate, validation scores."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vreid.report.metrics_log import Line, MetricsLog, columns
from vreid.report.plots import Curve, line_chart

# Numbers of a training line that are not losses; all others are.
NOT_LOSSES = frozenset({"epoch", "step", "lr", "id_weight"})
TOTAL = "total"
NAMES = {
    TOTAL: "total loss",
    "id": "ID loss",
    "triplet": "triplet loss",
    "circle": "circle loss",
    "contrastive": "contrastive loss",
    "supcon": "SupCon loss",
    "center": "centre loss",
    "map": "mAP",
    "minp": "mINP",
}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Panel:
    """One chart of a training: a short key for its file name, caption, text for no eyes, SVG."""

    key: str
    caption: str
    alt: str
    svg: bytes


def training_panels(log: MetricsLog) -> tuple[Panel, ...]:
    """Draw what a log holds.

    - No training lines: no losses and no learning rate.
    - The weight of the ID loss has a chart where MALW adapts it.
    - Scores in [0, 1] (mAP, rank-k, accuracy, mINP) and errors in degrees have a chart each;
      other validation numbers, such as the share within an angle, are not drawn.
    - Numbers that are NaN or infinite leave a gap.
    """
    losses = [key for key in columns(log.train) if key not in NOT_LOSSES]
    losses.sort(key=lambda key: key != TOTAL)  # the sum first, its parts in their order
    scores = [key for key in columns(log.evals) if is_fraction(key)]
    degrees = [key for key in columns(log.evals) if is_degrees(key)]
    panels = (
        _losses(log, losses) if losses else None,
        _learning_rate(log) if "lr" in columns(log.train) else None,
        _id_weight(log) if "id_weight" in columns(log.train) else None,
        _validation(log.evals, scores, key="scores") if scores else None,
        _validation(log.evals, degrees, key="degrees") if degrees else None,
    )
    return tuple(panel for panel in panels if panel is not None)


def is_fraction(key: str) -> bool:
    """Whether a validation number is a fraction by its name.

    >>> [key for key in ("map", "map100", "rank1", "accuracy", "seconds") if is_fraction(key)]
    ['map', 'map100', 'rank1', 'accuracy']
    """
    return re.fullmatch(r"map@?\d*|rank-?\d+|accuracy|minp", key) is not None


def is_degrees(key: str) -> bool:
    """Whether a validation number is an error in degrees by its name.

    >>> [key for key in ("median_error_deg", "share_within_30_deg") if is_degrees(key)]
    ['median_error_deg']
    """
    return key.endswith("error_deg")


def print_name(key: str) -> str:
    """How a logged number is called on the page.

    >>> [print_name(key) for key in ("map", "map100", "rank1", "median_error_deg", "circle")]
    ['mAP', 'mAP@100', 'rank-1', 'median error', 'circle loss']
    """
    if key in NAMES:
        return NAMES[key]
    if match := re.fullmatch(r"(map@?|rank-?)(\d+)", key):
        return ("mAP@" if match[1].startswith("map") else "rank-") + match[2]
    return key.removesuffix("_deg").replace("_", " ")


def _column(lines: Sequence[Line], key: str) -> list[float]:
    values = [line.get(key, math.nan) for line in lines]
    return [value if math.isfinite(value) else math.nan for value in values]


def _losses(log: MetricsLog, keys: Sequence[str]) -> Panel:
    x = log.train_x()
    curves = [Curve(print_name(key), x, _column(log.train, key)) for key in keys]
    finite = [value for curve in curves for value in curve.y if math.isfinite(value)]
    ends = [value for value in curves[0].y if math.isfinite(value)] or [math.nan]
    span = f"{curves[0].label} from {ends[0]:.3g} to {ends[-1]:.3g}"
    return Panel(
        key="losses",
        caption=f"Training losses: {span}",
        alt=f"Chart of {', '.join(curve.label for curve in curves)} over epochs; {span}",
        svg=line_chart(
            curves,
            xlabel="epoch",
            xlim=(0, None),
            ylabel="loss (no unit)",
            ylim=(0 if min(finite, default=0) >= 0 else None, None),
        ),
    )


def _learning_rate(log: MetricsLog) -> Panel:
    rates = _column(log.train, "lr")
    peak = max((rate for rate in rates if rate > 0), default=1.0)  # NaN is not > 0
    exponent = math.floor(math.log10(peak))
    unit = f"10{str(exponent).translate(SUPERSCRIPTS)}"
    y = [rate / 10**exponent for rate in rates]
    return Panel(
        key="rate",
        caption=f"Learning rate: highest {peak:.3g}",
        alt=f"Chart of the learning rate over epochs; highest {peak:.3g}",
        svg=line_chart(
            [Curve("learning rate", log.train_x(), y)],
            xlabel="epoch",
            xlim=(0, None),
            ylabel=f"learning rate ({unit})",
            ylim=(0, None),
        ),
    )


def _id_weight(log: MetricsLog) -> Panel:
    weights = _column(log.train, "id_weight")
    span = f"from {weights[0]:.3g} to {weights[-1]:.3g}"
    return Panel(
        key="weight",
        caption=f"Weight of the ID loss: {span}",
        alt=f"Chart of the adapted weight of the ID loss over epochs; {span}",
        svg=line_chart(
            [Curve("weight of the ID loss", log.train_x(), weights)],
            xlabel="epoch",
            xlim=(0, None),
            ylabel="weight (no unit)",
            ylim=(0, None),
        ),
    )


def _validation(evals: Sequence[Line], keys: Sequence[str], *, key: str) -> Panel:
    """Chart of scores in per cent (the highest is best) or of errors in degrees (the lowest)."""
    percent = key == "scores"
    choose: Callable[[list[float]], float] = max if percent else min
    scale, unit = (100, "%") if percent else (1, "degrees")
    epochs = _column(evals, "epoch")
    columns_y = [[scale * value for value in _column(evals, name)] for name in keys]
    curves = [Curve(print_name(name), epochs, y) for name, y in zip(keys, columns_y, strict=True)]
    finite = [value for value in columns_y[0] if math.isfinite(value)]
    best = "no finite value"
    if finite:
        value = choose(finite)
        best = f"{value:.1f} {unit} at epoch {epochs[columns_y[0].index(value)]:.0f}"
    best = f"best {curves[0].label} {best}"
    return Panel(
        key=key,
        caption=f"Validation: {best}",
        alt=f"Chart of {', '.join(curve.label for curve in curves)} by epoch; {best}",
        svg=line_chart(
            curves,
            xlabel="epoch",
            xlim=(0, None),
            ylabel=f"{'score' if percent else 'error'} ({unit})",
            ylim=(0, None),
            points=True,
        ),
    )
