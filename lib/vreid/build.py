"""The door: here the configuration ends, and explicit arguments begin."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from vreid.build_boxes import build_boxes
from vreid.build_swap import build_swap
from vreid.data.joined import BoolArray, synthetic_mask
from vreid.data.loader import Batch, train_loader
from vreid.data.sample import Sample
from vreid.data.samplers import domain_batches, pk_batches, shuffle_batches
from vreid.data.swap_online import BackgroundSwap
from vreid.data.transforms import build_train_transform
from vreid.distributed import local_device, rank, world_size
from vreid.errors import ConfigError
from vreid.features import IntArray
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.models.mixstyle import MixStyle
from vreid.optim import build_optimizer
from vreid.options import Config, ModelOptions
from vreid.runs import choose_device
from vreid.schedules import Schedule


def build_model(config: Config, num_classes: int) -> Embedder:
    """A new model: backbone with its start weights, pooling, neck and classifier."""
    options = config.model
    backbone = build_backbone(
        options.backbone,
        ibn=options.ibn,
        last_stride=options.last_stride,
        weights=options.weights,
        image_size=config.input.size,
        mixstyle=_build_mixstyle(options),
        patch_stride=options.patch_stride,
        drop_path=options.drop_path,
        token_dropout=options.token_dropout,
        attention_dropout=options.attention_dropout,
        side_cameras=options.side_cameras,
        side_views=options.side_views,
        side_weight=options.side_weight,
    )
    return Embedder(
        backbone,
        num_classes=num_classes,
        pooling=options.pooling,
        gem_p=options.gem_p,
        gem_learnable=options.gem_learned,
        levels=options.levels,
        attention=options.attention,
        groups=options.groups,
        group_dim=options.group_dim,
        gate_dim=options.gate_dim,
        embedding_dim=options.embedding_dim,
        embedding=options.embedding,
        embedding_dropout=options.embedding_dropout,
        neck=options.neck,
        neck_shift=options.neck_shift,
        neck_dropout=options.neck_dropout,
        retrieval_feat=options.retrieval_feat,
        bias=options.classifier_bias,
        cosine=config.loss.id != "softmax",
    )


def _build_mixstyle(options: ModelOptions) -> MixStyle | None:
    if options.mixstyle == "none":
        return None
    return MixStyle(options.mixstyle, prob=options.mixstyle_prob, alpha=options.mixstyle_alpha)


def place_model(config: Config, model: Embedder) -> Embedder:
    """The model on the device and in the memory layout that the configuration names."""
    model = model.to(local_device(choose_device(config.device)))
    return model.to(memory_format=torch.channels_last) if config.solver.channels_last else model


def build_solver(config: Config, model: Embedder) -> torch.optim.Optimizer:
    """The optimizer over the parameters of the bare model that are not frozen."""
    solver = config.solver
    return build_optimizer(
        model,
        name=solver.optimizer,
        lr=solver.base_lr,
        weight_decay=solver.weight_decay,
        decay_norm_bias=solver.decay_all,
        backbone_lr_factor=solver.backbone_lr_factor,
        classifier_lr_factor=solver.classifier_lr_factor,
        bias_lr_factor=solver.bias_lr_factor,
        momentum=solver.momentum,
        nesterov=solver.nesterov,
    )


def build_schedule(config: Config) -> Schedule:
    """The shape of the learning rate, for `lr_factor`."""
    solver = config.solver
    return Schedule(
        kind=solver.schedule,
        max_epochs=solver.max_epochs,
        warmup_epochs=solver.warmup_epochs,
        warmup_factor=solver.warmup_factor,
        warmup_method=solver.warmup_method,
        final_factor=solver.final_factor,
        steps=solver.steps,
        step_size=solver.step_size,
        gamma=solver.gamma,
        tail_epochs=solver.tail_epochs,
        tail_gamma=solver.tail_gamma,
        cycle_epochs=solver.cycle_epochs,
        cycle_gamma=solver.cycle_gamma,
    )


def build_batches(
    config: Config, classes: IntArray, synthetic: BoolArray | None, *, epoch: int
) -> list[list[int]]:
    """The batches of one epoch, the same at every call.

    Args:
        config: The options of this training.
        classes: (N,) class of each training image.
        synthetic: (N,) which of them were rendered; None: none of them. Only the sampler
            ``domains`` looks at it.
        epoch: Number of the epoch, from 0.
    """
    solver = config.solver
    generator = np.random.default_rng([solver.seed, epoch])
    if solver.sampler == "shuffle":
        return shuffle_batches(
            len(classes), batch_size=solver.ims_per_batch, generator=generator, drop_last=True
        )
    p, k = solver.ims_per_batch // solver.num_instance, solver.num_instance
    if solver.sampler == "domains":
        return domain_batches(
            classes,
            np.zeros(len(classes), dtype=np.bool_) if synthetic is None else synthetic,
            p=p,
            k=k,
            synthetic_share=solver.synthetic_share,
            generator=generator,
        )
    return pk_batches(classes, p=p, k=k, generator=generator)


def build_loader(
    config: Config,
    samples: Sequence[Sample],
    classes: IntArray,
    *,
    epoch: int,
    first_batch: int = 0,
    swap: BackgroundSwap | None = None,
    mirrored: IntArray | None = None,
) -> Iterable[Batch]:
    """This process's share of the augmented batches of one epoch from ``first_batch`` on.

    Args:
        config: The options of this training.
        samples: (N,) images.
        classes: (N,) class of each.
        epoch: Number of the epoch, from 0.
        first_batch: Batches to leave out.
        swap: From `build_swap`, which takes a while; None makes it here where the options want it.
        mirrored: (N,) class of each image when it is mirrored; None: the same.

    Raises:
        ConfigError: When the processes cannot share a batch equally, or see `build_swap`.
        DataError: See `build_swap` and `build_boxes`.
    """
    batches = build_batches(config, classes, synthetic_mask(samples), epoch=epoch)
    _check_shares(len(batches[0]), world_size())
    options = config.input
    transform = build_train_transform(
        size=options.size,
        flip_prob=options.flip,
        perspective_prob=options.perspective,
        perspective_scale=options.perspective_scale,
        pad=options.pad,
        zoom_prob=options.zoom,
        zoom_area=(options.zoom_area, 1.0),
        rotation_prob=options.rotation,
        rotation_degrees=options.rotation_degrees,
        patch_prob=options.patch,
        color_prob=options.jitter,
        brightness=options.brightness,
        contrast=options.contrast,
        saturation=options.saturation,
        hue=options.hue,
        augmix_prob=options.augmix,
        blur_prob=options.blur,
        erase_prob=options.erasing,
        erase_area=(0.02, options.erasing_max),
        erase_fill=options.erasing_fill,
    )
    return train_loader(
        samples,
        classes,
        batches,
        transform=transform,
        swap=build_swap(config, samples) if swap is None else swap,
        boxes=build_boxes(config, samples),
        size=options.size,
        seed=config.solver.seed,
        epoch=epoch,
        start=first_batch,
        workers=config.solver.num_workers,
        num_views=config.model.side_views,
        share=(rank(), world_size()),
        mirrored=mirrored,
    )


def _check_shares(batch_size: int, processes: int) -> None:
    """Every process needs images of every batch, and the same number of them."""
    if processes > 1 and (batch_size % processes or batch_size < 2 * processes):
        raise ConfigError(
            f"solver.ims_per_batch: {processes} processes cannot share batches of {batch_size}"
            " images; set a multiple of their number, two images each at least"
        )
