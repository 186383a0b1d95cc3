import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from scripts.measure import Cost, measure, read_cost, run_measured
from vreid.errors import DataError

ROOT = Path(__file__).parents[2]
# A verb for tests: works a while, needs memory, fails or waits as its arguments say.
VERB = """
import sys, time
what, amount = sys.argv[1], int(sys.argv[2])
if what == "work":
    started = time.process_time()
    while time.process_time() - started < amount / 100:
        pass
if what == "hold":
    held = bytearray(amount * 2**20)
    held[::4096] = bytes([1]) * len(held[::4096])
if what == "fail":
    print("a word", file=sys.stderr)
    print("error: the file is wrong", file=sys.stderr)
    sys.exit(amount)
if what == "wait":
    print("waiting", file=sys.stderr)
    open(sys.argv[3], "w").close()
    time.sleep(amount)
"""


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "measuredverb.py").write_text(VERB)
    path = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "lib")])
    monkeypatch.setenv("PYTHONPATH", path)
    return "measuredverb"


def test_cpu_time_is_that_of_the_work(verb: str, tmp_path: Path) -> None:
    record = tmp_path / "run" / "cost.json"
    assert run_measured([verb, "work", "40"], record) == ""
    cost = read_cost(record)
    assert cost is not None
    assert 0.4 <= cost.cpu_seconds < 1.5
    assert cost.wall_seconds >= 0.35


def test_memory_is_that_of_the_verb_alone(verb: str, tmp_path: Path) -> None:
    """Not of the process that asks, which holds more here than one of the two verbs."""
    held = bytearray(200 << 20)
    held[::4096] = bytes([1]) * len(held[::4096])
    peaks = []
    for megabytes in (0, 300):
        record = tmp_path / f"{megabytes}.json"
        assert run_measured([verb, "hold", str(megabytes)], record) == ""
        cost = read_cost(record)
        assert cost is not None
        peaks.append(cost.peak_bytes / 2**20)
    assert len(held) > peaks[0] * 2**20
    assert peaks[1] - peaks[0] == pytest.approx(300, rel=0.1)


def test_a_failure_is_told_by_its_last_line(verb: str, tmp_path: Path) -> None:
    record = tmp_path / "cost.json"
    assert run_measured([verb, "fail", "2"], record) == "the file is wrong"
    said = run_measured([verb, "fail", "1"], record)
    assert said == "exit code 1: the file is wrong"
    assert len(json.loads(record.read_text())) == 2


def test_a_stop_is_passed_on_and_waited_for(verb: str, tmp_path: Path) -> None:
    waiting, record = tmp_path / "waiting", tmp_path / "cost.json"

    def stop() -> None:
        while not waiting.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        run_measured([verb, "wait", "30", str(waiting)], record)
    cost = read_cost(record)
    assert cost is not None and cost.wall_seconds < 20


def test_all_starts_count_and_an_unknown_one_hides_the_sum(verb: str, tmp_path: Path) -> None:
    record = tmp_path / "cost.json"
    assert read_cost(record) is None
    starts = [vars(Cost(10.0, 20.0, 300)), vars(Cost(1.5, 2.0, 500))]
    record.write_text(json.dumps(starts))
    assert read_cost(record) == Cost(11.5, 22.0, 500)
    record.write_text(json.dumps([starts[0], None]))
    assert read_cost(record) is None
    assert measure([verb, "work", "0"], record) == 0
    assert [start is None for start in json.loads(record.read_text())] == [False, True, False]
    record.write_text('[{"seconds": 3}]')
    with pytest.raises(DataError, match=r"cost\.json: not a record"):
        read_cost(record)


@pytest.mark.skipif(sys.platform != "linux", reason="signals a process by Linux's rules")
def test_a_kill_says_so(
    verb: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "killedverb.py").write_text("import os; os.kill(os.getpid(), 9)")
    assert measure(["killedverb"], tmp_path / "cost.json") == 137
    assert "killedverb was killed; is there enough memory?" in capfd.readouterr().err
