import copy
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.optim import NAMES, Ranger, build_optimizer, set_lr
from vreid.schedules import Schedule, lr_factor


def _model() -> Embedder:
    backbone = build_backbone("test_resnet", weights="none")
    return Embedder(backbone, num_classes=3, gem_learnable=True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("sgd", torch.optim.SGD),
        ("ranger", Ranger),
    ],
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


def test_factors_multiply() -> None:
    model = _model()
    optimizer = build_optimizer(
        model,
        name="sgd",
        lr=1.0,
        weight_decay=0.01,
        backbone_lr_factor=0.5,
        classifier_lr_factor=4,
        bias_lr_factor=2,
    )
    names = {id(parameter): path for path, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: (group["base_lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    expected = {}
    for path, parameter in model.named_parameters():
        if path == "neck.bias":  # frozen
            continue
        rate = 0.5 if path.startswith("backbone.") else 1.0
        rate *= 4 if path.startswith("classifier.") else 1
        rate *= 2 if path.endswith(".bias") else 1
        expected[path] = (rate, 0.01 if parameter.ndim > 1 else 0.0)
    assert found == expected
    assert {rate for rate, _ in found.values()} == {0.5, 1.0, 4.0}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(found)
    assert len({group["name"] for group in optimizer.param_groups}) == len(optimizer.param_groups)


def test_a_shift_of_the_classifier_has_both_factors() -> None:
    model = nn.ModuleDict({"classifier": nn.Linear(2, 2)})
    optimizer = build_optimizer(
        model, name="adam", lr=1.0, classifier_lr_factor=3, bias_lr_factor=2, decay_norm_bias=True
    )
    assert [(group["name"], group["base_lr"]) for group in optimizer.param_groups] == [
        ("classifier", 3),
        ("classifier.bias", 6),
    ]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {5e-4}


def test_factors_of_one_set_nothing_apart() -> None:
    names = [group["name"] for group in build_optimizer(_model(), name="sgd", lr=1).param_groups]
    assert names == ["backbone", "backbone.no_decay", "head.no_decay", "head"]


def test_nesterov_reaches_sgd() -> None:
    optimizer = build_optimizer(_model(), name="sgd", lr=0.1, momentum=0.8, nesterov=True)
    assert {group["nesterov"] for group in optimizer.param_groups} == {True}


def test_refusals() -> None:
    with pytest.raises(ConfigError, match=r"optim\.name is 'lion'; expected one of adam, adamw"):
        build_optimizer(_model(), name="lion", lr=0.1)
    with pytest.raises(ConfigError, match="every parameter of the model is frozen"):
        build_optimizer(_model().requires_grad_(False), name="adam", lr=0.1)


def test_set_lr_keeps_the_ratio_of_the_groups() -> None:
    optimizer = build_optimizer(_model(), name="sgd", lr=0.1, backbone_lr_factor=0.5)
    set_lr(optimizer, 0.3)
    set_lr(optimizer, 0.2)  # from the base, not from the last
    for group in optimizer.param_groups:
        expected = 0.01 if group["name"].startswith("backbone") else 0.02
        assert group["lr"] == pytest.approx(expected)


def test_ranger_looks_back() -> None:
    """Against RAdam stepped by hand, with slow weights kept beside it."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    naive = copy.deepcopy(model)
    optimizer = Ranger(list(model.parameters()), lr=0.1, weight_decay=0.01, every=3, alpha=0.4)
    fast = torch.optim.RAdam(
        naive.parameters(),
        lr=0.1,
        betas=(0.95, 0.999),
        eps=1e-5,
        weight_decay=0.01,
        decoupled_weight_decay=True,
    )
    slow = [parameter.detach().clone() for parameter in naive.parameters()]
    for step in range(1, 12):
        inputs = torch.randn(4, 3)
        for network, solver in ((model, optimizer), (naive, fast)):
            solver.zero_grad()
            network(inputs).square().sum().backward()
            solver.step()
        if step % 3 == 0:
            with torch.no_grad():
                for parameter, kept in zip(naive.parameters(), slow, strict=True):
                    kept += 0.4 * (parameter - kept)
                    parameter.copy_(kept)
        for ours, theirs in zip(model.parameters(), naive.parameters(), strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_ranger_leaves_a_frozen_part_alone_and_takes_it_up_later() -> None:
    torch.manual_seed(0)
    frozen = nn.Linear(3, 3)
    model = nn.Sequential(frozen, nn.Linear(3, 2))
    optimizer = build_optimizer(model, name="ranger", lr=0.1)
    start = frozen.weight.clone()
    frozen.requires_grad_(False)
    for step in range(20):
        if step == 8:  # between two looks back
            assert torch.equal(frozen.weight, start)
            assert frozen.weight not in optimizer.state
            frozen.requires_grad_(True)
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    assert not torch.equal(frozen.weight, start)


def test_ranger_takes_a_closure() -> None:
    model = nn.Linear(3, 2)
    optimizer = build_optimizer(model, name="ranger", lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = model(torch.ones(1, 3)).square().sum()
        loss.backward()
        return float(loss.detach())

    losses = [optimizer.step(closure) for _ in range(30)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_scaled_loss_trains_the_same_and_an_overflow_is_skipped(name: str) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(4, 2)
    scaled = copy.deepcopy(plain)
    inputs = torch.randn(9, 3, 4)
    first = build_optimizer(plain, name=name, lr=0.1)
    second = build_optimizer(scaled, name=name, lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=100)
    for step, batch in enumerate(inputs):
        first.zero_grad()
        plain(batch).square().sum().backward()
        first.step()
        for factor in (math.inf, 1.0) if step == 4 else (1.0,):
            second.zero_grad()
            scaler.scale(scaled(batch).square().sum() * factor).backward()
            scaler.step(second)
            scaler.update()
    assert scaler.get_scale() == 512
    assert torch.equal(plain.weight, scaled.weight)


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_training_ends_in_the_same_bits(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    straight = nn.Linear(4, 2)
    stopped = copy.deepcopy(straight)
    inputs, path = torch.randn(16, 3, 4), tmp_path / "optimizer.pt"
    schedule = Schedule("cosine", max_epochs=16, warmup_epochs=2)

    def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            set_lr(optimizer, lr_factor(step, schedule, steps_per_epoch=1))
            optimizer.zero_grad()
            model(inputs[step]).square().sum().backward()
            optimizer.step()

    train(straight, build_optimizer(straight, name=name, lr=0.1), range(16))
    for start, end in ((0, 3), (3, 6), (6, 14), (14, 16)):  # Ranger looks back after 6 and 12
        optimizer = build_optimizer(stopped, name=name, lr=0.1)
        if start:
            optimizer.load_state_dict(torch.load(path, weights_only=True))
        train(stopped, optimizer, range(start, end))
        torch.save(optimizer.state_dict(), path)
    assert torch.equal(straight.weight, stopped.weight)
    assert torch.equal(straight.bias, stopped.bias)
