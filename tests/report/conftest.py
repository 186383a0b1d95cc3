"""A tiny ranking with pictures of one colour each."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vreid.distance import DistMat
from vreid.protocol import AICITY
from vreid.report.content import RankedLists

QUERIES = {"query/1.png": (1, 1), "query/2.png": (2, 1), "query/3.png": (-1, 1)}
GALLERY = {
    "test/1.png": (1, 2),
    "test/2.png": (2, 1),
    "test/3.png": (1, 1),
    "test/4.png": (-1, 2),
}


@pytest.fixture
def ranked_source(tmp_path: Path) -> RankedLists:
    """Query 1 finds its vehicle at ranks 1 and 3, query 2 at rank 2; query 3 is unknown."""
    dist = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.3, 0.7], [1, 2, 3, 4]], dtype=np.float32)
    identities = {**QUERIES, **GALLERY}
    images = {}
    for idx, name in enumerate(identities):
        images[name] = tmp_path / "data" / name
        images[name].parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((20, 40, 3), 30 * idx, dtype=np.uint8)
        cv2.imwrite(str(images[name]), picture)
    mat = DistMat(dist, tuple(QUERIES), tuple(GALLERY), kind="cosine")
    return RankedLists(mat, images, identities, AICITY)
