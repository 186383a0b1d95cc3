"""Optimizers and their parameter groups, each with a learning rate of its own.

Ranger: RAdam (Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020,
arXiv:1908.03265) under Lookahead (Zhang et al., "Lookahead Optimizer: k steps forward, 1 step
back", NeurIPS 2019, arXiv:1907.08610), with the constants under which the pair became known.
timm's Lookahead takes its slow weights from the k-th step; here, as in the paper, they start where
the training starts.
"""

from typing import Any

import torch
from torch import nn

from vreid.errors import ConfigError

NAMES = ("adam", "adamw", "sgd", "ranger")


def build_optimizer(
    model: nn.Module,
    *,
    name: str,
    lr: float,
    weight_decay: float = 5e-4,
    decay_norm_bias: bool = False,
    backbone_lr_factor: float = 1.0,
    classifier_lr_factor: float = 1.0,
    bias_lr_factor: float = 1.0,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> torch.optim.Optimizer:
    """An optimizer over the parameters that are not frozen. The factors multiply.

    Args:
        model: The bare model; parameters under ``backbone.`` are the backbone's, those under
            ``classifier.`` the classifier's.
        name: ``adam`` (decay added to the gradient), ``adamw`` (decay apart), ``sgd`` (added) or
            ``ranger`` (apart).
        lr: Base rate, that of factor 1.
        weight_decay: Decay of matrices and filters.
        decay_norm_bias: Whether vectors (biases, scales of normalisations) decay too.
        backbone_lr_factor: The backbone's rate divided by that of the rest.
        classifier_lr_factor: The same for the classifier.
        bias_lr_factor: The same for every parameter whose name ends in ``bias``, the shifts of
            normalisations included.
        momentum: Of ``sgd``; Adam has (0.9, 0.999), Ranger (0.95, 0.999).
        nesterov: Of ``sgd``: whether the momentum looks ahead.

    Returns:
        An optimizer whose groups carry ``name`` and ``base_lr``, for `set_lr`.

    Raises:
        ConfigError: When there is no such optimizer or nothing to train.
    """
    if name not in NAMES:
        raise ConfigError(f"optim.name is {name!r}; expected one of {', '.join(NAMES)}")
    factors = {
        "backbone": backbone_lr_factor,
        "classifier": classifier_lr_factor,
        "bias": bias_lr_factor,
    }
    groups = _groups(model, lr, weight_decay, decay_norm_bias, factors)
    if not groups:
        raise ConfigError("every parameter of the model is frozen; there is nothing to train")
    if name == "adam":
        return torch.optim.Adam(groups, lr=lr)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr)
    if name == "ranger":
        return Ranger(groups, lr=lr)
    return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov)


def _groups(
    model: nn.Module,
    lr: float,
    weight_decay: float,
    decay_norm_bias: bool,
    factors: dict[str, float],
) -> list[dict[str, Any]]:
    """One group for each rate and decay that differ, in the model's order.

    A part whose factor is 1 is not set apart, so that the groups of a training do not depend on
    factors that it does not use.
    """
    groups: dict[str, dict[str, Any]] = {}
    for path, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        name, base_lr = "head", lr
        if path.startswith("backbone."):
            name, base_lr = "backbone", base_lr * factors["backbone"]
        elif path.startswith("classifier.") and factors["classifier"] != 1:
            name, base_lr = "classifier", base_lr * factors["classifier"]
        if path.endswith("bias") and factors["bias"] != 1:
            name, base_lr = f"{name}.bias", base_lr * factors["bias"]
        decays = decay_norm_bias or parameter.ndim > 1
        group = groups.setdefault(
            name if decays else f"{name}.no_decay",
            {
                "params": [],
                "lr": base_lr,
                "base_lr": base_lr,
                "weight_decay": weight_decay if decays else 0.0,
            },
        )
        group["params"].append(parameter)
    return [{**group, "name": name} for name, group in groups.items()]


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its own base rate times the factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


class Ranger(torch.optim.RAdam):
    """RAdam whose weights go back, every few steps, towards those of the last time.

    Every ``every`` steps: slow <- slow + alpha * (weights - slow); weights <- slow. The slow
    weights are a state of each parameter and the count one of each group, so that a checkpoint of
    the optimizer holds both.

    Args:
        params: Parameters or groups of them.
        lr: Rate of the groups that name none.
        weight_decay: The same for the decay, which is apart from the gradient.
        every: Steps from one look back to the next, k in the paper.
        alpha: Share of the way that is kept, in (0, 1].
    """

    def __init__(
        self,
        params: list[dict[str, Any]] | list[nn.Parameter],
        lr: float = 1e-3,
        *,
        weight_decay: float = 0.0,
        every: int = 6,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=(0.95, 0.999),
            eps=1e-5,
            weight_decay=weight_decay,
            decoupled_weight_decay=True,
        )
        for group in self.param_groups:
            group |= {"every": every, "alpha": alpha, "looked": 0}

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        starts = {
            parameter: parameter.clone()
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and not self.state.get(parameter)
        }
        super().step()
        for parameter, start in starts.items():
            self.state[parameter]["slow"] = start
        for group in self.param_groups:
            group["looked"] += 1
            if group["looked"] % group["every"] == 0:
                self._look_back(group)
        return loss

    def _look_back(self, group: dict[str, Any]) -> None:
        for parameter in group["params"]:
            if parameter.grad is not None:
                slow = self.state[parameter]["slow"]
                parameter.copy_(slow.lerp_(parameter, group["alpha"]))
