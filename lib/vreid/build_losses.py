"""The door of the losses: from their options to one `CombinedLoss` and its optimizer."""

from collections.abc import Callable, Mapping
from functools import partial

import torch

from vreid.losses.center import CenterLoss
from vreid.losses.circle import circle_logits, circle_loss
from vreid.losses.combined import CombinedLoss, IdLoss, MetricLoss, Weighted
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.identity import identity_loss
from vreid.losses.instance import instance_loss
from vreid.losses.lifted import lifted_loss
from vreid.losses.malw import Malw
from vreid.losses.margin import arcface_logits, cosface_logits
from vreid.losses.memory import Memory
from vreid.losses.sphereface import sphereface_logits
from vreid.losses.supcon import supcon_loss
from vreid.losses.triplet import triplet_loss
from vreid.options import LossOptions


def build_loss(options: LossOptions, num_classes: int, *, dim: int) -> CombinedLoss:
    """The losses that the options name, of a model with features of width ``dim``."""
    return CombinedLoss(
        _build_id_loss(options),
        _build_metric_losses(options),
        id_weight=options.id_weight,
        center=CenterLoss(num_classes, dim) if options.center_weight else None,
        center_weight=options.center_weight,
        memory=_build_memory(options, dim),
        malw=_build_malw(options),
        behind_neck=options.metric_feat == "feat_bn",
        normalize=options.metric_normalize,
    )


def build_loss_solver(options: LossOptions, loss: CombinedLoss) -> torch.optim.Optimizer | None:
    """The optimizer of what the losses learn, the centres; None where they learn nothing."""
    parameters = list(loss.parameters())
    return torch.optim.SGD(parameters, lr=options.center_lr) if parameters else None


def _build_id_loss(options: LossOptions) -> IdLoss:
    plain = partial(identity_loss, smoothing=options.smoothing)
    if options.id == "softmax":
        return plain
    scale, margin = options.id_scale, options.id_margin
    logits: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "arcface": partial(arcface_logits, scale=scale, margin=margin),
        "cosface": partial(cosface_logits, scale=scale, margin=margin),
        "amsoftmax": partial(cosface_logits, scale=scale, margin=margin),
        "circle": partial(circle_logits, scale=scale, margin=margin),
        "sphereface": partial(sphereface_logits, scale=scale, margin=options.sphereface_margin),
    }
    with_margin = logits[options.id]
    return lambda cosines, labels: plain(with_margin(cosines, labels), labels)


def _build_metric_losses(options: LossOptions) -> Mapping[str, Weighted]:
    losses: Mapping[str, MetricLoss] = {
        "triplet": partial(
            triplet_loss,
            margin=options.margin,
            mining=options.mining,
            ms_epsilon=options.ms_epsilon,
        ),
        "circle": partial(
            circle_loss,
            scale=options.circle_scale,
            margin=options.circle_margin,
            form=options.circle_form,
        ),
        "contrastive": partial(
            contrastive_loss, margin=options.contrastive_margin, form=options.contrastive_form
        ),
        "supcon": partial(supcon_loss, temperature=options.temperature),
        "lifted": partial(lifted_loss, margin=options.lifted_margin),
        "instance": partial(instance_loss, scale=options.instance_scale),
    }
    return {
        name: Weighted(getattr(options, f"{name}_weight"), losses[name]) for name in options.metrics
    }


def _build_memory(options: LossOptions, dim: int) -> Memory | None:
    if options.memory_size == 0:
        return None
    return Memory(options.memory_size, dim, start=options.memory_start)


def _build_malw(options: LossOptions) -> Malw | None:
    if options.balance == "fixed":
        return None
    return Malw(
        weight=options.id_weight,
        interval=options.malw_interval,
        momentum=options.malw_momentum,
        form="paper" if options.balance == "malw_paper" else "code",
    )
