import json
from pathlib import Path
from typing import Any

import pytest

from vreid.errors import DataError
from vreid.report.metrics_log import read_metrics_log


def train(epoch: int, step: int, **values: float) -> dict[str, Any]:
    return {"kind": "train", "epoch": epoch, "step": step, **values}


def write(path: Path, lines: list[dict[str, Any]], *, tail: str = "") -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    return path


def test_both_kinds_are_read_and_text_is_left_out(tmp_path: Path) -> None:
    evaluation = {"kind": "eval", "epoch": 1, "step": 4, "map": 0.3, "protocol": "market"}
    other = {"kind": "remark", "epoch": 1}
    path = write(tmp_path / "m.jsonl", [train(1, 4, total=2.5, lr=1e-3), evaluation, other])
    log = read_metrics_log(path)
    assert log.train == ({"epoch": 1, "step": 4, "total": 2.5, "lr": 1e-3},)
    assert log.evals == ({"epoch": 1, "step": 4, "map": 0.3},)
    assert log.num_skipped == 0


@pytest.mark.parametrize("tail", ['{"kind": "tra', '{"kind": "train", "epoch": 2, "st', "\x00\xff"])
def test_a_torn_last_line_is_skipped(tmp_path: Path, tail: str) -> None:
    log = read_metrics_log(write(tmp_path / "m.jsonl", [train(1, 1)], tail=tail))
    assert (len(log.train), log.num_skipped) == (1, 1)


def test_a_line_torn_before_a_resume_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(train(1, 1)) + '\n{"kind": "tr' + json.dumps(train(1, 2)) + "\n")
    with path.open("a") as stream:
        stream.write(json.dumps(train(1, 3)) + "\n")
    log = read_metrics_log(path)
    assert [line["step"] for line in log.train] == [1, 3]
    assert log.num_skipped == 1


def test_the_later_of_two_lines_of_one_step_counts(tmp_path: Path) -> None:
    lines = [train(1, 1, total=3), train(1, 2, total=2), train(1, 2, total=1)]
    evals: list[dict[str, Any]] = [{"kind": "eval", "epoch": 1, "map": m} for m in (0.1, 0.2)]
    log = read_metrics_log(write(tmp_path / "m.jsonl", lines + evals))
    assert [line["total"] for line in log.train] == [3, 1]
    assert [line["map"] for line in log.evals] == [0.2]


def test_positions_are_in_epochs(tmp_path: Path) -> None:
    """Epochs of 8 steps, logged each 5 and at the end of each; the third is under way."""
    steps = [(1, 5), (1, 8), (2, 10), (2, 15), (2, 16), (3, 20)]
    log = read_metrics_log(write(tmp_path / "m.jsonl", [train(*step) for step in steps]))
    assert log.train_x() == [0.625, 1, 1.25, 1.875, 2, 2.5]


def test_an_empty_file_is_an_empty_log(tmp_path: Path) -> None:
    log = read_metrics_log(write(tmp_path / "m.jsonl", []))
    assert (log.train, log.evals, log.train_x()) == ((), (), [])


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m\.jsonl: no such file; train the run first"):
        read_metrics_log(tmp_path / "m.jsonl")
    path = tmp_path / "table.csv"
    path.write_text("epoch,loss\n1,2\n")
    with pytest.raises(DataError, match=r"table\.csv: none of its 2 lines is a metrics line"):
        read_metrics_log(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_metrics_log(tmp_path)
