import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmarks import harness, memory
from benchmarks.harness import Measured, alternate, digest, measure, run_here
from benchmarks.memory import available_memory, gib, peak_bytes, reset_peak
from vreid.errors import DataError

MB = 1_000_000


def hold(megabytes: int) -> npt.NDArray[np.uint8]:
    """Touch memory, let it go, and return a small result."""
    return np.ones(megabytes * MB, dtype=np.uint8)[:3].copy()


def small_pieces(megabytes: int) -> npt.NDArray[np.uint8]:
    """The same in pieces that the allocator keeps for itself."""
    pieces = [np.ones(4_000, dtype=np.uint8) for _ in range(megabytes * 250)]
    return np.array([len(pieces)])


def build(megabytes: int) -> dict[str, Callable[[], Any]]:
    hold(400)  # what came before must neither count nor hide anything
    kept = np.ones(100 * MB, dtype=np.uint8)
    return {"measured": partial(hold, megabytes), "beside": partial(len, kept)}


def build_pieces() -> dict[str, Callable[[], Any]]:
    small_pieces(120)
    return {"measured": partial(small_pieces, 60)}


def build_failing(error: str) -> dict[str, Callable[[], Any]]:
    def fail() -> None:
        if error == "torch":
            torch.empty(1 << 60)
        raise {"fault": KeyError, "user": DataError, "memory": MemoryError}[error]("row 7")

    return {"failing": fail}


def build_dying() -> dict[str, Callable[[], Any]]:
    return {"dying": partial(os._exit, 9)}


def test_memory_is_what_the_first_way_adds(tmp_path: Path) -> None:
    found = measure(partial(build, 200), warm=partial(build, 300), rounds=2)
    assert found.note == ""
    assert 198 * MB < found.peak < 215 * MB
    assert list(found.seconds) == ["measured", "beside"]
    assert found.threads >= 1
    assert found.digest == digest(np.ones(3, dtype=np.uint8))


def test_what_happens_once_is_told_apart() -> None:
    found = run_here(partial(build_slow_once, []), warm=partial(build_slow_once, [0.3]))
    assert 0.2 < found.warmup < 0.4
    assert found.seconds["measured"] < 0.2


def build_slow_once(delays: list[float]) -> dict[str, Callable[[], Any]]:
    def way() -> int:
        time.sleep(delays.pop() if delays else 0)
        return 1

    return {"measured": way}


def test_memory_that_the_allocator_kept_is_counted_again() -> None:
    found = measure(build_pieces)
    assert 58 * MB < found.peak < 80 * MB


def test_the_result_can_be_kept(tmp_path: Path) -> None:
    run_here(partial(build, 1), keep=tmp_path / "result.npy")
    assert np.load(tmp_path / "result.npy").tolist() == [1, 1, 1]


def test_a_way_that_needs_too_much_is_not_started() -> None:
    needs = 427 << 30
    assert measure(build_dying, needs=needs) == Measured(note="would need 427 GiB")


def test_a_way_that_takes_too_long_is_ended() -> None:
    start = time.monotonic()
    found = measure(partial(build, 1), warm=partial(_sleep, 60), limit=0.5)
    assert found == Measured(note="not finished after 0 s")
    assert time.monotonic() - start < 20


def _sleep(seconds: float) -> dict[str, Callable[[], Any]]:
    return {"sleep": partial(time.sleep, seconds)}


def test_a_way_is_ended_before_the_machine_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([10 << 30])
    monkeypatch.setattr(harness, "available_memory", lambda: next(answers, 0))
    found = measure(partial(_sleep, 60))
    assert found.note == "ended: the machine's memory ran out"


def test_a_death_is_reported() -> None:
    assert "ended by the system" in measure(build_dying).note


def test_a_fault_is_raised_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="row 7"):
        measure(partial(build_failing, "fault"))


@pytest.mark.parametrize(
    ("error", "note"),
    [("user", "row 7"), ("memory", "ran out of memory"), ("torch", "ran out of memory")],
)
def test_refusals_become_notes(error: str, note: str) -> None:
    assert measure(partial(build_failing, error)).note == note


def test_ways_take_turns() -> None:
    called: list[str] = []
    seconds = alternate({name: partial(called.append, name) for name in "ab"}, rounds=2)
    assert called == ["a", "b"] * 3
    assert set(seconds) == {"a", "b"}


def test_digests_tell_values_shapes_and_types_apart() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    others = [array + 1, array.reshape(3, 2), array.astype(np.float64), (array, array)]
    digests = [digest(value) for value in (array, *others)]
    assert len(set(digests)) == len(digests)
    assert digest(torch.from_numpy(array)) == digest(array) == digest(np.asfortranarray(array))
    assert digest(3.5) == digest(np.array(3.5))


def test_lists_are_digested_by_their_attributes() -> None:
    class Lists:
        idx = np.arange(3)
        dist = np.ones(3, dtype=np.float32)

    assert digest(Lists()) == digest((Lists.idx, Lists.dist))


def test_without_the_kernel_record_the_peak_errs_to_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_CLEAR", tmp_path)  # a folder: writing fails
    monkeypatch.setattr(memory, "_STATUS", tmp_path)
    before = reset_peak()
    assert peak_bytes() >= before > 10 * MB


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [("max\n", "5", 3000 * 1024), ("2000000", "500000", 1_500_000), ("90000000", "5", 3000 * 1024)],
)
def test_free_memory_minds_the_container(
    limit: str, used: str, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    3000 kB\n")
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(used)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert available_memory() == expected


def test_unknown_free_memory_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    assert available_memory() > 1 << 60


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 MiB"),
        (50 << 20, "50 MiB"),
        (1 << 29, "512 MiB"),
        (5 << 29, "2.5 GiB"),
        (427 << 30, "427 GiB"),
    ],
)
def test_sizes_are_written(num_bytes: int, text: str) -> None:
    assert gib(num_bytes) == text
