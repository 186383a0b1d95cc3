from pathlib import Path

import pytest

from benchmarks.fuse import main
from benchmarks.reports import Report


def test_both_ways_give_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = main(3, 4, 50, rounds=1, out_report=tmp_path / "report.json")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 files of 4 x 50 float32, added with weights of 1."
    assert Report.load(tmp_path / "report.json").tables == report.tables
    assert [line.split(" plain")[0].strip() for line in lines[1:]] == ["in memory", "file to file"]
    assert all(line.endswith("same bytes") for line in lines[1:])
