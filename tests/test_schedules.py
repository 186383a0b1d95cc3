import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.optim import SGD, lr_scheduler
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    MultiStepLR,
    StepLR,
)

from vreid.build import build_schedule
from vreid.errors import ConfigError
from vreid.options import Config, SolverOptions
from vreid.schedules import Schedule, lr_factor

KINDS = ("cosine", "cosine_step", "multistep", "step", "constant", "cyclic_cosine")


def _factors(schedule: Schedule, num_epochs: int, steps_per_epoch: int = 1) -> list[float]:
    return [
        lr_factor(step, schedule, steps_per_epoch=steps_per_epoch)
        for step in range(num_epochs * steps_per_epoch)
    ]


def _torch_factors(build: Callable[[SGD], lr_scheduler.LRScheduler], num: int) -> list[float]:
    """What a scheduler of torch makes of the rate 1 when it is stepped ``num`` times."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build(optimizer)
    found = []
    for _ in range(num):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_by_its_formula() -> None:
    schedule = Schedule(
        "cosine", max_epochs=5, warmup_epochs=1.5, warmup_factor=0.1, final_factor=0.02
    )
    for step in range(12):
        found = lr_factor(step, schedule, steps_per_epoch=2)
        if step <= 3:
            expected = 0.1 + 0.3 * step
        else:
            angle = math.pi * min(step - 3, 7) / 7
            expected = 0.02 + 0.98 * (1 + math.cos(angle)) / 2
        assert found == pytest.approx(expected)


def test_cosine_without_warmup() -> None:
    schedule = Schedule("cosine", max_epochs=10, final_factor=0)
    assert lr_factor(0, schedule, steps_per_epoch=1) == 1
    assert lr_factor(5, schedule, steps_per_epoch=1) == pytest.approx(0.5)
    assert lr_factor(10, schedule, steps_per_epoch=1) == 0


def test_cosine_against_torch() -> None:
    found = _factors(Schedule("cosine", max_epochs=6, final_factor=0.02), 6, steps_per_epoch=3)
    theirs = _torch_factors(lambda sgd: CosineAnnealingLR(sgd, T_max=18, eta_min=0.02), 18)
    assert found == pytest.approx(theirs)


def test_the_rate_of_earlier_trainings_is_kept_to_the_bit() -> None:
    """This is the formula that trainings had when there was one schedule."""
    dice = random.Random(0)
    for _ in range(300):
        per_epoch, epochs = dice.randint(1, 9), dice.randint(2, 9)
        warmup, start, final = dice.uniform(0, 1.2), dice.random(), dice.random()
        total, ends = epochs * per_epoch, round(warmup * per_epoch)
        schedule = Schedule(
            "cosine",
            max_epochs=epochs,
            warmup_epochs=warmup,
            warmup_factor=start,
            final_factor=final,
        )
        for step in range(total):
            if step < ends:
                expected = start + (1 - start) * step / ends
            else:
                progress = min(1.0, (step - ends) / (total - ends))
                expected = final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
            assert lr_factor(step, schedule, steps_per_epoch=per_epoch) == expected


def test_cosine_step_has_the_published_rates() -> None:
    rates = [3.5e-4 * factor for factor in _factors(Schedule("cosine_step", max_epochs=12), 12)]
    cosine = [3.5e-4 * (1 + math.cos(math.pi * epoch / 10)) / 2 for epoch in range(10)]
    assert rates[:10] == pytest.approx(cosine)
    assert [float(f"{rate:.3g}") for rate in rates[9:]] == [8.57e-6, 2.57e-6, 7.71e-7]


def test_cosine_step_with_another_tail() -> None:
    schedule = Schedule("cosine_step", max_epochs=7, tail_epochs=3, tail_gamma=0.5)
    last = (1 + math.cos(math.pi * 3 / 4)) / 2
    expected = [1, (1 + math.cos(math.pi / 4)) / 2, 0.5, last, last / 2, last / 4, last / 8]
    assert _factors(schedule, 7) == pytest.approx(expected)
    whole = Schedule("cosine_step", max_epochs=4, tail_epochs=0)
    theirs = _torch_factors(lambda sgd: CosineAnnealingLR(sgd, T_max=4), 4)
    assert _factors(whole, 4) == pytest.approx(theirs)


def test_multistep_against_torch() -> None:
    schedule = Schedule("multistep", max_epochs=9, steps=(2, 5, 20), gamma=0.2)
    theirs = _torch_factors(lambda sgd: MultiStepLR(sgd, milestones=[2, 5, 20], gamma=0.2), 9)
    assert _factors(schedule, 9) == pytest.approx(theirs)
    assert _factors(Schedule("multistep", max_epochs=3), 3) == [1, 1, 1]


def test_step_against_torch() -> None:
    schedule = Schedule("step", max_epochs=25)
    theirs = _torch_factors(lambda sgd: StepLR(sgd, step_size=10, gamma=0.1), 25)
    assert _factors(schedule, 25) == pytest.approx(theirs)
    assert theirs[9:11] == pytest.approx([1, 0.1])


def test_constant() -> None:
    assert _factors(Schedule("constant", max_epochs=3), 3, steps_per_epoch=2) == [1] * 6


def test_cyclic_cosine_against_torch() -> None:
    schedule = Schedule(
        "cyclic_cosine", max_epochs=8, cycle_epochs=3, cycle_gamma=0.5, final_factor=0.1
    )
    restarts = _torch_factors(lambda sgd: CosineAnnealingWarmRestarts(sgd, T_0=6, eta_min=0.1), 16)
    expected = [0.5 ** (step // 6) * factor for step, factor in enumerate(restarts)]
    assert _factors(schedule, 8, steps_per_epoch=2) == pytest.approx(expected)
    assert _factors(Schedule("cyclic_cosine", max_epochs=61), 61)[::30] == pytest.approx(
        [1, 0.7, 0.49]
    )


@pytest.mark.parametrize("kind", ["cosine_step", "multistep", "step"])
def test_some_schedules_move_between_epochs_only(kind: str) -> None:
    schedule = Schedule(kind, max_epochs=6, steps=(1, 3), step_size=2)
    found = _factors(schedule, 6, steps_per_epoch=3)
    assert found == [factor for factor in _factors(schedule, 6) for _ in range(3)]


@pytest.mark.parametrize("method", ["linear", "constant"])
@pytest.mark.parametrize("kind", ["cosine_step", "multistep", "step", "constant", "cyclic_cosine"])
def test_the_warmup_multiplies(kind: str, method: str) -> None:
    plain = Schedule(
        kind, max_epochs=6, steps=(1, 4), step_size=2, cycle_epochs=2, warmup_factor=0.2
    )
    warm = replace(plain, warmup_epochs=2, warmup_method=method)
    ramp = [0.2, 0.4, 0.6, 0.8] if method == "linear" else [0.2] * 4
    pairs = zip(_factors(plain, 6, 2), [*ramp, *[1.0] * 8], strict=True)
    assert _factors(warm, 6, 2) == pytest.approx([factor * part for factor, part in pairs])


def test_the_constant_warmup_comes_before_a_cosine() -> None:
    schedule = Schedule("cosine", max_epochs=3, warmup_epochs=1, warmup_method="constant")
    linear = Schedule("cosine", max_epochs=3, warmup_epochs=1)
    assert _factors(schedule, 3, 2) == [0.01, 0.01, *_factors(linear, 3, 2)[2:]]


@pytest.mark.parametrize("kind", ["multistep", "step", "constant", "cyclic_cosine"])
def test_more_epochs_continue_the_curve(kind: str) -> None:
    short = Schedule(kind, max_epochs=5, steps=(3, 6), step_size=2, cycle_epochs=4)
    long = Schedule(kind, max_epochs=9, steps=(3, 6), step_size=2, cycle_epochs=4)
    assert _factors(long, 9, 2)[:10] == _factors(short, 5, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("warmup", "epochs"), [(5, 5), (6, 5), (0, 0), (-1, 5)])
def test_warmup_must_end_first(kind: str, warmup: int, epochs: int) -> None:
    schedule = Schedule(kind, max_epochs=epochs, warmup_epochs=warmup)
    message = rf"warm-up takes {2 * warmup} steps and the training {2 * epochs}; shorten the"
    with pytest.raises(ConfigError, match=message):
        lr_factor(0, schedule, steps_per_epoch=2)


def test_refusals() -> None:
    with pytest.raises(ConfigError, match=r"schedule is 'poly'; expected one of cosine, cosine_st"):
        lr_factor(0, Schedule("poly", max_epochs=2), steps_per_epoch=1)
    slow = Schedule("step", max_epochs=2, warmup_method="exp")
    with pytest.raises(ConfigError, match="method is 'exp'; expected one of linear, constant"):
        lr_factor(0, slow, steps_per_epoch=1)
    tail = Schedule("cosine_step", max_epochs=2)
    with pytest.raises(ConfigError, match="tail of cosine_step takes 2 epochs and the training 2"):
        lr_factor(0, tail, steps_per_epoch=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_options_reach_the_schedule(kind: str) -> None:
    solver = SolverOptions(
        schedule=kind,  # type: ignore[arg-type]
        max_epochs=20,
        warmup_epochs=2,
        warmup_factor=0.3,
        warmup_method="constant",
        final_factor=0.4,
        steps=(3, 7),
        step_size=4,
        gamma=0.6,
        tail_epochs=5,
        tail_gamma=0.7,
        cycle_epochs=6,
        cycle_gamma=0.8,
    )
    expected = Schedule(
        kind,
        max_epochs=20,
        warmup_epochs=2,
        warmup_factor=0.3,
        warmup_method="constant",
        final_factor=0.4,
        steps=(3, 7),
        step_size=4,
        gamma=0.6,
        tail_epochs=5,
        tail_gamma=0.7,
        cycle_epochs=6,
        cycle_gamma=0.8,
    )
    assert build_schedule(Config(solver=solver)) == expected
    assert 0 < lr_factor(50, expected, steps_per_epoch=3) <= 1
