import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import document
from benchmarks.chart import log_log_chart, ticks
from benchmarks.reports import Panel, Report, Table
from vreid.errors import DataError

ROOT = Path(__file__).parents[2]
PANELS = [
    Panel("Time", "N", "seconds", {"vreid": [(1000, 0.5), (100_000, 50)], "a <b>": [(1000, 5)]}),
    Panel("Memory", "N", "GiB", {"vreid": [(1000, 0.01)]}),
]
REPORT = Report(
    name="rerank",
    title="Re-ranking",
    command="python -m benchmarks.rerank",
    text=["How it was measured."],
    tables=[Table("Time and memory", ["way", "s"], [["vreid", "0.5"]])],
    panels=PANELS,
)


def test_the_page_is_written_from_reports(tmp_path: Path) -> None:
    plain = Report(name="loader", title="Loader", command="c", tables=REPORT.tables)
    paths = [REPORT.save(tmp_path / "a.json"), plain.save(tmp_path / "b.json")]
    page = document.main(paths, page=tmp_path / "docs" / "benchmarks.md")
    text = page.read_text()
    assert text.startswith(
        "# Benchmarks\n\nWritten by `python -m benchmarks.document a.json b.json`"
    )
    assert re.findall("^## (.*)", text, re.MULTILINE) == ["Re-ranking", "Loader"]
    assert "- command: `python -m benchmarks.rerank`" in text
    assert "- processor: " in text
    assert "torch 2" in text
    assert "| vreid | 0.5 |" in text
    assert "How it was measured." in text
    assert str(tmp_path) not in text
    assert "(benchmarks-rerank.svg)" in text
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "benchmarks-rerank.svg",
        "benchmarks.md",
    ]


def test_lines_keep_their_order_in_the_file(tmp_path: Path) -> None:
    loaded = Report.load(REPORT.save(tmp_path / "r.json"))
    assert list(loaded.panels[0].lines) == ["vreid", "a <b>"]
    assert log_log_chart(loaded.panels) == log_log_chart(PANELS)
    assert next(iter(loaded.machine)) == "processor"


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        document.main([tmp_path / "none.json"], page=tmp_path / "page.md")


def test_a_failing_benchmark_is_named() -> None:
    with pytest.raises(DataError, match=r"python -m benchmarks\.nothing failed with code 1"):
        document.run_all(["nothing"])


def test_the_benchmarks_that_are_run_exist() -> None:
    missing = [
        name for name in document.BENCHMARKS if not (ROOT / "benchmarks" / f"{name}.py").is_file()
    ]
    assert missing == []


def test_charts_place_points_by_logarithm() -> None:
    svg = log_log_chart(PANELS)
    tree = ElementTree.fromstring(svg)
    group = tree.findall("{*}g")[0]
    path = next(
        part.attrib["d"] for part in group.findall("{*}path") if "line" in part.attrib["class"]
    )
    first, last = [tuple(map(float, point.split())) for point in path[1:].split("L")]
    circles = [
        (float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in group.findall("{*}circle")
    ]
    assert circles[:2] == [first, last]
    # 5 seconds lie half-way between 0.5 and 50.
    assert circles[2] == pytest.approx((first[0], (first[1] + last[1]) / 2), abs=0.11)
    assert last[0] > first[0]
    assert last[1] < first[1]


def test_charts_are_the_same_bytes_and_escape_labels() -> None:
    assert log_log_chart(PANELS) == log_log_chart(PANELS)
    assert "a &lt;b&gt;" in log_log_chart(PANELS)
    assert "prefers-color-scheme:dark" in log_log_chart(PANELS)


def test_charts_of_one_point_have_marks() -> None:
    assert ticks(13257 / 1.25, 13257 * 1.25) == []
    assert log_log_chart(PANELS[1:]).count("<circle") == 2  # the point and its key
    assert len(ticks(900, 1200)) == 2 or ticks(900, 1200) == [900.0, 1000.0]


def test_the_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.document", "none.json"],
        cwd=ROOT,
        env={"PYTHONPATH": "lib", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "error: none.json: no such file\n"
