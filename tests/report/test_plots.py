import re
from xml.etree import ElementTree

import matplotlib
import numpy as np

from vreid.report.plots import STAND_INS, Curve, cmc_chart, line_chart
from vreid.report.theme import DARK, LIGHT, SERIES


def chart(label: str) -> str:
    curves = [Curve(label, [0, 1, 2], [3.0, 2.0, 1.0]), Curve("other", [0, 1], [1.0, 2.0])]
    return line_chart(curves, xlabel="epoch", ylabel="loss (no unit)").decode()


def text_of(svg: str) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


def test_same_numbers_give_the_same_bytes_without_a_date() -> None:
    assert chart("a") == chart("a")
    assert "<dc:date>" not in chart("a")


def test_labels_are_shown_as_they_are() -> None:
    """Neither as markup, nor as a formula, nor hidden for a leading underscore."""
    for label in ("<script>", "cost $x_1$ & $y$", "_hidden", "Geländewagen"):
        assert label in text_of(chart(label))
    assert "\u200b" not in chart("a")


def test_colours_follow_the_reader_and_no_other_is_left() -> None:
    svg = chart("a")
    assert "prefers-color-scheme:dark" in svg
    assert f"--s0:{LIGHT['s0']}" in svg and f"--s0:{DARK['s0']}" in svg
    assert "var(--s0)" in svg and "var(--s1)" in svg
    assert not any(stand_in in svg for stand_in in STAND_INS.values())
    drawn = svg[svg.index("</style>") + len("</style>") :]  # after our variables
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []


def test_matplotlib_is_left_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    chart("a")
    assert dict(matplotlib.rcParams) == before


def test_the_readers_own_settings_do_not_matter() -> None:
    plain = chart("a")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert chart("a") == plain


def test_cmc_names_each_curve_with_its_rank_1() -> None:
    svg = cmc_chart({"one": np.linspace(0.5, 1, 80), "two": np.array([0.25])}).decode()
    assert "one (rank-1 50.0 %)" in svg and "two (rank-1 25.0 %)" in svg
    assert "rank k" in svg


def test_more_curves_than_colours_are_told_apart_by_dashes() -> None:
    cmc = {f"member {idx}": np.array([0.1, 0.2]) for idx in range(len(SERIES) + 1)}
    svg = cmc_chart(cmc).decode()
    assert "stroke-dasharray" in svg
