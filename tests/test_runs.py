import logging
from dataclasses import replace
from pathlib import Path

import pytest

from vreid.errors import ConfigError
from vreid.options import Config, EvaluationOptions
from vreid.runs import (
    MetricsFile,
    choose_device,
    finish_run,
    finished_facts,
    is_finished,
    open_run,
    read_metrics,
    run_log,
)


def test_how_a_run_is_carried_out_may_change_what_it_computes_may_not(tmp_path: Path) -> None:
    open_run(tmp_path, Config())
    (tmp_path / "last.pt").touch()
    open_run(tmp_path, replace(Config(), output="elsewhere", test=EvaluationOptions(flip=False)))
    with pytest.raises(ConfigError, match=r"name: vreid -> other.*remove that folder"):
        open_run(tmp_path, replace(Config(), name="other"))


def test_a_run_without_a_checkpoint_is_taken_over(tmp_path: Path) -> None:
    open_run(tmp_path, Config())
    open_run(tmp_path, replace(Config(), name="other"))


def test_finishing_keeps_the_facts(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)
    finish_run(tmp_path, {"epochs": 3})
    assert is_finished(tmp_path)
    assert finished_facts(tmp_path) == {"epochs": 3}


def test_metrics_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    MetricsFile(path, step=2).write(step=3, total=1.5)
    assert read_metrics(path) == [{"step": 1}, {"step": 2}, {"step": 3, "total": 1.5}]


OURS = (logging.StreamHandler, logging.FileHandler)  # pytest adds handlers of its own


def test_the_log_goes_to_the_run_and_its_handlers_go_with_the_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_log(tmp_path) as log:
        log.info("hello %d", 3)
    assert (tmp_path / "log.txt").read_text().endswith("hello 3\n")
    assert "hello 3" in capsys.readouterr().out
    assert not [handler for handler in log.handlers if type(handler) in OURS]


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="'tpuu'; auto, cpu or cuda"):
        choose_device("tpuu")
