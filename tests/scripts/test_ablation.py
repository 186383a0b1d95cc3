"""The arithmetic and the table of an ablation, against numbers computed by hand."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from scripts.ablation import Difference, Failure, Outcome, difference, make_rows
from scripts.ablation_plan import Ablation, Mode
from scripts.ablation_table import Findings
from scripts.measure import Cost
from vreid.errors import DataError
from vreid.options import Config
from vreid.protocol import AICITY, MARKET, Protocol
from vreid.scores import Scores

T_2 = 4.302653  # 97.5 % point of Student's t with 2 degrees of freedom, from a printed table
T_3 = 3.182446


def scores(value: float, rank1: float, protocol: Protocol = MARKET) -> Scores:
    """Scores whose headline is ``value``; mAP is another number where the protocol has a K."""
    has_k = protocol.top_k is not None
    return Scores(
        protocol=protocol,
        map=0.9 if has_k else value,
        map_at_k=value if has_k else None,
        minp=None,
        cmc=np.array([rank1, 1.0]),
        ap=np.array([value, value]),
        num_query=2,
        num_skipped=0,
        num_gallery=3,
    )


def outcome(
    variant: str, seed: int, value: float, *, cpu: float | None = 60.0, protocol: Protocol = MARKET
) -> Outcome:
    cost = None if cpu is None else Cost(cpu, 2 * cpu, int(cpu) * 2**20)
    return Outcome(variant, seed, scores(value, value + 0.1, protocol), 1234567, cost)


def plan(mode: Mode, variants: Sequence[str]) -> Ablation:
    configs = {name: Config(output="runs/ablation") for name in ("base", *variants)}
    given = {name: (f"model.{name} true",) for name in variants}
    return Ablation(Path("plans/toy.yml"), mode, (0, 1, 2), configs, given, {}, configs["base"])


def test_three_seeds_give_the_t_interval_of_the_mean_difference() -> None:
    base = {0: 0.40, 1: 0.42, 2: 0.41}
    found = difference({0: 0.41, 1: 0.44, 2: 0.44}, base, mode="on")  # 1, 2, 3 points
    assert found is not None
    assert found.kind == "interval"
    half = T_2 * 0.01 / math.sqrt(3)
    assert found.mean == pytest.approx(0.02)
    assert (found.low, found.high) == pytest.approx((0.02 - half, 0.02 + half), abs=1e-8)


def test_four_seeds_have_the_t_of_three_degrees_of_freedom() -> None:
    values = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}
    found = difference(values, dict.fromkeys(values, 0.0), mode="on")
    assert found is not None
    half = T_3 * math.sqrt(5 / 3) / 2
    assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half), abs=1e-5)


def test_what_is_taken_away_counts_the_other_way_round() -> None:
    base, variant = {0: 0.5, 1: 0.6}, {0: 0.4, 1: 0.45}
    found = difference(variant, base, mode="off")
    assert found == Difference(
        {0: pytest.approx(0.1), 1: pytest.approx(0.15)},  # type: ignore[dict-item]
        pytest.approx(0.125),  # type: ignore[arg-type]
        pytest.approx(0.1),  # type: ignore[arg-type]
        pytest.approx(0.15),  # type: ignore[arg-type]
        "range",
    )


def test_only_seeds_that_both_have_are_paired() -> None:
    found = difference({1: 0.5, 7: 0.9}, {0: 0.1, 1: 0.4}, mode="on")
    assert found is not None
    assert (list(found.by_seed), found.kind) == ([1], "single")
    assert difference({7: 0.9}, {0: 0.1}, mode="on") is None


def test_rows_hold_mean_spread_and_the_median_cost() -> None:
    outcomes = [outcome("base", seed, 0.4) for seed in range(3)]
    values = {0: (0.41, 10.0), 1: (0.42, 500.0), 2: (0.43, None)}
    outcomes += [outcome("ibn", seed, value, cpu=cpu) for seed, (value, cpu) in values.items()]
    base, ibn = make_rows(outcomes, ["base", "malw", "ibn"], mode="on")
    assert (base.variant, ibn.variant) == ("base", "ibn")
    assert base.differences == {}
    assert ibn.scores["mAP"].mean == pytest.approx(0.42)
    assert ibn.scores["mAP"].std == pytest.approx(0.01)
    assert ibn.differences["rank-1"].mean == pytest.approx(0.02)
    assert ibn.cost("cpu_seconds") == 255.0


def test_the_table_in_per_cent_with_its_protocol() -> None:
    outcomes = [outcome("base", seed, 0.4) for seed in range(3)]
    outcomes += [outcome("ibn", seed, 0.41 + seed / 100) for seed in range(3)]
    outcomes += [outcome("avg", seed, 0.39 - seed / 100, cpu=None) for seed in range(2)]
    outcomes += [outcome("cbam", 7, 0.5)]
    failed = (Failure("malw", 1, "the loss is not finite"),)
    text = Findings(plan("on", ["ibn", "avg", "cbam", "malw", "late"]), tuple(outcomes), failed)
    lines = text.table().splitlines()
    cells = {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
    assert list(cells) == ["variant", "base", "ibn", "avg", "cbam"]
    for part in ("0 1 2", "42.00 ± 1.00", "52.00 ± 1.00", "+2.00 [-0.48, +4.48]", "1,234,567"):
        assert part in cells["ibn"], part
    assert "-1.50 (-2.00 to -1.00)" in cells["avg"] and " – " in cells["avg"]
    assert "50.00 | " in cells["cbam"] and "+" not in cells["cbam"]
    assert f"Per cent, mean ± standard deviation over seeds; {MARKET}." in lines
    assert "- malw, seed 1: the loss is not finite" in lines
    assert "- ibn: model.ibn true" in lines
    assert "Not trained: late." in lines
    assert "mAP gained" in cells["variant"]


def test_the_headline_is_the_protocols() -> None:
    outcomes = (outcome("base", 0, 0.25, protocol=AICITY),)
    text = Findings(plan("off", []), outcomes, ()).table()
    assert "mAP@100 lost" in text and " 25.00 | " in text and str(AICITY) in text


def test_nothing_is_shown_without_one_protocol() -> None:
    mixed = (outcome("base", 0, 0.2), outcome("ibn", 0, 0.2, protocol=AICITY))
    with pytest.raises(DataError, match=r"2 protocols cannot be compared: aicity.*market"):
        Findings(plan("on", ["ibn"]), mixed, ())
    with pytest.raises(DataError, match=r"toy\.yml: no training was measured"):
        Findings(plan("on", ["ibn"]), (), ())


def test_bars_are_gains_where_there_is_a_base_and_scores_otherwise() -> None:
    ibn = tuple(outcome("ibn", seed, 0.42) for seed in range(3))
    base = tuple(outcome("base", seed, 0.4) for seed in range(3))
    failed = (Failure("malw", 0, "wrong"),)
    asked = plan("off", ["ibn", "malw"])
    gains = Findings(asked, base + ibn, failed).bars().decode()
    assert "lost by taking it away: mAP (points)" in gains
    assert "−2.0" in gains and ">failed<" in gains and ">base<" not in gains
    values = Findings(asked, ibn, ()).bars().decode()
    assert "mAP (%)" in values and "42.0" in values
    for svg in (gains, values):
        assert "market: AP over the whole list / all relevant" in svg
