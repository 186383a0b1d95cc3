"""What `scripts.evaluate` scores: features of runs and distance files, with their identities."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vreid.data.sample import UNKNOWN, Sample
from vreid.distance import DistMat, Metric
from vreid.errors import ConfigError, DataError
from vreid.features import Features, IntArray
from vreid.judge import judge_distances, judge_features, judge_pairs
from vreid.pairs import PairScores, score_pairs
from vreid.protocol import Protocol
from vreid.relevance import Relevance
from vreid.scores import Scores

Identity = tuple[int, int]  # pid, camid
PARTS = ("query", "gallery")


def identities(samples: Sequence[Sample]) -> dict[str, Identity]:
    """Name -> (pid, camid)."""
    return {sample.name: (sample.pid, sample.camid) for sample in samples}


def score(
    source: Path,
    known: Mapping[str, Identity],
    protocol: Protocol,
    *,
    metric: Metric = "sqeuclidean",
) -> Scores:
    """Score one run directory or distance file."""
    if source.is_dir():
        return judge_features(*load_run(source, known), protocol=protocol, metric=metric)
    mat, pids, camids = load_distance(source, known)
    try:
        return judge_distances(mat, pids=pids, camids=camids, protocol=protocol)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None


def score_all_pairs(
    source: Path, known: Mapping[str, Identity], protocol: Protocol, *, metric: Metric
) -> PairScores:
    """Score the pairs of one run directory or distance file."""
    if source.is_dir():
        return judge_pairs(*load_run(source, known), protocol=protocol, metric=metric)
    mat, pids, camids = load_distance(source, known)
    part = mat.query_gallery()
    query, gallery = np.split(np.arange(len(part.rows) + len(part.cols)), [len(part.rows)])
    relevance = Relevance(pids[query], pids[gallery], camids[query], camids[gallery], protocol)
    return score_pairs(lambda: [part.dist], relevance)


def load_run(source: Path, known: Mapping[str, Identity]) -> tuple[Features, Features]:
    """Features of a run's queries and gallery with the identities that are known."""
    query, gallery = (Features.load(source / "features" / f"{part}.npz") for part in PARTS)
    if not known:
        known = {
            name: (int(pid), int(camid))
            for part in (query, gallery)
            for name, pid, camid in zip(part.names, part.pids, part.camids, strict=True)
        }
    return _identified(query, known, source), _identified(gallery, known, source)


def _identified(part: Features, known: Mapping[str, Identity], source: Path) -> Features:
    pids, camids = columns(part.names, known, source)
    return replace(part, pids=pids, camids=camids)


def load_distance(
    source: Path, known: Mapping[str, Identity]
) -> tuple[DistMat, IntArray, IntArray]:
    """A distance, and identities and cameras of its queries and then of its gallery."""
    mat = DistMat.load(source, check_values=False)
    if not known:
        raise ConfigError(
            f"{source}: a distance file holds names only; give --data CONFIG, or --query and"
            " --gallery with the tables of the identities"
        )
    return (mat, *columns(mat.rows if mat.square else (*mat.rows, *mat.cols), known, source))


def columns(
    names: Sequence[str], known: Mapping[str, Identity], source: Path
) -> tuple[IntArray, IntArray]:
    """Identities and cameras of names.

    Raises:
        DataError: Naming the first image whose identity is not known.
    """
    for name in names:
        if known.get(name, (UNKNOWN, UNKNOWN))[0] == UNKNOWN:
            raise DataError(
                f"{source}: the identity of {name} is not known, so there is nothing to score"
                " against; give --query and --gallery with the tables of the identities"
            )
    pairs = np.array([known[name] for name in names], dtype=np.int64)  # (N, 2)
    return pairs[:, 0], pairs[:, 1]
