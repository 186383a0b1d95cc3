import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import rerank
from benchmarks.features_made import SIZES, find_size
from benchmarks.floor import half_product, product_rates
from benchmarks.reports import Report, Table, command_line, markdown_table
from benchmarks.rerank_tables import OURS, Row, growth, make_report
from vreid.errors import ConfigError, DataError

RATES = {"torch fp32": 220.0, "torch bf16": 1000.0}


def row(way: str = OURS, size: str = "1000", **changes: object) -> Row:
    num_all = find_size(size).num_all
    base = Row(
        size=size,
        way=way,
        num_query=num_all // 10,
        num_gallery=num_all - num_all // 10,
        top_k=0,
        seconds=(num_all / 1000) ** 2,
        ours=0.5,
        floor=None,
        peak=num_all << 20,
        warmup=0.1,
        threads=2,
        digest="",
        note="",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerank, "product_rates", lambda *, dim: RATES)
    report = rerank.main(["300"], ["chunked"], rounds=1, dim=32)
    assert [row["way"] for row in report.rows] == [OURS, "chunked"]
    ours, peer = report.rows
    assert ours["floor"] > 0
    assert ours["seconds"] > 0
    assert peer["max_error"] < 2e-6
    assert peer["same_lists"] > 0.9
    assert peer["num_differing"] == 0
    assert len(peer["digest"]) == 64
    loaded = Report.load(report.save(tmp_path / "rerank.json"))
    assert loaded.markdown() == report.markdown()
    assert json.loads((tmp_path / "rerank.json").read_text())["name"] == "rerank"


def test_a_way_too_large_is_named_with_its_need() -> None:
    inputs = {"backend": "numpy fp32", "dim": 2048, "offset": True}
    size = SIZES["veri-wild-large"]
    found = rerank.run(size, "original", inputs, rounds=1, limit=1, folder=Path())
    assert found.seconds is None
    assert found.note == "would need 359 GiB"
    assert (
        "| would need 359 GiB |"
        in make_report([found], RATES, command="c", dim=2048, offset=True).markdown()
    )


def test_only_the_largest_set_gives_the_best_of_each_query_alone() -> None:
    assert {name: rerank.best_only(size) for name, size in SIZES.items()} == {
        **dict.fromkeys(SIZES, 0),
        "veri-wild-large": 100,
    }


@pytest.mark.parametrize(
    ("top_k", "device", "expected"),
    [(0, "", {}), (100, "", {"top_k": 100}), (0, "cuda", {"device": "cuda"})],
)
def test_only_what_differs_is_asked_of_the_library(
    top_k: int, device: str, expected: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(rerank, "k_reciprocal", lambda q, g, **options: calls.append(options))
    inputs: dict[str, Any] = {"backend": "numpy fp32", "dim": 8, "offset": False, "device": device}
    rerank.build_ways(find_size("50"), OURS, top_k=top_k, **inputs)[OURS]()
    assert calls == [expected]


def test_unknown_ways_are_refused() -> None:
    with pytest.raises(ConfigError, match="no way named 'faiss'; the ways are vreid, original"):
        rerank.main([], ["faiss"])


def test_results_are_compared_in_blocks(tmp_path: Path) -> None:
    left = np.random.default_rng(0).random((600, 120), dtype=np.float32)
    right = left.copy()
    right[300, 5] += 0.5
    np.save(tmp_path / "a.npy", left)
    np.save(tmp_path / "b.npy", right)
    largest, differing, same = rerank.compare(tmp_path / "a.npy", tmp_path / "b.npy")
    assert largest == pytest.approx(0.5)
    assert differing == 1
    assert same == 599 / 600


def test_tables_hold_ratios_exponents_and_gaps() -> None:
    rows = [
        row(floor=0.25),
        row("original", seconds=5.0, max_error=1e-7, num_differing=0, same_lists=1.0),
        row(size="4000", floor=4.0, ours=16.0, top_k=100),
        row("original", "4000", seconds=None, note="would need 9.0 GiB"),
    ]
    text = make_report(rows, RATES, command="c", dim=2048, offset=True).markdown()
    assert "by torch bf16, the fastest here" in text
    assert re.search(r"\| original +\| +5.00 \| .* \| +10.00 \|", text)
    assert "vreid, top 100" in text
    assert "would need 9.0 GiB" in text
    assert "| vreid |     2 | 1,000 to 4,000 | 2.00 |   1.00 |" in text
    assert "| original | " in text.split("### Agreement")[1]


def test_growth_of_one_size_is_unknown() -> None:
    assert np.isnan(growth([5, 5], [1, 2]))


def test_panels_hold_what_was_measured() -> None:
    rows = [row(floor=0.25), row("gnn", seconds=None, note="would need 9.0 GiB")]
    time, space = make_report(rows, RATES, command="c", dim=8, offset=False).panels
    assert time.lines == {OURS: [(1000, 1.0)], "floor": [(1000, 0.25)]}
    assert space.lines == {OURS: [(1000, 1000 / 1024)]}


def test_the_floor_multiplies_each_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = np.random.default_rng(0).standard_normal((25, 6), dtype=np.float32)
    seen: list[tuple[int, int]] = []
    for backend in product_rates(dim=8, rows=16, rounds=1):
        half_product(feats, backend=backend, rows=10)()
    from benchmarks import floor

    store, _, dtype = floor._BACKENDS["torch fp32"]
    counting = (store, lambda a, b, tile: seen.append((len(a), len(b))), dtype)
    monkeypatch.setattr(floor, "_BACKENDS", {"count": counting})
    half_product(feats, backend="count", rows=10)()
    assert seen == [(10, 10), (10, 10), (10, 5), (10, 10), (10, 5), (5, 5)]


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ConfigError, match="no product backend 'x'; there are torch fp32"):
        half_product(np.zeros((2, 2), dtype=np.float32), backend="x")


def test_markdown_tables_are_padded_and_escaped() -> None:
    table = Table("T", ["way", "s", "text"], [["a|b", "1.5", "would"], ["c", "–", "x"]], "Note.")
    assert markdown_table(table).splitlines() == [
        "### T",
        "",
        "| way  |   s | text  |",
        "| ---- | --: | ----- |",
        "| a\\|b | 1.5 | would |",
        "| c    |   – | x     |",
        "",
        "Note.",
    ]


def test_the_command_leaves_the_report_file_out() -> None:
    words = ["--sizes", "1000", "--out", "/somewhere/r.json", "--rounds", "2"]
    found = command_line("benchmarks.rerank", words)
    assert found == "python -m benchmarks.rerank --sizes 1000 --rounds 2"


@pytest.mark.parametrize("text", ["[]", '{"schema": 1, "tables": [], "panels": []}', '{"a": 1}'])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"r\.json: not a benchmark's report .*run it again"):
        Report.load(path)
