"""Scores of submissions against the definition of AP, and all that makes them meaningless."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import submissions.score
from vreid.errors import ConfigError, DataError

ROOT = Path(__file__).parents[2]


def table(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [f"{name},{vehicle},c001,more" for name, vehicle in rows]
    path.write_text("\n".join(["name,vehicle_id,camera_id,note", *lines]), encoding="utf-8-sig")
    return path


def case(
    folder: Path, lists: list[list[int]], queries: list[str], gallery: dict[int, str]
) -> tuple[Path, Path, Path]:
    """A submission and the tables of its identities."""
    track2 = folder / "track2.txt"
    track2.write_text("".join(" ".join(map(str, line)) + "\n" for line in lists))
    query_rows = [(f"{idx + 1:06}.jpg", vehicle) for idx, vehicle in enumerate(queries)]
    gallery_rows = [(f"image_test/{number:06}.jpg", gallery[number]) for number in gallery]
    tables = table(folder / "query.csv", query_rows), table(folder / "gallery.csv", gallery_rows)
    return track2, *tables


@pytest.mark.parametrize("k", [1, 4, 100])
@pytest.mark.parametrize("denominator", ["all", "min"])
def test_equals_the_definition(tmp_path: Path, k: int, denominator: str) -> None:
    rng = np.random.default_rng(k)
    vehicles = ["red car", "3", "03", "lorry"]
    numbers = rng.permutation(np.arange(5, 65)).tolist()
    gallery = {number: vehicles[rng.integers(4)] for number in numbers}
    queries = [vehicles[rng.integers(4)] for _ in range(7)] + ["not there"]
    lists = [rng.permutation(numbers)[:20].tolist() for _ in queries]
    track2, query, truth = case(tmp_path, lists, queries, gallery)
    scores = submissions.score.main(
        track2,
        query=query,
        gallery=truth,
        k=k,
        denominator=denominator,  # type: ignore[arg-type]
    )
    aps, aps_at_k, firsts = [], [], []
    for line, vehicle in zip(lists[:-1], queries[:-1], strict=True):
        num_relevant = list(gallery.values()).count(vehicle)
        ranks = [rank for rank, number in enumerate(line, 1) if gallery[number] == vehicle]
        precisions = [(found + 1) / rank for found, rank in enumerate(ranks)]
        most = num_relevant if denominator == "all" else min(k, num_relevant)
        aps.append(sum(precisions) / num_relevant)
        aps_at_k.append(sum(precisions[: sum(rank <= k for rank in ranks)]) / most)
        firsts.append(min(ranks, default=1000))
    assert scores.map == pytest.approx(np.mean(aps))
    assert scores.map_at_k == pytest.approx(np.mean(aps_at_k))
    for rank in (1, 5, 10):
        assert scores.rank(rank) == pytest.approx(np.mean([first <= rank for first in firsts]))
    assert (scores.num_query, scores.num_skipped) == (8, 1)


def test_a_hand_computed_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = {1: "a", 2: "a", 3: "b", 4: "c"}
    track2, query, truth = case(tmp_path, [[1, 3, 2, 4], [4, 3, 1, 2]], ["a", "b"], gallery)
    words = [str(track2), "--query", str(query), "--gallery", str(truth)]
    submissions.score.command(words)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["mAP@100    66.67 %", "mAP        66.67 %", "mINP       58.33 %"]
    assert lines[3:6] == ["rank-1     50.00 %", "rank-5    100.00 %", "rank-10   100.00 %"]
    assert lines[-1].startswith("aicity: AP over the top 100 / all relevant; no junk removed;")
    submissions.score.command([*words, "--json", "--k", "2", "--denominator", "min"])
    values = json.loads(capsys.readouterr().out)
    assert values["mAP@2"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert values["mAP"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert (values["rank-1"], values["k"], values["denominator"]) == (0.5, 2, "min")
    assert "top 2 / min(2, relevant)" in values["protocol"]


def test_the_order_of_the_gallery_table_does_not_matter(tmp_path: Path) -> None:
    gallery = {1: "a", 2: "a", 3: "b", 4: "c"}
    backwards = dict(reversed(gallery.items()))
    values = []
    for truth in (gallery, backwards):
        track2, query, table_path = case(tmp_path, [[1, 3, 2, 4]], ["a"], truth)
        values.append(submissions.score.main(track2, query=query, gallery=table_path).as_dict())
    assert values[0] == values[1]


def test_short_lines_are_scored_and_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = {1: "a", 2: "a", 3: "b"}
    track2, query, truth = case(tmp_path, [[1], []], ["a", "b"], gallery)
    scores = submissions.score.main(track2, query=query, gallery=truth)
    assert scores.map_at_k == pytest.approx((1 / 2 + 0) / 2)
    assert "note: 2 lines list fewer than 3 images" in capsys.readouterr().err
    assert "of the 1 listed entries only" in scores.table()


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[1, 2]], r"file: 1 lines; expected 2"),
        ([[1, 1], [1, 2]], r"line 1, entry 2: 1 is repeated"),
        ([[1, 2], [1, 9]], r"line 2, entry 2: 9 is out of range"),
        ([[1, 2], [0, 2]], r"line 2, entry 1: 0 is no gallery image.*; 0 more like this"),
    ],
)
def test_meaningless_submissions(tmp_path: Path, lists: list[list[int]], message: str) -> None:
    track2, query, truth = case(tmp_path, lists, ["a", "b"], {1: "a", 2: "b"})
    with pytest.raises(DataError, match=message):
        submissions.score.main(track2, query=query, gallery=truth)


def test_form_alone_does_not_spoil_a_score(tmp_path: Path) -> None:
    track2, query, truth = case(tmp_path, [], ["a", "b"], {1: "a", 2: "b"})
    track2.write_text("001,2\n2\t1\r\n")
    assert submissions.score.main(track2, query=query, gallery=truth).map_at_k == 1.0


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        (["a"], {1: "-1", 2: "b"}, r"gallery.csv: image image_test/000001.jpg has no vehicle id"),
        ([""], {1: "a", 2: "b"}, r"query.csv: image 000001.jpg has no vehicle id \(found ''\)"),
        (["z"], {1: "a", 2: "b"}, "none of the 1 queries has a match"),
    ],
)
def test_identities_that_cannot_be_scored(
    tmp_path: Path, queries: list[str], gallery: dict[int, str], message: str
) -> None:
    track2, query, truth = case(tmp_path, [[1, 2]], queries, gallery)
    with pytest.raises(DataError, match=message):
        submissions.score.main(track2, query=query, gallery=truth)


def test_tables_that_cannot_be_used(tmp_path: Path) -> None:
    track2, query, truth = case(tmp_path, [[1, 2]], ["a"], {1: "a", 2: "b"})
    double = table(tmp_path / "double.csv", [("a/1.jpg", "a"), ("b/1.jpg", "b")])
    with pytest.raises(DataError, match=r"a/1\.jpg and b/1\.jpg have the same number 1"):
        submissions.score.main(track2, query=query, gallery=double)
    with pytest.raises(DataError, match=r"a/1\.jpg and b/1\.jpg are the same image name"):
        submissions.score.main(track2, query=double, gallery=truth)
    (tmp_path / "no_camera.csv").write_text("name,vehicle_id\n1.jpg,a\n")
    with pytest.raises(DataError, match="no column 'camera_id' in the header"):
        submissions.score.main(track2, query=tmp_path / "no_camera.csv", gallery=truth)
    with pytest.raises(ConfigError, match="top_k is 0"):
        submissions.score.main(track2, query=query, gallery=truth, k=0)


def test_the_command_exits_with_2_and_one_line(tmp_path: Path) -> None:
    track2, query, truth = case(tmp_path, [[1, 1]], ["a"], {1: "a", 2: "b"})
    words = [str(track2), "--query", str(query), "--gallery", str(truth), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "submissions.score", *words],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "lib")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {track2}: line 1, entry 2: 1 is repeated")
    assert done.stderr.count("\n") == 1
