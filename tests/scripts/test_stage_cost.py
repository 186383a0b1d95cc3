"""Stages that are measured: their cost is kept, and asked for again when it is missing."""

import os
import sys
from pathlib import Path

import pytest

from scripts.stages import run_stages, stage, stage_cost
from vreid.files import write_json


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    lines = "import sys\nfrom pathlib import Path\nPath(sys.argv[-1]).write_text('made')\n"
    (tmp_path / "makeverb.py").write_text(lines)
    paths = [str(tmp_path), *(path for path in sys.path if path)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return "makeverb"


def test_the_cost_is_written_down_and_stays(
    verb: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = stage(verb, inputs=[], output=tmp_path / "out.txt")
    run_stages([one])
    assert stage_cost(one) is None
    run_stages([one], measured=True)  # made, but not measured: once more
    cost = stage_cost(one)
    assert cost is not None and cost.wall_seconds > 0 and cost.peak_bytes > 2**20
    capfd.readouterr()
    run_stages([one], measured=True)
    run_stages([one])
    assert capfd.readouterr().out.count("is up to date") == 2
    assert stage_cost(one) == cost


def test_the_cost_of_an_earlier_run_does_not_outlive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("1")
    one = stage("verb", source, inputs=[source], output=target)

    def here(words: list[str]) -> None:
        target.write_text("made")
        if words[0] == "scripts.measure":
            cost = {"cpu_seconds": 1.0, "wall_seconds": 2.0, "peak_bytes": 3}
            write_json(Path(words[1]), [cost])

    monkeypatch.setattr("scripts.stages.run_verb", here)
    run_stages([one], measured=True)
    assert stage_cost(one) is not None
    source.write_text("2")
    run_stages([one])
    assert stage_cost(one) is None
