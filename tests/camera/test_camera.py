from pathlib import Path

import pytest

from camera.train import camera_labels, check_cameras
from vreid.data.sample import Sample
from vreid.errors import DataError


def samples_of(*camids: int) -> list[Sample]:
    names = [f"{idx}.jpg" for idx in range(len(camids))]
    return [Sample(Path(n), n, camid=camid) for n, camid in zip(names, camids, strict=True)]


def test_labels_are_the_cameras() -> None:
    assert camera_labels(samples_of(3, 9, 3)).tolist() == [3, 9, 3]


def test_unknown_and_single_cameras_are_refused() -> None:
    check_cameras(samples_of(1, 2), "city")
    with pytest.raises(DataError, match=r"city: 1\.jpg has no camera; remove `camera`"):
        check_cameras(samples_of(1, -1), "city")
    with pytest.raises(DataError, match=r"found the cameras \[4\]; at least two"):
        check_cameras(samples_of(4, 4), "city")
