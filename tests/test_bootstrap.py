"""The paired bootstrap: against its definition, the normal limit, and its corner cases."""

import numpy as np
import pytest

import vreid.bootstrap as bootstrap
from vreid.bootstrap import Gain, paired_gain
from vreid.errors import DataError


def test_interval_is_that_of_the_definition() -> None:
    generator = np.random.default_rng(5)
    ours, base = generator.random(40), generator.random(40)
    found = paired_gain(ours, base, draws=300, seed=9)
    again = np.random.default_rng(9)
    means = []
    for _ in range(300):
        drawn = again.integers(40, size=40)
        means.append(sum(ours[idx] - base[idx] for idx in drawn) / 40)
    means.sort()
    assert found.mean == pytest.approx(sum(ours - base) / 40)
    assert means[6] <= found.low <= means[8]  # 2.5 % of 300 is 7.5
    assert means[291] <= found.high <= means[293]


def test_interval_of_many_queries_is_the_normal_one() -> None:
    generator = np.random.default_rng(1)
    base = generator.random(2000)
    ours = base + generator.normal(0.02, 0.1, 2000)
    found = paired_gain(ours, base, draws=4000, seed=0)
    half = 1.96 * np.std(ours - base, ddof=1) / np.sqrt(2000)
    assert found.high - found.mean == pytest.approx(half, rel=0.08)
    assert found.mean - found.low == pytest.approx(half, rel=0.08)
    assert found.verdict == "helps"


def test_pairing_leaves_out_what_both_share() -> None:
    base = np.linspace(0, 1, 50)  # hard and easy queries
    found = paired_gain(base + 0.01, base, draws=100, seed=0)
    assert found.low == pytest.approx(0.01)
    assert found.high == pytest.approx(0.01)


def test_seed_and_draws_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    ours, base = generator.random(30), generator.random(30)
    first = paired_gain(ours, base, draws=200, seed=4)
    assert paired_gain(ours, base, draws=200, seed=4) == first
    assert paired_gain(ours, base, draws=200, seed=5) != first
    assert paired_gain(base, ours, draws=200, seed=4).mean == pytest.approx(-first.mean)
    monkeypatch.setattr(bootstrap, "_DRAWN", 7 * 30)  # several blocks, the last one shorter
    blocks = paired_gain(ours, base, draws=200, seed=4)
    assert blocks.low == pytest.approx(first.low, abs=0.03)


def test_queries_without_a_match_are_left_out() -> None:
    ours, base = np.array([0.5, np.nan, 0.7]), np.array([0.1, np.nan, 0.2])
    found = paired_gain(ours, base, draws=50, seed=0)
    assert found == paired_gain(ours[[0, 2]], base[[0, 2]], draws=50, seed=0)
    single = paired_gain(np.array([0.4, np.nan]), np.array([0.1, np.nan]), draws=5, seed=0)
    assert single.low == single.high == single.mean == pytest.approx(0.3)


def test_float32_values() -> None:
    ours = np.array([0.5, 0.25], dtype=np.float32)
    assert paired_gain(ours, np.zeros(2, dtype=np.float32), draws=5, seed=0).mean == 0.375


@pytest.mark.parametrize(
    ("ours", "base", "message"),
    [
        ([0.1, 0.2], [0.1], r"scores of \(2,\) and \(1,\) queries are not paired"),
        ([0.1, 0.2], [0.1, np.nan], "query 1 has a match by one of the two scores only"),
        ([np.nan], [np.nan], "none of the 1 queries has a match"),
        ([], [], "none of the 0 queries has a match"),
    ],
)
def test_what_cannot_be_compared(ours: list[float], base: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        paired_gain(np.array(ours, dtype=float), np.array(base, dtype=float), draws=9, seed=0)


def test_verdicts_and_text() -> None:
    assert Gain(0.02, 0.01, 0.03).verdict == "helps"
    assert Gain(-0.02, -0.03, -0.01).verdict == "hurts"
    assert Gain(0.0, -0.01, 0.01).verdict == Gain(0.0, 0.0, 0.0).verdict == "no clear change"
    assert str(Gain(-0.1, -0.25, 0.005)) == "-10.00 [-25.00, +0.50]"
