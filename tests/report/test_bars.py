import math
import re
from xml.etree import ElementTree

import matplotlib
import pytest

from vreid.report.bars import Bar, bar_chart
from vreid.report.plots import STAND_INS

BARS = [
    Bar("ibn", 2.0, 0.5, 3.5, [1.5, 2.0, 2.5], "+2.0"),
    Bar("avg", -1.0, dots=[-1.0], note="−1.0"),
    Bar("malw", math.nan, note="failed"),
]


def chart(bars: list[Bar]) -> str:
    return bar_chart(bars, xlabel="gain (points)").decode()


def text_of(svg: str) -> list[str]:
    return [text.strip() for text in ElementTree.fromstring(svg).itertext() if text.strip()]


def paths(svg: str, prefix: str) -> list[list[float]]:
    """Horizontal places of the paths of some groups, in the order of drawing."""
    root = ElementTree.fromstring(svg)
    found = []
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        if group.get("id", "").startswith(prefix):
            for path in group.findall("{http://www.w3.org/2000/svg}path"):
                numbers = re.findall(r"[ML] ([\d.]+) [\d.]+", path.get("d", ""))
                found.append([float(number) for number in numbers])
    return found


def test_labels_notes_and_the_axis_are_text() -> None:
    shown = text_of(chart(BARS))
    for text in ("ibn", "avg", "malw", "+2.0", "−1.0", "failed", "gain (points)"):
        assert text in shown


def test_bars_begin_at_zero_and_are_as_long_as_their_values() -> None:
    bars = [path for path in paths(chart(BARS), "patch_") if len(path) == 4]
    assert len(bars) == 2  # none for NaN
    right, left = ((path[0], path[1]) for path in bars)
    assert right[0] == left[0]  # zero
    assert right[1] - right[0] == pytest.approx(2 * (left[0] - left[1]), rel=1e-3)


def test_whiskers_end_at_low_and_high() -> None:
    svg = chart(BARS)
    zero, tip = next(path for path in paths(svg, "patch_") if len(path) == 4)[:2]
    unit = (tip - zero) / 2
    ends = [zero + 0.5 * unit, zero + 3.5 * unit]
    assert any(path == pytest.approx(ends, abs=0.01) for path in paths(svg, "line2d_"))


def test_one_dot_a_value() -> None:
    few, more = (chart([Bar("a", 1.0, dots=[1.0] * count)]).count("<use ") for count in (1, 4))
    assert more - few == 3


def test_labels_are_shown_as_they_are() -> None:
    for label in ("<script>", "cost $x_1$ & $y$", "_hidden", "Geländewagen"):
        assert label in text_of(chart([Bar(label, 1.0)]))


def test_colours_follow_the_reader_and_no_other_is_left() -> None:
    svg = chart(BARS)
    assert "prefers-color-scheme:dark" in svg and "var(--s0)" in svg
    assert not any(stand_in in svg for stand_in in STAND_INS.values())
    drawn = svg[svg.index("</style>") + len("</style>") :]
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []


def test_same_numbers_give_the_same_bytes_and_settings_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    assert chart(BARS) == chart(BARS)
    assert dict(matplotlib.rcParams) == before


def test_the_height_follows_from_the_bars() -> None:
    heights = []
    for count in (1, 11):
        root = ElementTree.fromstring(chart([Bar(str(idx), 1.0) for idx in range(count)]))
        heights.append(float(root.get("height", "0").removesuffix("pt")))
    two_lines = ElementTree.fromstring(bar_chart([Bar("0", 1.0)], xlabel="a\nb"))
    assert float(two_lines.get("height", "0").removesuffix("pt")) > heights[0]
    assert heights[1] - heights[0] == pytest.approx(10 * 0.3 * 72)


def test_bars_without_any_value_are_drawn() -> None:
    assert "failed" in text_of(chart([Bar("a", math.nan, note="failed")]))
