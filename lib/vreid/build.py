"""The door: here the configuration ends, and explicit arguments begin."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from vreid.data import (
    cityflow,
    csv_table,
    vehicleid,
    vehiclex,
    veri776,
    veri_wild,
    vric,
    vru,
    vveri901,
)
from vreid.data.holdout import draw_vehicles, hold_out_vehicles
from vreid.data.loader import Batch, train_loader
from vreid.data.sample import Sample, Split
from vreid.data.samplers import pk_batches, shuffle_batches
from vreid.data.transforms import build_train_transform
from vreid.features import IntArray
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.models.mixstyle import MixStyle
from vreid.optim import build_optimizer
from vreid.options import Config, DataOptions, ModelOptions
from vreid.runs import choose_device


def build_split(options: DataOptions) -> Split:
    """Load the data set that the options name; say where it differs from the published one."""
    root, size = Path(options.root), options.test_size
    loaders: Mapping[str, Callable[[], Split]] = {
        "cityflow": lambda: cityflow.load(root, split=options.split),
        "vehiclex": lambda: vehiclex.load(root, images=options.images),
        "veri776": lambda: veri776.load(root),
        "vehicleid": lambda: vehicleid.load(root, size=size),
        "veri-wild": lambda: veri_wild.load(root, size=size),
        "vru": lambda: vru.load(root, size=size),
        "vric": lambda: vric.load(root),
        "vveri901": lambda: vveri901.load(root),
        "csv": lambda: csv_table.load(
            Path(options.table) if options.table else root / "samples.csv",
            root=root if options.table else None,
            test_fraction=options.test_fraction,
            query_camera=options.query_camera,
            seed=options.split_seed,
        ),
    }
    split = loaders[options.dataset]()
    if options.check_counts:
        for note in split.notes:
            print(f"note: {note}", file=sys.stderr)
    return split


def build_holdout(options: DataOptions, train: Sequence[Sample]) -> Split | None:
    """Hold out vehicles of the training set for validation; None where none are asked for."""
    if options.holdout == 0:
        return None
    return hold_out_vehicles(train, fraction=options.holdout, seed=options.split_seed)


def build_vehicle_holdout(
    options: DataOptions, train: Sequence[Sample]
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Training images, and all images of held-out vehicles to validate a classifier on."""
    if options.holdout == 0:
        return tuple(train), ()
    pids = sorted({sample.pid for sample in train})
    chosen = draw_vehicles(
        pids,
        len(pids),
        fraction=options.holdout,
        count=None,
        generator=np.random.default_rng(options.split_seed),
    )
    return (
        tuple(sample for sample in train if sample.pid not in chosen),
        tuple(sample for sample in train if sample.pid in chosen),
    )


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
    model = model.to(choose_device(config.device))
    return model.to(memory_format=torch.channels_last) if config.solver.channels_last else model


def build_solver(config: Config, model: Embedder) -> torch.optim.Optimizer:
    """The optimizer over the model's parameters."""
    solver = config.solver
    return build_optimizer(
        model,
        name=solver.optimizer,
        lr=solver.base_lr,
        weight_decay=solver.weight_decay,
        backbone_lr_factor=solver.backbone_lr_factor,
        momentum=solver.momentum,
    )


def build_batches(config: Config, classes: IntArray, *, epoch: int) -> list[list[int]]:
    """The batches of one epoch, the same at every call."""
    solver = config.solver
    generator = np.random.default_rng([solver.seed, epoch])
    if solver.sampler == "shuffle":
        return shuffle_batches(
            len(classes), batch_size=solver.ims_per_batch, generator=generator, drop_last=True
        )
    return pk_batches(
        classes,
        p=solver.ims_per_batch // solver.num_instance,
        k=solver.num_instance,
        generator=generator,
    )


def build_loader(
    config: Config,
    samples: Sequence[Sample],
    classes: IntArray,
    *,
    epoch: int,
    first_batch: int = 0,
) -> Iterable[Batch]:
    """The augmented batches of one epoch from ``first_batch`` on."""
    options = config.input
    transform = build_train_transform(
        size=options.size,
        flip_prob=options.flip,
        pad=options.pad,
        zoom_prob=options.zoom,
        zoom_area=(options.zoom_area, 1.0),
        color_prob=options.jitter,
        brightness=options.brightness,
        contrast=options.contrast,
        saturation=options.saturation,
        hue=options.hue,
        augmix_prob=options.augmix,
        blur_prob=options.blur,
        erase_prob=options.erasing,
    )
    return train_loader(
        samples,
        classes,
        build_batches(config, classes, epoch=epoch),
        transform=transform,
        size=options.size,
        seed=config.solver.seed,
        epoch=epoch,
        start=first_batch,
        workers=config.solver.num_workers,
    )
