"""What the pseudo-labels are, in sentences, and how they compare with the truth where it is known.

The truth is printed and written to ``clusters_found.json`` in the run's folder, which no program
reads. Nothing else is done with it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from vreid.clusters import score_clusters
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.truth import read_truth
from vreid.features import IntArray
from vreid.files import write_json


def describe_labels(labels: IntArray) -> str:
    """Clusters, and images that are trained on.

    >>> describe_labels(np.array([0, 0, 1, -1]))
    '2 clusters of 3 of 4 images (25.0 % left out), the median one of 2'
    """
    kept = labels[labels != UNKNOWN]
    sizes = np.unique(kept, return_counts=True)[1]
    left_out = 100 * (1 - len(kept) / len(labels))
    return (
        f"{len(sizes)} clusters of {len(kept)} of {len(labels)} images ({left_out:.1f} % left out),"
        f" the median one of {int(np.median(sizes))}"
        if len(sizes)
        else f"no clusters among {len(labels)} images"
    )


def compare_with_truth(labels: IntArray, pids: IntArray) -> str:
    """The line of scores, or that there is nothing to compare with."""
    num_known = int(np.count_nonzero(pids != UNKNOWN))
    if not num_known:
        return "the true identities are not known"
    scores = score_clusters(labels, pids)
    part = "" if num_known == len(pids) else f" ({num_known} images whose identity is known)"
    return (
        f"against the truth{part}, printed only: {scores.num_clusters} clusters for"
        f" {scores.num_identities} vehicles, purity {100 * scores.purity:.1f} %, pairs: precision"
        f" {100 * scores.precision:.1f} %, recall {100 * scores.recall:.1f} %"
    )


def write_found(run_dir: Path, labels: IntArray, pids: IntArray) -> Path:
    """Write the counts, and the scores against the truth as far as there is one, as JSON.

    Args:
        run_dir: Folder of the adapted run.
        labels: (N,) clusters.
        pids: (N,) vehicles; without a known one the file has no section ``truth``.
    """
    found: dict[str, Any] = {
        "num_images": len(labels),
        "num_labelled": int(np.count_nonzero(labels != UNKNOWN)),
        "num_clusters": len(np.unique(labels[labels != UNKNOWN])),
    }
    if (pids != UNKNOWN).any():
        scores = asdict(score_clusters(labels, pids))
        found["truth"] = {key: value if isfinite(value) else None for key, value in scores.items()}
    return write_json(run_dir / "clusters_found.json", found)


def true_pids(samples: Sequence[Sample], truth: str) -> IntArray:
    """Identities of the data set, else those of the folder ``truth``, else unknown: (N,)."""
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    if truth and (pids == UNKNOWN).any():
        known = read_truth(*(Path(truth) / f"{part}.csv" for part in ("query", "gallery")))
        pids = np.array(
            [known.get(sample.name, (UNKNOWN, UNKNOWN))[0] for sample in samples], dtype=np.int64
        )
    return pids
