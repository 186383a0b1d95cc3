"""What is measured while a model trains: plain retrieval, or the accuracy of a classifier.

Validation never re-ranks and never fuses: the best checkpoint has the best features of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vreid.data.loader import extract_loader
from vreid.data.sample import Sample, Split
from vreid.distributed import gather_in_order, own_share
from vreid.extract import extract, join_rows
from vreid.features import IntArray
from vreid.judge import judge_features
from vreid.models.embedder import Embedder
from vreid.options import Config
from vreid.precision import choose_precision
from vreid.protocol import PROTOCOLS


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        score: Chooses the best checkpoint; larger is better.
        values: Numbers for the log, such as ``{"map": 0.41, "rank1": 0.55}``.
        protocol: The line that says how they were measured.
    """

    score: float
    values: Mapping[str, float]
    protocol: str


Evaluate = Callable[[Embedder], Validation]

LogitArray = npt.NDArray[np.float32]


def retrieval(config: Config, split: Split) -> Evaluate:
    """Validate by searching the split's queries in its gallery; the score is the protocol's mAP."""
    protocol = PROTOCOLS[config.test.protocol]

    def validation(model: Embedder) -> Validation:
        query, gallery = (
            extract(
                model,
                part,
                size=config.input.size,
                batch_size=config.test.batch_size,
                flip=False,
                precision=choose_precision(_device(model), config.solver.precision),
                title="validate",
            )
            for part in (split.query, split.gallery)
        )
        scores = judge_features(query, gallery, protocol=protocol)
        values = {"map": scores.headline} | {f"rank{k}": scores.rank(k) for k in (1, 5, 10)}
        return Validation(scores.headline, values, f"{split.name}: {scores.protocol}")

    return validation


def classification(
    config: Config,
    samples: tuple[Sample, ...],
    measure: Callable[[LogitArray], Validation],
) -> Evaluate:
    """Validate a classifier: ``measure`` gets its (N, C) logits for the samples."""

    def validation(model: Embedder) -> Validation:
        return measure(predict(model, samples, config=config))

    return validation


def predict(
    model: Embedder, samples: tuple[Sample, ...], *, config: Config, workers: int = 0
) -> LogitArray:
    """Logits of a classifier: (N, C) float32; under torchrun each process does its share."""
    device = _device(model)
    precision = choose_precision(device, config.solver.precision)
    loader = extract_loader(
        own_share(samples),
        size=config.input.size,
        batch_size=config.test.batch_size,
        workers=workers,
        num_views=model.num_views,
    )
    rows: list[LogitArray] = []
    with torch.inference_mode(), precision.autocast():
        for batch in loader:
            assert model.classifier is not None  # only classifiers are asked
            side = batch.side.to(device) if model.uses_side else None
            feat_bn = model(batch.images.to(device), side).feat_bn
            rows.append(model.classifier(feat_bn).float().cpu().numpy())
    return gather_in_order(join_rows(rows), len(samples))


def accuracy(logits: LogitArray, classes: IntArray) -> float:
    """Share of rows whose largest logit is their class."""
    return float((logits.argmax(axis=1) == classes).mean())


def _device(model: Embedder) -> torch.device:
    return next(model.parameters()).device
