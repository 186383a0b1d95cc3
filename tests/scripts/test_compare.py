"""Comparison of finished runs; what is not written by a training is written here by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts.compare import main, read_run, table, training_log
from tests.pictures import make_samples
from vreid.engine import fit
from vreid.errors import DataError
from vreid.models.embedder import Embedder
from vreid.options import Config, InputOptions, ModelOptions, SolverOptions
from vreid.validate import Validation

PROTOCOL = "held out: market: AP over the whole list"
CONFIG = Config(
    device="cpu",
    input=InputOptions(size=(32, 32), pad=2),
    model=ModelOptions(backbone="test_resnet", weights="none", last_stride=2),
    solver=SolverOptions(
        max_epochs=2, ims_per_batch=8, num_instance=4, precision="fp32", log_period=1
    ),
)


def train(folder: Path, config: Config, score: float) -> Path:
    samples = make_samples(folder / "pictures", vehicles=4)
    values = iter([score, score - 0.1])

    def evaluate(model: Embedder) -> Validation:
        value = next(values)
        return Validation(value, {"map": value, "rank1": value + 0.05}, PROTOCOL)

    labels = np.array([sample.pid for sample in samples], dtype=np.int64)
    fit(config, samples, labels, evaluate=evaluate, run_dir=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("compared")
    cbam = replace(CONFIG, model=replace(CONFIG.model, attention="cbam"))
    return [train(folder / "plain", CONFIG, 0.5), train(folder / "cbam", cbam, 0.6)]


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_table_names_backbone_attention_and_protocol(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs[1] / "cost.json").write_text(
        '[{"cpu_seconds": 7.0, "wall_seconds": 4321.0, "peak_bytes": 9}]'
    )
    assert main(runs, out=tmp_path) == tmp_path / "table.md"
    text = (tmp_path / "table.md").read_text()
    assert text in capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[:4]]
    assert rows[0][:6] == ["run", "backbone", "attention", "parameters", "epochs", "best epoch"]
    assert rows[0][6:] == ["mAP", "rank-1", "seconds"]
    assert rows[2][1:3] == ["test_resnet", "none"] and rows[3][1:3] == ["test_resnet", "cbam"]
    assert rows[2][4:8] == ["2", "1", "50.00", "55.00"]
    assert rows[3][8] == "4321"
    assert f"Per cent, best validation of one run each; {PROTOCOL}." in text
    bars = (tmp_path / "bars.svg").read_text()
    assert "best validation mAP (%), one run each" in bars and ">60.0<" in bars


def test_parameters_are_those_that_were_trained(runs: list[Path]) -> None:
    """Counted in the checkpoint, where running statistics stand beside the parameters."""
    for run in runs:
        state = torch.load(run / "best.pt", weights_only=True)["model"]
        buffers = ("mean", "std", "running_var", "num_batches_tracked")
        counted = sum(value.numel() for name, value in state.items() if not name.endswith(buffers))
        assert read_run(run).parameters == counted
    assert read_run(runs[1]).parameters > read_run(runs[0]).parameters


def test_the_training_log_by_epoch(tmp_path: Path) -> None:
    train_line = {"kind": "train", "epoch": 1, "step": 1, "lr": 0.1, "total": 4.0, "id": 3.0}
    write_lines(
        tmp_path / "metrics.jsonl",
        [
            train_line,
            {**train_line, "step": 2, "lr": 0.2, "total": 2.0},
            {**train_line, "epoch": 2, "step": 3, "total": float("nan")},
            {**train_line, "epoch": 2, "step": 4, "lr": 0.05, "total": 1.0},
            {"kind": "eval", "epoch": 2, "step": 4, "map": 0.25, "rank1": 0.5, "protocol": "a"},
        ],
    )
    assert training_log(tmp_path).splitlines() == [
        "epoch,train_loss,learning_rate,map,rank1",
        "1,3.0,0.2,,",
        "2,1.0,0.05,0.25,0.5",
    ]


def test_each_run_gets_its_training_log(runs: list[Path]) -> None:
    assert main(runs) is None
    for run in runs:
        lines = (run / "training_log.csv").read_text().splitlines()
        assert lines[0] == "epoch,train_loss,learning_rate,map,rank1"
        assert [line.split(",")[0] for line in lines[1:]] == ["1", "2"]


def test_validations_of_other_rules_are_not_compared(runs: list[Path]) -> None:
    first, second = (read_run(run) for run in runs)
    other = replace(second, protocol="test part: aicity")
    with pytest.raises(DataError, match=r"validated differently cannot be compared .*aicity"):
        table([first, other])


def test_a_run_without_validation_has_no_scores(runs: list[Path]) -> None:
    without = replace(read_run(runs[0]), scores={}, protocol="", best_epoch=0)
    text = table([without])
    assert "No validation." in text and "mAP" not in text
    assert " – " in table([without, read_run(runs[1])])


def test_scores_without_a_protocol_are_refused(runs: list[Path], tmp_path: Path) -> None:
    for name in ("config.yml", "best.pt", "finished.json"):
        (tmp_path / name).write_bytes((runs[0] / name).read_bytes())
    write_lines(tmp_path / "metrics.jsonl", [{"kind": "eval", "epoch": 1, "map": 0.5}])
    with pytest.raises(DataError, match="the validation after epoch 1 has no protocol"):
        read_run(tmp_path)


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no finished run here \(finished\.json is missing\)"):
        main([tmp_path])
