"""Masks on disk, what a usable one is, and how two are compared."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from vreid.errors import DataError
from vreid.masks import (
    BoolArray,
    check_unique_masks,
    failures_path,
    iou,
    mask_path,
    mask_quality,
    read_mask,
    write_failures,
    write_mask,
)


def box(height: int, width: int, rows: slice, columns: slice) -> BoolArray:
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[rows, columns] = True
    return mask


def test_a_mask_comes_back_as_it_was_written(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((13, 7)) > 0.5
    path = write_mask(tmp_path / "new" / "folder" / "a.png", mask)
    assert np.array_equal(read_mask(path, (13, 7)), mask)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None and stored.dtype == np.uint8 and stored.shape == (13, 7)
    assert set(np.unique(stored)) == {0, 255}


def test_a_coloured_mask_of_another_program_is_read(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[:, 3:] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert np.array_equal(read_mask(tmp_path / "a.png"), box(4, 6, slice(4), slice(3, 6)))


def test_masks_of_one_name_in_two_folders_lie_apart() -> None:
    train, query = Path("d/image_train/1.jpg"), Path("d/image_query/1.jpg")
    assert mask_path(Path("m"), train) == Path("m/image_train/1.png")
    check_unique_masks([train, query])
    with pytest.raises(DataError, match=r"1\.jpg and d/image_train/1\.png would have one mask"):
        check_unique_masks([train, query, Path("d/image_train/1.png")])


def test_bad_files_are_named(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", box(8, 8, slice(2, 6), slice(2, 6)))
    with pytest.raises(DataError, match="mask has 8 x 8 pixels and its image 4 x 9"):
        read_mask(path, (9, 4))
    with pytest.raises(DataError, match=r"gone\.png: no mask .*segment the images first"):
        read_mask(tmp_path / "gone.png")
    whole = path.read_bytes()
    for data in (b"", whole[:-20]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=f"not whole .it ends after {len(data)} bytes"):
            read_mask(path)
    path.write_bytes(b"hello IEND")
    with pytest.raises(DataError, match="not an image that can be decoded"):
        read_mask(path)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (box(20, 20, slice(0), slice(0)), "empty"),
        (box(20, 20, slice(4, 6), slice(4, 8)), "tiny: 2.0% of the image"),
        (box(20, 20, slice(20), slice(20)), "the whole image: 100.0%"),
        (box(20, 20, slice(20), slice(16)), "spilled over: 65% of the image's edge"),
        (box(20, 20, slice(4, 16), slice(2, 20)), ""),
        (np.zeros((0, 5), dtype=np.bool_), "empty"),
    ],
)
def test_quality_says_why_a_mask_is_no_vehicle(mask: BoolArray, reason: str) -> None:
    found = mask_quality(mask)
    assert (
        found.startswith(reason.split(":")[0]) if reason.startswith("spilled") else found == reason
    )


def test_iou_counts_pixels() -> None:
    first = box(10, 10, slice(0, 4), slice(0, 5))  # 20 pixels
    second = box(10, 10, slice(2, 6), slice(0, 5))  # 20 pixels, 10 of them common
    assert iou(first, second) == pytest.approx(10 / 30)
    empty = box(10, 10, slice(0), slice(0))
    assert iou(first, empty) == 0.0
    assert iou(empty, empty) == 1.0


def test_failures_are_a_csv_even_with_commas_and_quotes(tmp_path: Path) -> None:
    listed = [(Path("a/b,c.jpg"), 'not "an" image'), (Path("a/d.jpg"), "empty")]
    write_failures(tmp_path, "a", listed)
    with failures_path(tmp_path, "a").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [["path", "reason"], ["a/b,c.jpg", 'not "an" image'], ["a/d.jpg", "empty"]]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"cannot be written .No space left on device"):
        write_mask(tmp_path / "a.png", box(8, 8, slice(2, 6), slice(2, 6)))
    assert list(tmp_path.iterdir()) == []
