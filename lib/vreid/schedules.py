"""The learning rate as a function of the step: warm-up times one of six schedules.

There is no scheduler object: the rate follows from the step's number alone, so a resumed training
has the rate that it would have had, and one continued for more epochs only gets a larger
``max_epochs``. Cosine and its cycles: Loshchilov and Hutter, "SGDR", ICLR 2017, arXiv:1608.03983;
here a cycle also lowers the next one. Warm-up: Goyal et al., 2017, arXiv:1706.02677.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vreid.errors import ConfigError


@dataclass(frozen=True)
class Schedule:
    """The shape of the learning rate over a training. Epochs count from 0.

    - ``cosine``: half a cosine from 1 to ``final_factor``, from the end of the warm-up to the end
      of the training; moves at every step.
    - ``cosine_step``: half a cosine to 0 over the first T = ``max_epochs - tail_epochs`` epochs,
      (1 + cos(pi e / T)) / 2 in epoch e; then the value of epoch T - 1 times ``tail_gamma`` once
      an epoch.
    - ``multistep``: times ``gamma`` at the start of each epoch in ``steps``.
    - ``step``: times ``gamma`` every ``step_size`` epochs.
    - ``constant``: 1.
    - ``cyclic_cosine``: half a cosine from 1 to ``final_factor`` every ``cycle_epochs`` epochs,
      each cycle ``cycle_gamma`` times the one before; moves at every step.

    The warm-up comes before ``cosine``, which starts where it ends. The other schedules count
    their epochs from the start of the training, and the warm-up multiplies them.

    Attributes:
        kind: One of the names above.
        max_epochs: Of the whole training.
        warmup_epochs: Length of the warm-up, 0 for none; less than ``max_epochs``.
        warmup_factor: What the warm-up starts with, in [0, 1].
        warmup_method: ``linear`` rises to 1; ``constant`` stays at the factor, then jumps to 1.
        final_factor: Where a cosine ends, in [0, 1].
        steps: Of ``multistep``.
        step_size: Of ``step``.
        gamma: Of ``multistep`` and ``step``.
        tail_epochs: Of ``cosine_step``; less than ``max_epochs``.
        tail_gamma: Of ``cosine_step``.
        cycle_epochs: Of ``cyclic_cosine``.
        cycle_gamma: Of ``cyclic_cosine``.
    """

    kind: str
    max_epochs: int
    warmup_epochs: float = 0.0
    warmup_factor: float = 0.01
    warmup_method: str = "linear"
    final_factor: float = 0.01
    steps: tuple[int, ...] = ()
    step_size: int = 10
    gamma: float = 0.1
    tail_epochs: int = 2
    tail_gamma: float = 0.3
    cycle_epochs: int = 30
    cycle_gamma: float = 0.7


def lr_factor(step: int, schedule: Schedule, *, steps_per_epoch: int) -> float:
    """What to multiply the base rate with at a step.

    - ``cosine`` at step ``max_epochs * steps_per_epoch`` and after: ``final_factor``; the last
      step taken is the one before.

    Args:
        step: Steps (or batches) taken so far, those before a training was continued included.
        schedule: The shape.
        steps_per_epoch: How many of them an epoch has.

    Raises:
        ConfigError: When there is no such schedule or warm-up, or when the warm-up or the tail of
            ``cosine_step`` does not leave an epoch to the rest.

    >>> half = Schedule("cosine", max_epochs=3, warmup_epochs=1, warmup_factor=0)
    >>> [round(lr_factor(step, half, steps_per_epoch=2), 3) for step in range(7)]
    [0.0, 0.5, 1.0, 0.855, 0.505, 0.155, 0.01]
    """
    epoch, total_steps = step // steps_per_epoch, schedule.max_epochs * steps_per_epoch
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    if not 0 <= warmup_steps < total_steps:
        raise ConfigError(
            f"the warm-up takes {warmup_steps} steps and the training {total_steps}; shorten the"
            " warm-up or train for more epochs"
        )
    shapes: Mapping[str, Callable[[], float]] = {
        "cosine": lambda: _half_cosine(
            max(0, step - warmup_steps) / (total_steps - warmup_steps), schedule.final_factor
        ),
        "cosine_step": lambda: _cosine_step(epoch, schedule),
        "multistep": lambda: schedule.gamma ** sum(start <= epoch for start in schedule.steps),
        "step": lambda: schedule.gamma ** (epoch // schedule.step_size),
        "constant": lambda: 1.0,
        "cyclic_cosine": lambda: _cyclic_cosine(step, schedule, steps_per_epoch),
    }
    if schedule.kind not in shapes:
        raise ConfigError(f"schedule is {schedule.kind!r}; expected one of {', '.join(shapes)}")
    return _warmup(step, warmup_steps, schedule) * shapes[schedule.kind]()


def _warmup(step: int, warmup_steps: int, schedule: Schedule) -> float:
    start, known = schedule.warmup_factor, ("linear", "constant")
    if schedule.warmup_method not in known:
        found = schedule.warmup_method
        raise ConfigError(f"the warm-up's method is {found!r}; expected one of {', '.join(known)}")
    if step >= warmup_steps:
        return 1.0
    if schedule.warmup_method == "constant":
        return start
    return start + (1 - start) * step / warmup_steps


def _half_cosine(progress: float, final_factor: float) -> float:
    """From 1 at progress 0 to ``final_factor`` at progress 1 and beyond."""
    return final_factor + (1 - final_factor) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def _cosine_step(epoch: int, schedule: Schedule) -> float:
    period = schedule.max_epochs - schedule.tail_epochs
    if period < 1:
        raise ConfigError(
            f"the tail of cosine_step takes {schedule.tail_epochs} epochs and the training"
            f" {schedule.max_epochs}; shorten the tail or train for more epochs"
        )
    last = min(epoch, period - 1)
    return _half_cosine(last / period, 0.0) * schedule.tail_gamma ** (epoch - last)


def _cyclic_cosine(step: int, schedule: Schedule, steps_per_epoch: int) -> float:
    length = schedule.cycle_epochs * steps_per_epoch
    cycle, place = divmod(step, length)
    return schedule.cycle_gamma**cycle * _half_cosine(place / length, schedule.final_factor)
