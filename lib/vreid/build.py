"""The door: here the configuration ends, and explicit arguments begin."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from vreid.data import cityflow, csv_table, vehiclex, veri776
from vreid.data.holdout import draw_vehicles, hold_out_vehicles
from vreid.data.loader import Batch, train_loader
from vreid.data.sample import Sample, Split
from vreid.data.samplers import pk_batches, shuffle_batches
from vreid.data.transforms import build_train_transform
from vreid.features import IntArray
from vreid.losses.combined import combined_loss
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, Embedding
from vreid.optim import build_optimizer
from vreid.options import Config, DataOptions
from vreid.runs import choose_device
from vreid.step import Loss


def build_split(options: DataOptions) -> Split:
    """Load the data set that the options name."""
    root = Path(options.root)
    if options.dataset == "csv":
        return csv_table.load(
            Path(options.table) if options.table else root / "samples.csv",
            root=root if options.table else None,
            test_fraction=options.test_fraction,
            query_camera=options.query_camera,
            seed=options.split_seed,
        )
    loaders: Mapping[str, Callable[[Path], Split]] = {
        "cityflow": cityflow.load,
        "vehiclex": vehiclex.load,
        "veri776": veri776.load,
    }
    return loaders[options.dataset](root)


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
    )
    return Embedder(
        backbone,
        num_classes=num_classes,
        pooling=options.pooling,
        gem_p=options.gem_p,
        gem_learnable=options.gem_learned,
        embedding_dim=options.embedding_dim,
    )


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


def build_loss(config: Config) -> Loss:
    """The weighted sum of ID loss and triplet loss."""
    options = config.loss

    def loss(embedding: Embedding, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return combined_loss(
            embedding.feat,
            embedding.logits,
            labels=labels,
            id_weight=options.id_weight,
            triplet_weight=options.triplet_weight,
            smoothing=options.smoothing,
            margin=options.margin,
        )

    return loss


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
