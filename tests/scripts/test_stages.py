from pathlib import Path

import pytest

from scripts.stages import StageError, run_stages, run_verb, stage

# A verb for tests: copies the first argument to the file after --out and counts its runs.
VERB = """
import sys
from pathlib import Path
source, out = Path(sys.argv[1]), Path(sys.argv[-1])
out.write_text(source.read_text())
with (out.parent / "runs.txt").open("a") as stream:
    stream.write("x")
sys.exit(3 if source.read_text() == "bad" else 0)
"""


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "copyverb.py").write_text(VERB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "copyverb"


def count(folder: Path) -> int:
    runs = folder / "runs.txt"
    return len(runs.read_text()) if runs.exists() else 0


def test_a_stage_runs_again_only_when_something_changed(verb: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("one")
    one = [stage(verb, source, inputs=[source], output=target)]
    run_stages(one)
    run_stages(one)
    assert (target.read_text(), count(tmp_path)) == ("one", 1)
    source.write_text("two")
    run_stages(one)
    assert (target.read_text(), count(tmp_path)) == ("two", 2)
    target.unlink()
    run_stages(one)
    assert count(tmp_path) == 3
    run_stages([stage(verb, source, "--other", inputs=[source], output=target)])
    assert count(tmp_path) == 4


def test_a_change_runs_through_the_stages_after_it(verb: str, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt"))
    first.write_text("one")
    chain = [
        stage(verb, first, inputs=[first], output=second),
        stage(verb, second, inputs=[second], output=third),
    ]
    run_stages(chain)
    first.write_text("two")
    run_stages(chain)
    assert third.read_text() == "two"
    assert count(tmp_path) == 4


def test_a_failed_stage_stops_the_chain_and_is_tried_again(verb: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("bad")
    chain = [
        stage(verb, source, inputs=[source], output=target),
        stage(verb, target, inputs=[target], output=tmp_path / "never.txt"),
    ]
    for runs in (1, 2):
        with pytest.raises(StageError, match=r"copyverb .* failed with exit code 3"):
            run_stages(chain)
        assert count(tmp_path) == runs
    assert not (tmp_path / "never.txt").exists()


def test_an_interrupted_verb_interrupts_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quitter.py").write_text("import sys; sys.exit(130)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        run_verb(["quitter"])
