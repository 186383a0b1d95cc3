"""The verb that writes masks: complete, resumable, honest about failures."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

import synthetic_aug.segment as segment
from synthetic_aug.mask_report import compare, outlined
from synthetic_aug.picture_files import find_images, spread
from synthetic_aug.segment import main
from tests.pictures import draw_vehicle
from vreid.data.images import ImageArray
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json
from vreid.masks import BoolArray, mask_path, read_mask, write_mask


def write_crops(folder: Path, count: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.jpg"), draw_vehicle(number, 0, 0, size=48))
    return folder


def middle(image: ImageArray, path: Path) -> BoolArray:
    mask = np.zeros(image.shape[:2], dtype=np.bool_)
    mask[10:40, 10:40] = True
    return mask


def use(monkeypatch: pytest.MonkeyPatch, segmenter: object) -> None:
    monkeypatch.setattr(segment, "build_segmenter", lambda *args, **kwargs: segmenter)


def test_masks_of_a_folder_with_grabcut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crops, out = write_crops(tmp_path / "crops"), tmp_path / "masks"
    assert main(crops, out) == out
    for number in range(3):
        assert read_mask(mask_path(out, crops / f"{number}.jpg"), (48, 48)).any()
    assert (out / "contact_sheet.jpg").stat().st_size > 1000
    assert read_json(out / "segment.json") == {"backend": "grabcut"}
    assert "3 masks made" in capsys.readouterr().out


def test_the_number_of_threads_does_not_matter(tmp_path: Path) -> None:
    crops = write_crops(tmp_path / "crops", 4)
    main(crops, tmp_path / "one", jobs=1)
    main(crops, tmp_path / "three", jobs=3)
    for path in (tmp_path / "one" / "crops").iterdir():
        assert path.read_bytes() == (tmp_path / "three" / "crops" / path.name).read_bytes()


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crops, out = write_crops(tmp_path / "crops", 5), tmp_path / "masks"
    seen: list[str] = []

    def stop_at_third(image: ImageArray, path: Path) -> BoolArray:
        seen.append(path.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return middle(image, path)

    use(monkeypatch, stop_at_third)
    assert run_command(lambda: main(crops, out, jobs=1)) == 130
    assert 2 <= len(list((out / "crops").iterdir())) < 5
    main(crops, out, jobs=1)
    assert len(list((out / "crops").iterdir())) == 5
    assert len(seen) <= 6  # what was made before was not made again, but for the one stopped at
    done = len(seen)
    main(crops, out, jobs=1)
    assert len(seen) == done
    main(crops, out, jobs=1, force=True)
    assert len(seen) == done + 5


def test_failures_are_listed_and_have_no_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crops, out = write_crops(tmp_path / "crops"), tmp_path / "masks"
    (crops / "3.jpg").write_bytes(b"no image")
    whole = (crops / "0.jpg").read_bytes()
    (crops / "4.jpg").write_bytes(whole[: len(whole) // 2])

    def sometimes(image: ImageArray, path: Path) -> BoolArray:
        return middle(image, path) & (path.stem != "1")

    use(monkeypatch, sometimes)
    main(crops, out)
    assert "2 masks made" in (printed := capsys.readouterr().out) and "3 images without" in printed
    assert sorted(path.name for path in (out / "crops").iterdir()) == ["0.png", "2.png"]
    with (out / "crops.failures.csv").open(newline="") as stream:
        rows = {Path(row["path"]).name: row["reason"] for row in csv.DictReader(stream)}
    assert list(rows) == ["1.jpg", "3.jpg", "4.jpg"]
    assert rows["1.jpg"] == "empty"
    assert "not an image" in rows["3.jpg"] and "cut off" in rows["4.jpg"]
    (crops / "3.jpg").write_bytes(whole)
    main(crops, out)  # a mended image gets its mask
    assert (out / "crops" / "3.png").exists()


def test_masks_of_another_backend_are_not_mixed_in(tmp_path: Path) -> None:
    crops, out = write_crops(tmp_path / "crops", 1), tmp_path / "masks"
    main(crops, out)
    with pytest.raises(DataError, match=r"holds masks made by .*grabcut.*--out.*--force"):
        main(crops, out, backend="rendered", model=out)


def test_folders_without_images_and_crops_without_vehicles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no images here or below"):
        main(tmp_path / "empty", tmp_path / "masks")
    with pytest.raises(DataError, match="expected a folder of images, but there is none"):
        main(tmp_path / "gone", tmp_path / "masks")
    crops = write_crops(tmp_path / "crops")
    use(monkeypatch, lambda image, path: np.zeros(image.shape[:2], np.bool_))
    with pytest.raises(DataError, match=r"none of the 3 images got a mask .*empty"):
        main(crops, tmp_path / "masks")
    with pytest.raises(ConfigError, match="--jobs is 0"):
        main(crops, tmp_path / "masks", jobs=0)


def test_a_full_disk_stops_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crops, out = write_crops(tmp_path / "crops"), tmp_path / "masks"
    use(monkeypatch, middle)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".png":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run_command(lambda: main(crops, out)) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list((out / "crops").iterdir()) == []


def test_truth_counts_missing_masks_as_wrong(tmp_path: Path) -> None:
    crops = write_crops(tmp_path / "crops", 4)
    paths, truth, masks = find_images(crops), tmp_path / "truth", tmp_path / "masks"
    half = np.zeros((48, 48), dtype=np.bool_)
    half[:24] = True
    for path in paths[:3]:
        write_mask(mask_path(truth, path), half)
    write_mask(mask_path(masks, paths[0]), half)
    write_mask(mask_path(masks, paths[1]), np.ones_like(half))
    line = compare(paths, masks, truth)
    assert "over 3 images: mean 0.500, median 0.500" in line and "above 0.7: 33.3%" in line
    with pytest.raises(DataError, match="no true masks of these images"):
        compare(paths, masks, tmp_path / "nothing")


def test_images_are_found_below_and_spread_evenly(tmp_path: Path) -> None:
    write_crops(tmp_path / "b", 2)
    write_crops(tmp_path / "a" / ".hidden", 1)
    write_crops(tmp_path / "a", 1)
    found = find_images(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "a/0.jpg", "b/0.jpg", "b/1.jpg",
    ]  # fmt: skip
    assert spread(found, 2) == [found[0], found[2]]
    assert spread(found, 10) == found


def test_the_outline_leaves_the_image_alone() -> None:
    image = np.full((20, 30, 3), 100, dtype=np.uint8)
    mask = np.zeros((20, 30), dtype=np.bool_)
    mask[5:15, 5:25] = True
    drawn = outlined(image, mask)
    assert (image == 100).all()
    assert drawn.shape == (80, 120, 3)  # enlarged, so that the line is fine
    red = (drawn != 100).any(axis=2)
    assert red[20, 20:100].all() and not red[24:56, 24:96].any() and not red[:16].any()


def test_the_command_line_reaches_everything(tmp_path: Path) -> None:
    crops = write_crops(tmp_path / "crops", 1)
    truth = tmp_path / "truth"
    write_mask(truth / "crops" / "0.png", middle(np.zeros((48, 48, 3), np.uint8), crops))
    words = [crops, "--out", tmp_path / "masks", "--backend", "rendered", "--model", truth]
    words += ["--sheet", tmp_path / "sheet.jpg", "--truth", truth, "--jobs", 1]
    segment._command([str(word) for word in words])
    assert (tmp_path / "sheet.jpg").exists()
    assert not (tmp_path / "masks" / "contact_sheet.jpg").exists()
