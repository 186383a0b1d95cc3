"""The ways of scoring that `benchmarks.evaluate` compares: ours, the usual sort, two libraries.

All score by the rules of Market-1501, as far as they can: one of the libraries knows no junk.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.features_made import Made, Size, make_features
from benchmarks.harness import Ways
from vreid.distance import pairwise
from vreid.features import FloatArray
from vreid.metrics import evaluate, evaluate_features
from vreid.protocol import MARKET

OURS, OURS_FEATURES = "vreid", "vreid-features"
ARGSORT, PML, TORCHMETRICS = "argsort", "pytorch-metric-learning", "torchmetrics"
MEANING = {
    OURS: "`vreid.metrics.evaluate` of a distance matrix",
    OURS_FEATURES: "`vreid.metrics.evaluate_features`: the distances are part of the work",
    ARGSORT: "a distance matrix sorted 256 rows at a time and a loop over the queries, as is usual",
    PML: "`AccuracyCalculator` on features, k = all; it knows no junk",
    TORCHMETRICS: "`RetrievalMAP` of a distance matrix as (query, score, target) triples",
}
FROM_FEATURES = (OURS_FEATURES, PML)
PEER_MODULES = {PML: "pytorch_metric_learning", TORCHMETRICS: "torchmetrics"}
# Bytes a query-gallery pair at the worst moment, measured at veri776 and rounded up.
PAIR_BYTES = {PML: 66, TORCHMETRICS: 80}
SORTED_ROWS = 256

Found = npt.NDArray[np.float64]  # (2,) mAP and rank-1; NaN where a way does not compute it


def build_ways(size: Size, names: Sequence[str], dim: int) -> Ways:
    """Make features, distances if a way wants them, and the ways of these names."""
    made = make_features(size, dim=dim)
    if set(names) <= set(FROM_FEATURES):
        dist: FloatArray = np.empty((0, 0), dtype=np.float32)
    else:
        dist = pairwise(made.query, made.gallery)
        if not set(names) & set(FROM_FEATURES):
            nothing = np.empty((0, dim), dtype=np.float32)
            made = Made(nothing, nothing, *_ids(made).values())
    functions: dict[str, Callable[[Made, FloatArray], Found]] = {
        OURS: ours,
        OURS_FEATURES: ours_features,
        ARGSORT: by_argsort,
        PML: by_pytorch_metric_learning,
        TORCHMETRICS: by_torchmetrics,
    }
    return {name: partial(functions[name], made, dist) for name in names}


def _ids(made: Made) -> dict[str, Any]:
    names = ("query_pids", "gallery_pids", "query_camids", "gallery_camids")
    return {name: getattr(made, name) for name in names}


def ours(made: Made, dist: FloatArray) -> Found:
    """The library on a matrix."""
    scores = evaluate(dist, **_ids(made), protocol=MARKET)
    return np.array([scores.map, scores.rank(1)])


def ours_features(made: Made, dist: FloatArray) -> Found:
    """The library on features."""
    scores = evaluate_features(made.query, made.gallery, **_ids(made), protocol=MARKET)
    return np.array([scores.map, scores.rank(1)])


def by_argsort(made: Made, dist: FloatArray) -> Found:
    """Sort every row, look up who is where, and average precisions query by query."""
    aps, firsts = [], []
    for start in range(0, len(dist), SORTED_ROWS):
        rows = slice(start, start + SORTED_ROWS)
        order = np.argsort(dist[rows], axis=1)  # (B, G)
        same = made.gallery_pids[order] == made.query_pids[rows, None]
        junk = same & (made.gallery_camids[order] == made.query_camids[rows, None])
        for flags, junk_mask in zip(same, junk, strict=True):
            hits = flags[~junk_mask]
            num_relevant = np.count_nonzero(hits)
            if num_relevant:
                precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
                aps.append((precisions * hits).sum() / num_relevant)
                firsts.append(hits[0])
    return np.array([np.mean(aps), np.mean(firsts)])


def by_pytorch_metric_learning(made: Made, dist: FloatArray) -> Found:
    """Its accuracy calculator with its own search, which needs no faiss."""
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    calculator = AccuracyCalculator(
        include=("mean_average_precision", "precision_at_1"),
        device=torch.device("cpu"),
        knn_func=CustomKNN(LpDistance(normalize_embeddings=False), batch_size=SORTED_ROWS),
        kmeans_func=len,  # never called
    )
    found = calculator.get_accuracy(
        made.query, made.query_pids, made.gallery, made.gallery_pids, ref_includes_query=False
    )
    return np.array([found["mean_average_precision"], found["precision_at_1"]])


def by_torchmetrics(made: Made, dist: FloatArray) -> Found:
    """Its mean average precision; junk is left out of the triples, scores have to be positive."""
    from torchmetrics.retrieval import RetrievalMAP

    metric = RetrievalMAP(empty_target_action="skip")
    for query, row in enumerate(dist):
        same = made.gallery_pids == made.query_pids[query]
        kept = ~(same & (made.gallery_camids == made.query_camids[query]))
        sims = torch.from_numpy(1 / (1 + row[kept]))
        metric.update(sims, torch.from_numpy(same[kept]), indexes=torch.full((len(sims),), query))
    return np.array([float(metric.compute()), np.nan])
