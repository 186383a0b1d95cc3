from dataclasses import asdict
from pathlib import Path

import pytest

from vreid.build import build_solver
from vreid.config import load_config
from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.options import Config, SolverOptions


def test_the_defaults_are_those_of_earlier_trainings() -> None:
    """A recipe that names none of the newer options trains as it did before they existed."""
    found = asdict(SolverOptions())
    assert found["optimizer"] == "adam"
    assert found["schedule"] == "cosine"
    assert (found["warmup_epochs"], found["warmup_method"]) == (1.0, "linear")
    assert (found["average"], found["sampler"], found["start"]) == ("none", "pk", "")
    assert (found["accumulate"], found["freeze_epochs"]) == (1, 0)
    assert not (found["nesterov"] or found["decay_all"] or found["compile"])
    factors = [value for key, value in found.items() if key.endswith("lr_factor")]
    assert factors == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_lr": 0.0}, "solver.base_lr is 0.0; a positive rate"),
        ({"accumulate": 0}, "solver.accumulate is 0; at least 1"),
        ({"step_size": 0}, "solver.step_size is 0; at least 1"),
        ({"cycle_epochs": 0}, "solver.cycle_epochs is 0; at least 1"),
        ({"warmup_epochs": -1.0}, "solver.warmup_epochs is -1.0; 0 or more"),
        ({"freeze_epochs": -1}, "solver.freeze_epochs is -1; 0 or more"),
        ({"weight_decay": -1e-4}, "solver.weight_decay is -0.0001; 0 or more"),
        ({"bias_lr_factor": -2.0}, "solver.bias_lr_factor is -2.0; 0 or more"),
        ({"classifier_lr_factor": -2.0}, "solver.classifier_lr_factor is -2.0; 0 or more"),
        ({"momentum": 1.0}, "solver.momentum is 1.0; [0, 1)"),
        ({"ema_decay": 1.0}, "solver.ema_decay is 1.0; [0, 1)"),
        ({"warmup_factor": 1.5}, "solver.warmup_factor is 1.5; [0, 1]"),
        ({"synthetic_share": 1.5}, "solver.synthetic_share is 1.5; [0, 1]"),
        ({"gamma": -0.1}, "solver.gamma is -0.1; [0, 1]"),
        ({"steps": (5, 3)}, "solver.steps is (5, 3); rising epochs from 1 on are needed"),
        ({"steps": (3, 3)}, "solver.steps is (3, 3); rising"),
        ({"steps": (0, 3)}, "solver.steps is (0, 3); rising"),
        ({"schedule": "cosine_step", "max_epochs": 2}, "solver.tail_epochs is 2; less than"),
        ({"nesterov": True}, "solver.nesterov is True; it needs solver.optimizer sgd"),
        ({"nesterov": True, "optimizer": "sgd", "momentum": 0.0}, "solver.momentum above 0"),
        ({"average": "swa", "swa_start": 12}, "solver.swa_start is 12; less than solver.max_ep"),
        ({"sampler": "domains", "num_instance": 5}, "K > 1 that divides solver.ims_per_batch = 64"),
        ({"sampler": "domains", "num_instance": 1}, "solver.num_instance is 1; K > 1"),
    ],
)
def test_bad_options_say_what_is_wrong(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        SolverOptions(**options)  # type: ignore[arg-type]
    assert message in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": (7,)},
        {"max_epochs": 1, "warmup_epochs": 0.0},
        {"schedule": "cosine_step", "max_epochs": 2, "tail_epochs": 1},
        {"nesterov": True, "optimizer": "sgd"},
        {"average": "swa", "swa_start": 11},
        {"sampler": "shuffle", "num_instance": 5},
        {"synthetic_share": 0.0, "sampler": "domains"},
    ],
)
def test_options_at_their_limits(options: dict[str, object]) -> None:
    SolverOptions(**options)  # type: ignore[arg-type]


def test_steps_from_a_file_and_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "stepped.yml"
    path.write_text("solver: {schedule: multistep, steps: [12, 20]}\n")
    assert load_config(path).solver.steps == (12, 20)
    assert load_config(path, ["SOLVER.STEPS", "(3,7,9)"]).solver.steps == (3, 7, 9)
    assert load_config(path, ["solver.steps", "[40]"]).solver.steps == (40,)
    with pytest.raises(ConfigError, match=r"solver\.steps\[1\] is 'b' of type str; expected int"):
        load_config(path, ["solver.steps", "[40, 'b']"])
    with pytest.raises(ConfigError, match=r"solver\.steps is 40; expected .* \[30, 55\]"):
        load_config(path, ["solver.steps", "40"])


def test_the_options_reach_the_optimizer() -> None:
    solver = SolverOptions(
        optimizer="sgd",
        base_lr=1.0,
        nesterov=True,
        decay_all=True,
        weight_decay=0.02,
        backbone_lr_factor=0.1,
        classifier_lr_factor=3,
        bias_lr_factor=2,
    )
    model = Embedder(build_backbone("test_resnet", weights="none"), num_classes=3)
    optimizer = build_solver(Config(solver=solver), model)
    found = {group["name"]: group["base_lr"] for group in optimizer.param_groups}
    assert found == {"backbone": 0.1, "backbone.bias": 0.2, "head": 1.0, "classifier": 3.0}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.02}
    assert {group["nesterov"] for group in optimizer.param_groups} == {True}
