"""Optimizers, their parameter groups, and the learning rate as a function of the step.

There is no scheduler object: the rate follows from the step's number alone, so a resumed training
has the rate that it would have had. Cosine: Loshchilov and Hutter, "SGDR", ICLR 2017,
arXiv:1608.03983, without restarts; warm-up: Goyal et al., 2017, arXiv:1706.02677.
"""

import math
from typing import Any

import torch
from torch import nn

from vreid.errors import ConfigError

NAMES = ("adam", "adamw", "sgd")


def build_optimizer(
    model: nn.Module,
    *,
    name: str,
    lr: float,
    weight_decay: float = 5e-4,
    decay_norm_bias: bool = False,
    backbone_lr_factor: float = 1.0,
    momentum: float = 0.9,
) -> torch.optim.Optimizer:
    """An optimizer over the parameters that are not frozen.

    Args:
        model: The bare model; parameters under ``backbone.`` are the backbone's.
        name: ``adam`` (decay added to the gradient), ``adamw`` (decay apart) or ``sgd``.
        lr: Base rate, that of factor 1.
        weight_decay: Decay of matrices and filters.
        decay_norm_bias: Whether vectors (biases, scales of normalisations) decay too.
        backbone_lr_factor: The backbone's rate divided by that of the rest.
        momentum: Of ``sgd``; the others use (0.9, 0.999).

    Returns:
        An optimizer whose groups carry ``name`` and ``base_lr``, for `set_lr`.

    Raises:
        ConfigError: When there is no such optimizer or nothing to train.
    """
    if name not in NAMES:
        raise ConfigError(f"optim.name is {name!r}; expected one of {', '.join(NAMES)}")
    groups = _groups(model, lr, weight_decay, decay_norm_bias, backbone_lr_factor)
    if not groups:
        raise ConfigError("every parameter of the model is frozen; there is nothing to train")
    if name == "adam":
        return torch.optim.Adam(groups, lr=lr)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr)
    return torch.optim.SGD(groups, lr=lr, momentum=momentum)


def _groups(
    model: nn.Module, lr: float, weight_decay: float, decay_norm_bias: bool, factor: float
) -> list[dict[str, Any]]:
    """At most four groups: backbone or head, with or without decay, in the model's order."""
    groups: dict[str, dict[str, Any]] = {}
    for path, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part = "backbone" if path.startswith("backbone.") else "head"
        decays = decay_norm_bias or parameter.ndim > 1
        base_lr = lr * factor if part == "backbone" else lr
        group = groups.setdefault(
            part if decays else f"{part}.no_decay",
            {
                "params": [],
                "lr": base_lr,
                "base_lr": base_lr,
                "weight_decay": weight_decay if decays else 0.0,
            },
        )
        group["params"].append(parameter)
    return [{**group, "name": name} for name, group in groups.items()]


def lr_factor(
    step: int,
    *,
    total_steps: int,
    warmup_steps: int = 0,
    warmup_factor: float = 0.01,
    final_factor: float = 0.01,
) -> float:
    """What to multiply the base rate with at a step: linear warm-up, then half a cosine.

    - step 0: ``warmup_factor`` (1 without warm-up).
    - step ``warmup_steps``: 1.
    - step ``total_steps`` and after: ``final_factor``; the last step taken is the one before.

    Args:
        step: Number of optimizer steps taken so far.
        total_steps: Of the whole training.
        warmup_steps: Below ``total_steps``.
        warmup_factor: Where the warm-up starts, in [0, 1].
        final_factor: Where the cosine ends, in [0, 1].

    Raises:
        ConfigError: When the warm-up does not end before the training.

    >>> [round(lr_factor(s, total_steps=6, warmup_steps=2, warmup_factor=0), 3) for s in range(7)]
    [0.0, 0.5, 1.0, 0.855, 0.505, 0.155, 0.01]
    """
    if not 0 <= warmup_steps < total_steps:
        raise ConfigError(
            f"the warm-up takes {warmup_steps} steps and the training {total_steps}; shorten the"
            " warm-up or train for more epochs"
        )
    if step < warmup_steps:
        return warmup_factor + (1 - warmup_factor) * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return final_factor + (1 - final_factor) * (1 + math.cos(math.pi * progress)) / 2


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its own base rate times the factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
