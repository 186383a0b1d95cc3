from pathlib import Path

import numpy as np
import pytest

import submissions.matches
from vreid.distance import DistMat
from vreid.errors import ConfigError


def test_nearest_first_ties_by_order_of_the_gallery(tmp_path: Path) -> None:
    dist = np.array([[3, 1, 1], [0.5, 2, 0.25]], dtype=np.float32)
    path = DistMat(dist, ("q/a.jpg", "q/b.jpg"), ("g/x.jpg", "g/y.jpg", "g/z.jpg")).save(
        tmp_path / "d.npy"
    )
    table = submissions.matches.main(path, out=tmp_path / "m.csv", top=2)
    assert table.read_text().splitlines() == [
        "query,rank,gallery,dist",
        "q/a.jpg,1,g/y.jpg,1",
        "q/a.jpg,2,g/z.jpg,1",
        "q/b.jpg,1,g/z.jpg,0.25",
        "q/b.jpg,2,g/x.jpg,0.5",
    ]
    with pytest.raises(ConfigError, match="top is 0"):
        submissions.matches.main(path, out=tmp_path / "m.csv", top=0)
