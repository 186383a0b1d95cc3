"""Plates: the vehicle and its shadow go, the rest stays, each plate keeps its camera."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

import synthetic_aug.inpaint as inpaint
from synthetic_aug.filling import METHODS, fill, grain, hole_of, pull_push
from synthetic_aug.inpaint import find_cameras, main, plate_path
from vreid.data.images import ImageArray, read_image
from vreid.data.sample import UNKNOWN
from vreid.errors import ConfigError, DataError, run_command
from vreid.masks import BoolArray, mask_path, write_mask


def scene(*, shadow: bool = False) -> tuple[ImageArray, BoolArray]:
    """A red box on a grey road that gets lighter to the right, with a shadow below or without."""
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    image[:] = np.linspace(110, 150, 80).astype(np.uint8)[None, :, None]
    mask = np.zeros((60, 80), dtype=np.bool_)
    mask[18:42, 22:58] = True
    if shadow:
        image[42:50, 14:66] = 35
    image[mask] = (200, 20, 20)
    return image, mask


def write_scene(root: Path, count: int = 2) -> tuple[Path, Path]:
    image, mask = scene()
    folder, masks = root / "crops", root / "masks"
    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
        write_mask(mask_path(masks, path), mask)
    return folder, masks


# The hole and its filling


def test_the_hole_reaches_farther_down_than_up() -> None:
    image, mask = scene()
    hole = hole_of(image, mask)
    assert hole[mask].all()
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    assert rows[0] == 18 - 3 and rows[-1] >= 41 + 7  # 5 % of 60 pixels, 12 % of 60 pixels
    assert columns[0] >= 22 - 8 and columns[-1] <= 57 + 8
    assert not hole[:10].any()


def test_a_shadow_that_touches_the_vehicle_belongs_to_the_hole() -> None:
    image, mask = scene(shadow=True)
    image[56:58, 2:8] = 35  # a dark spot elsewhere
    hole = hole_of(image, mask)
    assert hole[42:50, 14:66].all()
    assert not hole[56:58, 2:8].any()


def test_an_empty_mask_gives_an_empty_hole() -> None:
    image, mask = scene()
    assert not hole_of(image, np.zeros_like(mask)).any()


@pytest.mark.parametrize("method", METHODS)
def test_filling_changes_the_hole_only_and_paints_the_road(method: str) -> None:
    image, mask = scene(shadow=True)
    hole = hole_of(image, mask)
    filled = fill(image, hole, method=method, rng=np.random.default_rng(0))
    assert np.array_equal(filled[~hole], image[~hole])
    clean, _ = scene()
    clean[mask] = clean[0, np.flatnonzero(mask.any(axis=0))][None].repeat(24, 0).reshape(-1, 3)
    assert np.abs(filled[hole].astype(int) - clean[hole]).mean() < 8


def test_pull_push_keeps_what_is_known_and_reaches_across_large_holes() -> None:
    image = np.full((50, 70, 3), 90, dtype=np.uint8)
    hole = np.ones((50, 70), dtype=np.bool_)
    hole[:2] = False
    assert np.allclose(pull_push(image, hole), 90, atol=0.5)
    whole = pull_push(scene()[0], np.zeros((60, 80), np.bool_))
    assert np.allclose(whole, scene()[0])
    single = np.zeros((5, 5), dtype=np.bool_)
    assert np.isfinite(pull_push(image[:5, :5], ~single)).all()


def test_grain_is_as_strong_as_the_picture_s() -> None:
    generator = np.random.default_rng(1)
    noisy = (120 + generator.normal(0, 2.0, (80, 80, 1))).repeat(3, axis=2)
    hole = np.zeros((80, 80), dtype=np.bool_)
    hole[30:50, 30:50] = True
    drawn = grain(noisy.astype(np.uint8), hole, np.random.default_rng(0))
    assert 1.2 < drawn.std() < 2.8
    assert np.abs(grain(np.full((80, 80, 3), 9, np.uint8), hole, generator)).max() < 0.01


# The verb


def test_plates_lie_by_camera_and_are_the_same_again(tmp_path: Path) -> None:
    crops, masks = write_scene(tmp_path)
    assert main(crops, masks, tmp_path / "a", jobs=1) == tmp_path / "a"
    plate = tmp_path / "a" / "unknown" / "crops_0.jpg"
    assert read_image(plate).shape == (60, 80, 3)
    red = read_image(plate).astype(int)
    assert (red[..., 0] - red[..., 1]).max() < 25  # nothing of the vehicle is left
    assert (tmp_path / "a" / "contact_sheet.jpg").exists()
    main(crops, masks, tmp_path / "b", jobs=3)
    assert plate.read_bytes() == (tmp_path / "b" / "unknown" / "crops_0.jpg").read_bytes()


def test_plates_that_are_there_are_kept(tmp_path: Path) -> None:
    crops, masks = write_scene(tmp_path)
    out = main(crops, masks, tmp_path / "plates")
    kept, missing = (out / "unknown" / f"crops_{number}.jpg" for number in (0, 1))
    before = kept.stat().st_mtime_ns
    missing.unlink()
    main(crops, masks, out)
    assert kept.stat().st_mtime_ns == before and missing.exists()
    main(crops, masks, out, force=True)
    assert kept.stat().st_mtime_ns > before
    with pytest.raises(DataError, match=r"holds plates made by .*smooth.*--force"):
        main(crops, masks, out, method="telea")


def test_images_without_a_usable_mask_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops, masks = write_scene(tmp_path, 6)
    (masks / "crops" / "1.png").unlink()
    write_mask(masks / "crops" / "2.png", np.ones((9, 9), dtype=np.bool_))
    write_mask(masks / "crops" / "3.png", np.zeros((60, 80), dtype=np.bool_))
    large = np.zeros((60, 80), dtype=np.bool_)
    large[3:57, 3:78] = True
    write_mask(masks / "crops" / "4.png", large)
    (crops / "5.png").write_bytes(b"no image")
    out = main(crops, masks, tmp_path / "plates")
    assert "1 plates made, 0 kept, 5 images without one" in capsys.readouterr().out
    with (out / "crops.failures.csv").open(newline="") as stream:
        reasons = {Path(row["path"]).stem: row["reason"] for row in csv.DictReader(stream)}
    assert "no mask" in reasons["1"] and "mask has 9 x 9 pixels" in reasons["2"]
    assert reasons["3"] == "empty" and "vehicle and shadow cover" in reasons["4"]
    assert "not an image" in reasons["5"]
    assert [path.name for path in (out / "unknown").iterdir()] == ["crops_0.jpg"]


def write_table(root: Path) -> Path:
    """A data set of one's own with cameras 3 and 7, two training vehicles and two others."""
    image, mask = scene()
    (root / "images").mkdir(parents=True)
    lines = ["path,vehicle_id,camera_id,split"]
    for vehicle, part in enumerate(("train", "train", "test", "test")):
        for camera in (3, 7):
            name = f"images/{vehicle}_{camera}.jpg"
            cv2.imwrite(str(root / name), np.ascontiguousarray(image[..., ::-1]))
            write_mask(mask_path(root / "masks", root / name), mask)
            split = part if part == "train" else {3: "query", 7: "gallery"}[camera]
            lines.append(f"{name},{vehicle},{camera},{split}")
    (root / "samples.csv").write_text("\n".join(lines) + "\n")
    recipe = root / "recipe.yml"
    recipe.write_text(f"data: {{dataset: csv, root: {root.as_posix()}}}\n")
    return recipe


def test_a_recipe_gives_the_cameras_of_its_training_images(tmp_path: Path) -> None:
    recipe = write_table(tmp_path / "set")
    out = main(None, tmp_path / "set" / "masks", tmp_path / "plates", data=recipe)
    found = sorted(path.relative_to(out).as_posix() for path in out.glob("*/*.jpg"))
    assert found == [
        "c003/images_0_3.jpg", "c003/images_1_3.jpg", "c007/images_0_7.jpg", "c007/images_1_7.jpg",
    ]  # fmt: skip


def test_an_unknown_camera_has_a_folder_of_its_own() -> None:
    image = Path("d/images/a.png")
    assert plate_path(Path("p"), image, UNKNOWN) == Path("p/unknown/images_a.jpg")
    assert plate_path(Path("p"), image, 46) == Path("p/c046/images_a.jpg")


def test_bad_calls_are_answered(tmp_path: Path) -> None:
    crops, masks = write_scene(tmp_path)
    for images, data in ((None, None), (crops, tmp_path / "a.yml")):
        with pytest.raises(ConfigError, match="either a folder of images or a recipe"):
            find_cameras(images, data, ())
    with pytest.raises(ConfigError, match="options of a recipe are for --data only"):
        find_cameras(crops, None, ["data.root", "x"])
    with pytest.raises(ConfigError, match="choose one of smooth, telea, ns"):
        main(crops, masks, tmp_path / "plates", method="magic")
    with pytest.raises(ConfigError, match="--jobs is 0"):
        main(crops, masks, tmp_path / "plates", jobs=0)
    with pytest.raises(DataError, match="no such folder of masks"):
        main(crops, tmp_path / "gone", tmp_path / "plates")
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match=r"none of the 2 images got a plate .*no mask"):
        main(crops, tmp_path / "other", tmp_path / "plates")


def test_a_full_disk_leaves_no_half_plate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crops, masks = write_scene(tmp_path)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:50])
        if path.suffix == ".jpg":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run_command(lambda: main(crops, masks, tmp_path / "plates")) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list((tmp_path / "plates" / "unknown").iterdir()) == []


def test_the_command_line(tmp_path: Path) -> None:
    crops, masks = write_scene(tmp_path)
    words = [crops, "--masks", masks, "--out", tmp_path / "a", "--method", "ns"]
    inpaint._command([str(word) for word in words])
    assert (tmp_path / "a" / "unknown" / "crops_1.jpg").exists()
    recipe = write_table(tmp_path / "set")
    words = ["--data", recipe, "data.split_seed", 1, "--masks", tmp_path / "set" / "masks"]
    inpaint._command([str(word) for word in [*words, "--out", tmp_path / "b"]])
    assert len(list((tmp_path / "b").glob("*/*.jpg"))) == 4
