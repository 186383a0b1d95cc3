"""Compiled loops: the same as plain Python, and gone when they are switched off."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.neighbours.made import of_kind, threads
from vreid.compiled import available, compiled, num_threads, over_rows, reordered
from vreid.rerank import k_reciprocal

ROOT = Path(__file__).parents[1]
Wide = npt.NDArray[np.float64]


@compiled
def running(values: Wide, out: Wide) -> float:
    total = 0.0
    for at in range(values.shape[0]):
        total += values[at]
        out[at] = total
    return total


@reordered
def total_of(values: Wide) -> float:
    total = 0.0
    for at in range(values.shape[0]):
        total += values[at]
    return total


def test_loops_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VREID_COMPILED", raising=False)
    pytest.importorskip("numba")
    assert available()
    monkeypatch.setenv("VREID_COMPILED", "0")
    assert not available()
    monkeypatch.setenv("VREID_COMPILED", "1")
    assert available()
    monkeypatch.setitem(sys.modules, "numba", None)
    assert not available()


def test_without_numba_functions_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)

    def twice(value: float) -> float:
        return 2 * value

    assert compiled(twice) is twice
    assert reordered(twice) is twice


def test_sums_keep_their_order() -> None:
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(1000).clip(0, 15)
    out = np.empty(1000)
    total = 0.0
    for value in values.tolist():
        total += value
    assert running(values, out) == total == out[-1]


def test_reordered_sums_are_the_same_each_time_and_keep_nan() -> None:
    values = np.random.default_rng(0).normal(size=1003)
    found = {total_of(values.copy()) for _ in range(20)}
    assert len(found) == 1
    assert found.pop() == pytest.approx(values.sum(), rel=1e-12)
    values[500] = np.nan
    assert np.isnan(total_of(values))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("num_rows", [0, 1, 2, 13, 1000])
@pytest.mark.parametrize("least", [1, 7, 5000])
def test_ranges_cover_all_rows_once(count: int, num_rows: int, least: int) -> None:
    met = np.zeros(num_rows, dtype=int)
    spans: list[tuple[int, int]] = []

    def work(start: int, stop: int) -> None:
        met[start:stop] += 1
        spans.append((start, stop))

    with threads(count):
        over_rows(work, num_rows, least=least)
    assert (met == 1).all()
    assert len(spans) <= 4 * count
    assert all(stop - start >= min(least, num_rows) or stop == num_rows for start, stop in spans)


def test_ranges_run_on_several_threads() -> None:
    both = threading.Barrier(2, timeout=20)  # neither goes on before the other has come

    def work(start: int, stop: int) -> None:
        both.wait()

    with threads(2):
        over_rows(work, 8, least=4)


def test_an_error_in_a_range_is_raised() -> None:
    def work(start: int, stop: int) -> None:
        raise KeyError(start)

    for count in (1, 2):
        with threads(count), pytest.raises(KeyError):
            over_rows(work, 100)


def test_threads_are_those_of_torch() -> None:
    with threads(3):
        assert num_threads() == 3


WITHOUT = """
import sys
sys.modules["numba"] = None
import numpy as np
from vreid.rerank import k_reciprocal
feats = np.load(sys.argv[1])
np.save(sys.argv[2], k_reciprocal(feats[:60], feats[60:], k1=9, k2=4))
np.save(sys.argv[2] + "_best", k_reciprocal(feats[:60], feats[60:], k1=9, k2=4, top_k=5).idx)
square = ((feats[:, None] - feats[None]) ** 2).sum(axis=2)
np.save(sys.argv[2] + "_dense", k_reciprocal(dist=square, num_query=60, k1=9, k2=4))
"""


def test_a_machine_without_numba_gives_the_same(tmp_path: Path) -> None:
    feats = of_kind("offset", 300)
    np.save(tmp_path / "feats.npy", feats)
    words = [sys.executable, "-c", WITHOUT, str(tmp_path / "feats.npy"), str(tmp_path / "out")]
    path = os.pathsep.join([str(ROOT / "lib"), str(ROOT)])
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = k_reciprocal(feats[:60], feats[60:], k1=9, k2=4)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), wanted, rtol=0, atol=3e-7)
    np.testing.assert_allclose(np.load(tmp_path / "out_dense.npy"), wanted, rtol=0, atol=1e-5)
    best = k_reciprocal(feats[:60], feats[60:], k1=9, k2=4, top_k=5)
    np.testing.assert_array_equal(np.load(tmp_path / "out_best.npy"), best.idx)
