import copy
import math

import pytest
import torch
from torch import nn

from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.optim import build_optimizer, lr_factor, set_lr


def _model() -> Embedder:
    backbone = build_backbone("test_resnet", weights="none")
    return Embedder(backbone, num_classes=3, gem_learnable=True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_kinds(name: str, kind: type[torch.optim.Optimizer]) -> None:
    optimizer = build_optimizer(_model(), name=name, lr=0.1, momentum=0.8)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0].get("momentum", 0.8) == 0.8


def test_every_trained_parameter_is_in_one_group() -> None:
    model = _model()
    optimizer = build_optimizer(
        model, name="sgd", lr=0.1, weight_decay=0.01, backbone_lr_factor=0.5
    )
    names = {id(parameter): path for path, parameter in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in optimizer.param_groups:
        assert group["lr"] == group["base_lr"]
        for parameter in group["params"]:
            path = names[id(parameter)]
            assert path not in found
            found[path] = (group["lr"], group["weight_decay"])
    assert set(names.values()) - set(found) == {"neck.bias"}
    assert found["backbone.net.layer1.0.conv1.weight"] == (0.05, 0.01)
    assert found["backbone.net.layer1.0.bn1.weight"] == (0.05, 0.0)
    assert found["backbone.net.layer1.0.bn1.bias"] == (0.05, 0.0)
    assert found["classifier.weight"] == (0.1, 0.01)
    assert found["neck.weight"] == (0.1, 0.0)
    assert found["pooling.p"] == (0.1, 0.0)


def test_vectors_can_decay_too() -> None:
    optimizer = build_optimizer(_model(), name="sgd", lr=0.1, decay_norm_bias=True)
    assert [group["name"] for group in optimizer.param_groups] == ["backbone", "head"]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {5e-4}


def test_refusals() -> None:
    with pytest.raises(ConfigError, match=r"optim\.name is 'lion'; expected one of adam, adamw"):
        build_optimizer(_model(), name="lion", lr=0.1)
    with pytest.raises(ConfigError, match="every parameter of the model is frozen"):
        build_optimizer(_model().requires_grad_(False), name="adam", lr=0.1)


def test_factor_by_its_formula() -> None:
    for step in range(12):
        found = lr_factor(
            step, total_steps=10, warmup_steps=3, warmup_factor=0.1, final_factor=0.02
        )
        if step <= 3:
            expected = 0.1 + 0.3 * step
        else:
            angle = math.pi * min(step - 3, 7) / 7
            expected = 0.02 + 0.98 * (1 + math.cos(angle)) / 2
        assert found == pytest.approx(expected)


def test_factor_without_warmup() -> None:
    assert lr_factor(0, total_steps=10) == 1
    assert lr_factor(5, total_steps=10, final_factor=0) == pytest.approx(0.5)
    assert lr_factor(10, total_steps=10, final_factor=0) == 0


@pytest.mark.parametrize(("warmup", "total"), [(10, 10), (11, 10), (0, 0), (-1, 10)])
def test_warmup_must_end_first(warmup: int, total: int) -> None:
    with pytest.raises(
        ConfigError, match=rf"warm-up takes {warmup} steps and the training {total}"
    ):
        lr_factor(0, total_steps=total, warmup_steps=warmup)


def test_set_lr_keeps_the_ratio_of_the_groups() -> None:
    optimizer = build_optimizer(_model(), name="sgd", lr=0.1, backbone_lr_factor=0.5)
    set_lr(optimizer, 0.3)
    set_lr(optimizer, 0.2)  # from the base, not from the last
    for group in optimizer.param_groups:
        expected = 0.01 if group["name"].startswith("backbone") else 0.02
        assert group["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_resumed_training_ends_in_the_same_bits(name: str) -> None:
    torch.manual_seed(0)
    straight = nn.Linear(4, 2)
    stopped = copy.deepcopy(straight)
    inputs = torch.randn(6, 3, 4)

    def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            set_lr(optimizer, lr_factor(step, total_steps=6, warmup_steps=2))
            optimizer.zero_grad()
            model(inputs[step]).square().sum().backward()
            optimizer.step()

    train(straight, build_optimizer(straight, name=name, lr=0.1), range(6))
    first = build_optimizer(stopped, name=name, lr=0.1)
    train(stopped, first, range(3))
    resumed = build_optimizer(stopped, name=name, lr=0.1)
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    train(stopped, resumed, range(3, 6))
    assert torch.equal(straight.weight, stopped.weight)
    assert torch.equal(straight.bias, stopped.bias)
