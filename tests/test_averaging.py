import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vreid.averaging import WeightAverage
from vreid.errors import ConfigError


def net() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model[0].register_buffer("ids", torch.tensor([5, 7]))
    return model


def walk(model: nn.Sequential, steps: int) -> list[dict[str, torch.Tensor]]:
    """The states of a training of made steps."""
    states = []
    for _ in range(steps):
        model.train()
        model(torch.randn(8, 3))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        states.append(copy.deepcopy(model.state_dict()))
    return states


def test_swa_is_the_mean_of_the_states() -> None:
    model = net()
    average = WeightAverage(model, decay=None)
    states = []
    for _ in range(5):
        states += walk(model, 1)
        average.update(model)
    for key, value in average.module.state_dict().items():
        if value.is_floating_point():
            mean = torch.stack([state[key] for state in states]).mean(dim=0)
            torch.testing.assert_close(value, mean)
        else:
            assert torch.equal(value, states[-1][key]), key
    assert int(average.count) == 5


def test_ema_follows_its_formula_with_a_growing_decay() -> None:
    model = net()
    average = WeightAverage(model, decay=0.4)
    expected: dict[str, torch.Tensor] = {}
    for number in range(6):
        state = walk(model, 1)[0]
        average.update(model)
        decay = 0.0 if number == 0 else min(0.4, (1 + number) / (10 + number))
        for key, value in state.items():
            if value.is_floating_point():
                old = expected.get(key, value)
                expected[key] = decay * old + (1 - decay) * value
    for key, value in expected.items():
        torch.testing.assert_close(average.module.state_dict()[key], value)


def test_late_in_a_training_ema_is_torchs() -> None:
    model = net()
    ours = WeightAverage(model, decay=0.9)
    walk(model, 1)
    ours.update(model)
    theirs = AveragedModel(ours.module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=False)
    theirs.update_parameters(ours.module)
    ours.count.fill_(1000)
    for _ in range(3):
        walk(model, 1)
        ours.update(model)
        theirs.update_parameters(model)
    for left, right in zip(ours.module.parameters(), theirs.module.parameters(), strict=True):
        torch.testing.assert_close(left, right)


def test_it_is_saved_and_goes_on() -> None:
    model = net()
    straight = WeightAverage(model, decay=0.9)
    walk(model, 1)
    straight.update(model)
    again = WeightAverage(net(), decay=0.9)
    again.load_state_dict(straight.state_dict())
    walk(model, 1)
    for average in (straight, again):
        average.update(model)
    for left, right in zip(
        straight.state_dict().values(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(left, right)


def test_the_average_learns_nothing_and_is_in_evaluation_mode() -> None:
    average = WeightAverage(net(), decay=None)
    assert not average.module.training
    assert not any(parameter.requires_grad for parameter in average.parameters())


@pytest.mark.parametrize("decay", [1.0, -0.1])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ConfigError, match=r"decay of the average is .*\[0, 1\) is needed"):
        WeightAverage(net(), decay=decay)
