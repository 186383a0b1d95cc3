"""Gains of a chain on the page: sentences, tables, the waterfall, and the way through JSON."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.report.test_bars import paths, text_of
from vreid.bootstrap import Gain
from vreid.errors import DataError
from vreid.report.content import Report
from vreid.report.gains import ChainGains, StageGain
from vreid.report.gains_section import gains_section
from vreid.report.plots import STAND_INS
from vreid.report.waterfall import Fall, gains_waterfall, waterfall

UP, FLAT, DOWN = Gain(0.1, 0.05, 0.15), Gain(0.01, -0.01, 0.03), Gain(-0.05, -0.08, -0.02)
NONE = Gain(0.0, 0.0, 0.0)
GAINS = ChainGains(
    headline="mAP@100",
    protocol="aicity: AP over the top 100; no junk",
    num_query=85,
    draws=1000,
    seed=0,
    steps=(
        StageGain("single member", 0.4, 0.5, cpu_seconds=1.25, wall_seconds=2.0, peak_bytes=2**22),
        StageGain("1 whiten <b>", 0.5, 0.6, UP, FLAT),
        StageGain("2 tracklets", 0.51, 0.6, FLAT, NONE),
        StageGain("3 distance", 0.51, 0.6, note="changes no score by itself"),
        StageGain("4 minus", 0.46, 0.6, DOWN, NONE),
    ),
    off=(
        StageGain("1 whiten <b>", 0.36, 0.5, UP, FLAT),
        StageGain("2 tracklets, 5 spread", 0.36, 0.5, UP, UP),
        StageGain("3 distance", None, None, note="cannot be turned off"),
        StageGain("4 minus", 0.51, 0.6, DOWN, NONE),
    ),
)
REPORT = Report(title="t", subtitle="s", protocol="p")


def test_sentences_are_of_stages_that_do_not_help() -> None:
    assert GAINS.sentences == [
        "2 tracklets, 5 spread helps only together with what follows: it brings +10.00 [+5.00,"
        " +15.00] points of mAP@100 to the chain; added where it stands: +1.00 [-1.00, +3.00].",
        "4 minus hurts: it brings -5.00 [-8.00, -2.00] points of mAP@100 to the chain; added where"
        " it stands: -5.00 [-8.00, -2.00].",
    ]
    off = (StageGain("6 constrain", 0.4, 0.5, FLAT, FLAT), StageGain("7 smooth", 0.4, 1, NONE))
    assert replace(GAINS, off=off).sentences == [
        "6 constrain does not clearly help: it brings +1.00 [-1.00, +3.00] points of mAP@100 to the"
        " chain.",
        "7 smooth changes nothing: without it every query scores the same.",
    ]


def test_the_way_through_json_loses_nothing() -> None:
    text = json.dumps(GAINS.as_dict(), sort_keys=True)  # as files are written
    assert ChainGains.from_dict(json.loads(text), source="gains.json") == GAINS
    broken = json.loads(text)
    del broken["off"][0]["score"]
    for values in ({}, {**json.loads(text), "steps": [3]}, broken):
        with pytest.raises(DataError, match=r"gains\.json: not the gains of a chain .* make it"):
            ChainGains.from_dict(values, source="gains.json")


def test_the_section_has_every_number_with_its_protocol() -> None:
    section = gains_section(replace(REPORT, gains=GAINS))
    assert section is not None
    html = section.html()
    for text in (
        "1 whiten &lt;b&gt;",
        "+10.00 [+5.00, +15.00]",
        "51.00",
        "1.2",
        "cannot be turned",
    ):
        assert text in html
    assert "4 minus hurts" in html and "aicity: AP over the top 100; no junk." in html
    assert set(section.files) == {"img/waterfall.svg", "img/turned-off.svg"}
    assert all(f'src="{name}"' in html for name in section.files)
    assert "<td>4</td>" in html  # MiB
    assert gains_section(REPORT) is None
    nothing_off = gains_section(replace(REPORT, gains=replace(GAINS, off=())))
    assert nothing_off is not None and list(nothing_off.files) == ["img/waterfall.svg"]


def test_bars_hang_between_the_scores() -> None:
    falls = [Fall("start", 40.0), Fall("up", 50.0, UP), Fall("down", 45.0, DOWN), Fall("all", 45.0)]
    svg = waterfall(falls, xlabel="mAP (%)").decode()
    bars = [sorted({*path}) for path in paths(svg, "patch_") if len(path) == 4]
    (zero, start), up, down, (_, last) = bars
    unit = (start - zero) / 40
    assert up == pytest.approx([start, start + 10 * unit], abs=0.02)
    assert down == pytest.approx([start + 5 * unit, start + 10 * unit], abs=0.02)
    assert last == pytest.approx(zero + 45 * unit, abs=0.02)
    whisker = [start + 5 * unit, start + 15 * unit]
    assert any(path == pytest.approx(whisker, abs=0.02) for path in paths(svg, "line2d_"))


def test_the_waterfall_names_stages_figures_and_rules() -> None:
    svg = gains_waterfall(GAINS).decode()
    shown = text_of(svg)
    for text in ("single member", "1 whiten <b>", "+10.00 [+5.00, +15.00]", "whole chain", "46.00"):
        assert text in shown
    assert "3 distance" not in shown
    assert "aicity: AP over the top 100" in shown
    assert ElementTree.fromstring(svg) is not None
    drawn = svg[svg.index("</style>") + len("</style>") :]
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []
    assert not any(stand_in in svg for stand_in in STAND_INS.values())
    assert gains_waterfall(GAINS).decode() == svg
