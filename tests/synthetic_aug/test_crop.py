"""Boxes from activation maps and from masks, and the verb that writes them."""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

import synthetic_aug.crop_network as crop_network
import synthetic_aug.crop_source as crop_source
from synthetic_aug.crop import _command, main
from synthetic_aug.crop_boxes import Found, box_iou, find_box, find_mask_box, mask_box, whole_box
from synthetic_aug.crop_report import compare_boxes, describe_boxes, heated
from vreid.build import build_model
from vreid.checkpoint import save_model
from vreid.config import load_config
from vreid.data.boxes import Box, read_boxes
from vreid.data.images import ImageArray, read_image
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.files import read_json
from vreid.masks import failures_path, mask_path, write_failures, write_mask

RECIPE = """
name: small
device: cpu
data: {{dataset: csv, root: {folder}/crops}}
input: {{size: [{side}, {side}]}}
model: {{backbone: {backbone}, weights: none, last_stride: {stride}}}
solver: {{precision: fp32}}
test: {{batch_size: 4}}
"""


def blob(size: tuple[int, int], rows: slice, columns: slice, value: float = 1.0) -> FloatArray:
    energy = np.zeros(size, dtype=np.float32)
    energy[rows, columns] = value
    return energy


# From a map to a box


def test_the_box_holds_the_strong_part_of_the_map() -> None:
    energy = blob((10, 20), slice(3, 7), slice(5, 11))
    found = find_box(energy, (10, 20), threshold=0.5, margin=0.0)
    assert found == Found(Box(5, 3, 11, 7), (10, 20))
    assert found.share == 24 / 200


def test_the_map_is_spread_over_the_image() -> None:
    found = find_box(blob((4, 4), slice(1, 3), slice(1, 3)), (80, 40), threshold=0.5, margin=0.0)
    # Half of the peak is reached in the middle between a cell of 1 and one of 0.
    assert found.box == Box(10, 20, 30, 60)


def test_the_part_with_the_largest_sum_wins() -> None:
    energy = blob((20, 20), slice(2, 4), slice(2, 4), 1.0) + blob(
        (20, 20), slice(8, 18), slice(8, 18), 0.8
    )
    assert find_box(energy, (20, 20), threshold=0.5, margin=0.0).box == Box(8, 8, 18, 18)
    small = find_box(energy, (20, 20), threshold=0.9, margin=0.0)
    assert small == Found(Box(0, 0, 20, 20), (20, 20), "tiny: 1.0% of the image")


def test_parts_that_touch_at_a_corner_are_one() -> None:
    energy = np.kron(np.eye(2), np.ones((5, 5))).astype(np.float32)
    assert find_box(energy, (10, 10), threshold=0.5, margin=0.0).box == Box(0, 0, 10, 10)


def test_margins_are_shares_of_the_box_and_end_at_the_image() -> None:
    energy = blob((40, 40), slice(10, 30), slice(20, 40))
    found = find_box(energy, (40, 40), threshold=0.5, margin=0.2)
    assert found.box == Box(16, 6, 40, 34)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_scale_of_the_map_does_not_matter(scale: float) -> None:
    energy = np.random.default_rng(0).random((5, 5)).astype(np.float32)
    one, other = (
        find_box(map_, (33, 47), threshold=0.6, margin=0.1) for map_ in (energy, energy * scale)
    )
    assert one == other


@pytest.mark.parametrize(
    ("energy", "reason"),
    [
        (np.zeros((3, 3)), "the map is flat"),
        (np.full((3, 3), 7.0), "the map is flat"),
        (np.array([[1.0, np.nan], [0.0, 0.0]]), "the map is not finite"),
    ],
)
def test_maps_that_show_no_place_keep_the_whole_image(energy: FloatArray, reason: str) -> None:
    found = find_box(energy.astype(np.float32), (6, 8), threshold=0.4, margin=0.0)
    assert found == Found(Box(0, 0, 8, 6), (6, 8), reason)


def test_iou_of_boxes_against_counted_pixels() -> None:
    generator = np.random.default_rng(0)
    boxes: list[Box] = []
    while len(boxes) < 12:
        x0, x1, y0, y1 = generator.integers(0, 9, 4)
        if x0 < x1 and y0 < y1:
            boxes.append(Box(int(x0), int(y0), int(x1), int(y1)))
    for first, second in itertools.product(boxes, boxes):
        pixels = [
            {(x, y) for x in range(box.x0, box.x1) for y in range(box.y0, box.y1)}
            for box in (first, second)
        ]
        expected = len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])
        assert box_iou(first, second) == pytest.approx(expected)


def test_the_box_of_a_mask() -> None:
    mask = np.zeros((10, 12), dtype=np.bool_)
    mask[2:5, 3:9] = True
    mask[7, 10] = True
    assert mask_box(mask) == Box(3, 2, 11, 8)
    with pytest.raises(DataError, match="the mask is empty"):
        mask_box(np.zeros((3, 3), dtype=np.bool_))


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        (slice(0, 0), slice(0, 0), "empty"),
        (slice(2, 4), slice(2, 4), "tiny: 1.0% of the image"),
        (slice(0, 20), slice(0, 20), "the whole image: 100.0%"),
        (slice(0, 20), slice(0, 16), "spilled over: 65% of the image's edge"),
    ],
)
def test_unusable_masks_keep_the_whole_image(rows: slice, columns: slice, reason: str) -> None:
    mask = blob((20, 20), rows, columns) > 0
    assert find_mask_box(mask, margin=0.1) == Found(Box(0, 0, 20, 20), (20, 20), reason)


def test_the_box_of_a_mask_is_widened() -> None:
    mask = blob((40, 60), slice(10, 30), slice(20, 60)) > 0
    assert find_mask_box(mask, margin=0.0) == Found(Box(20, 10, 60, 30), (40, 60))
    assert find_mask_box(mask, margin=0.1) == Found(Box(16, 8, 60, 32), (40, 60))


# What is told


def test_the_size_of_boxes_in_words() -> None:
    size = (10, 10)
    found = {
        "a": Found(Box(0, 0, 5, 10), size),
        "b": Found(whole_box(size), size),
        "c": Found(whole_box(size), size, "the map is flat"),
        "d": Found(Box(0, 0, 2, 10), size),
    }
    text = describe_boxes(found)
    assert text.startswith("4 boxes keep 75.0% of the area (median;")
    assert "2 are the whole image, 1 of them because no vehicle was found" in text


def test_boxes_are_compared_with_masks_and_with_the_whole_image(tmp_path: Path) -> None:
    samples = [Sample(tmp_path / "crops" / name, name) for name in ("0.png", "1.png", "2.png")]
    mask = np.zeros((10, 10), dtype=np.bool_)
    mask[:, :5] = True
    for sample in samples[:2]:
        write_mask(mask_path(tmp_path / "masks", sample.path), mask)
    boxes = {"0.png": Box(0, 0, 5, 10), "1.png": Box(5, 0, 10, 10), "2.png": Box(0, 0, 1, 1)}
    text = compare_boxes(samples, boxes, tmp_path / "masks")
    assert "over 2 images: mean 0.500, median 0.500, lowest tenth 0.100" in text
    assert "the whole images' mean 0.500, which 50.0% of the boxes beat" in text
    with pytest.raises(DataError, match=r"no true masks of these images \(looked for .*2.png"):
        compare_boxes(samples[2:], boxes, tmp_path / "masks")


def test_heat_is_red_at_the_peak_and_blue_away_from_it() -> None:
    shown = heated(np.zeros((8, 8, 3), dtype=np.uint8), blob((8, 8), slice(0, 4), slice(0, 8)))
    assert shown[0, 0, 0] > shown[0, 0, 2] and shown[7, 0, 2] > shown[7, 0, 0]


# The verb


def vehicle(idx: int) -> Box:
    return Box(3 + idx, 6, 27 + idx, 30)


def draw(box: Box) -> ImageArray:
    """A coloured box on a grey road, 40 x 48 pixels."""
    picture = np.full((40, 48, 3), 110, dtype=np.uint8)
    picture[box.y0 : box.y1, box.x0 : box.x1] = (20, 60, 220)
    return picture


def make_run(root: Path, *, backbone: str = "test_resnet", side: int = 32, stride: int = 1) -> Path:
    """A run with random weights beside 8 training, 4 query and 4 gallery images of 40 x 48."""
    lines = ["path,vehicle_id,camera_id,split"]
    (root / "crops").mkdir(parents=True)
    parts = [*["train"] * 8, *["query"] * 4, *["gallery"] * 4]
    for idx, part in enumerate(parts):
        cv2.imwrite(str(root / "crops" / f"{idx}.png"), draw(vehicle(idx)))
        lines.append(f"{idx}.png,{idx // 2},{idx % 2},{part}")
    (root / "crops" / "samples.csv").write_text("\n".join(lines))
    run = root / "run"
    run.mkdir()
    recipe = RECIPE.format(folder=root, backbone=backbone, side=side, stride=stride)
    (run / "config.yml").write_text(recipe)
    torch.manual_seed(0)
    save_model(run / "best.pt", build_model(load_config(run / "config.yml"), 4), facts={})
    return run


def energy_of_color(model: object, images: Tensor, side: Tensor | None = None) -> Tensor:
    """A network that looks at the vehicle: where red differs from green or blue."""
    small = torch.nn.functional.avg_pool2d(images.float(), 4)
    return (small.amax(dim=1) - small.amin(dim=1)).square()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(crop_network, "activation_map", energy_of_color)
    return make_run(tmp_path)


def test_the_verb_writes_boxes_for_each_part(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = main(run)
    assert folder == run / "crops"
    for part, numbers in (("train", range(8)), ("query", range(8, 12)), ("gallery", range(12, 16))):
        boxes = read_boxes(folder / f"{part}.csv")
        assert list(boxes) == [f"{idx}.png" for idx in numbers]
        for name, box in boxes.items():
            assert box_iou(box, vehicle(int(name.removesuffix(".png")))) > 0.6
        assert (folder / f"{part}.failures.csv").read_text() == "path,reason\n"
    assert read_image(folder / "contact_sheet.jpg").shape[1] > 1000
    assert capsys.readouterr().out.count("of the area (median;") == 3


def test_degenerate_maps_are_listed_and_keep_the_whole(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flat_first(model: object, images: Tensor, side: Tensor | None = None) -> Tensor:
        found = energy_of_color(model, images)
        found[0] = 0
        return found

    monkeypatch.setattr(crop_network, "activation_map", flat_first)
    folder = main(run)
    assert read_boxes(folder / "query.csv")["8.png"] == Box(0, 0, 48, 40)
    with (folder / "query.failures.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["path", "reason"] and rows[1][0].endswith("8.png")
    assert rows[1][1] == "the map is flat"


def test_what_is_current_is_kept_and_made_again_otherwise(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = main(run)
    before = (folder / "query.csv").stat().st_mtime_ns
    capsys.readouterr()
    main(run)
    out = capsys.readouterr().out
    assert out.count("up to date; ") == 3 and "contact_sheet" not in out
    assert (folder / "query.csv").stat().st_mtime_ns == before
    cv2.imwrite(str(tmp_path / "crops" / "9.png"), draw(vehicle(0)))
    main(run)
    out = capsys.readouterr().out
    assert out.count("up to date; ") == 2 and f"{folder / 'query.csv'}: 4 boxes" in out
    main(run, threshold=0.6)
    assert "up to date" not in capsys.readouterr().out
    assert read_json(folder / "crop.json")["query"]["facts"]["threshold"] == 0.6


def test_a_stopped_run_goes_on(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = main(run, out=tmp_path / "whole")
    monkeypatch.setattr(crop_source, "PART_SIZE", 4)
    seen: list[str] = []
    maps = crop_network.Cropper.maps

    def stopping(self: Any, model: Any, samples: Sequence[Sample]) -> Any:
        if len(seen) == 4 and "again" not in seen:
            raise KeyboardInterrupt
        seen.extend(sample.name for sample in samples)
        return maps(self, model, samples)

    monkeypatch.setattr(crop_network.Cropper, "maps", stopping)
    folder = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        main(run, out=folder)
    assert not (folder / "train.csv").exists() and len(list((folder / "parts").iterdir())) == 1
    seen.append("again")
    main(run, out=folder)
    assert seen.count("0.png") == 2 and seen.count("4.png") == 2  # once of each for the sheet
    assert seen[: seen.index("again") + 2] == [*[f"{i}.png" for i in range(4)], "again", "4.png"]
    for part in ("train", "query", "gallery"):
        assert (folder / f"{part}.csv").read_bytes() == (whole / f"{part}.csv").read_bytes()
    assert not (folder / "parts").exists()


def test_boxes_are_compared_with_truth(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((40, 48), dtype=np.bool_)
    mask[10:20, 10:20] = True
    for idx in range(16):
        write_mask(mask_path(tmp_path / "masks", tmp_path / "crops" / f"{idx}.png"), mask)
    main(run, truth=tmp_path / "masks")
    out = capsys.readouterr().out
    assert out.count(f"IoU with the boxes of {tmp_path / 'masks'} over") == 3
    assert f"the whole images' mean {100 / 1920:.3f}" in out


def test_the_whole_network_is_asked(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    boxes = read_boxes(main(run, threshold=0.9, overrides=["input.size", "[64, 64]"]) / "query.csv")
    assert all(0 <= box.x0 < box.x1 <= 48 and 0 <= box.y0 < box.y1 <= 40 for box in boxes.values())


def test_a_transformer_gives_its_tokens(tmp_path: Path) -> None:
    folder = main(make_run(tmp_path, backbone="test_vit", side=64, stride=2))
    assert len(read_boxes(folder / "train.csv")) == 8


def test_a_map_of_one_cell_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, stride=2)
    with pytest.raises(ConfigError, match=r"ends in a map of one cell for images of \(32, 32\)"):
        main(run)


def test_bad_input_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--threshold is 1.0; give a share between 0 and 1"):
        main(run, threshold=1.0)
    with pytest.raises(ConfigError, match=r"--margin is -0.1; give a share"):
        main(run, margin=-0.1)
    with pytest.raises(DataError, match=r"crops: no run here \(config.yml is missing\)"):
        main(tmp_path / "crops")
    (tmp_path / "crops" / "3.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"3.png: not an image that can be decoded"):
        main(run)
    assert not (run / "crops" / "train.csv").exists()
    (run / "best.pt").unlink()
    with pytest.raises(DataError, match=r"best.pt: no such checkpoint"):
        main(run)


# The verb with masks


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """True masks of all images but the first two of the query, of which the lists name one."""
    make_run(tmp_path)
    for idx in range(16):
        box = vehicle(idx)
        mask = np.zeros((40, 48), dtype=np.bool_)
        mask[box.y0 : box.y1, box.x0 : box.x1] = True
        path = mask_path(tmp_path / "masks", tmp_path / "crops" / f"{idx}.png")
        if idx not in (8, 9):
            write_mask(path, mask)
    write_failures(tmp_path / "masks", "crops", [(Path("crops/9.png"), "spilled, over: 70%")])
    return tmp_path / "masks"


def by_masks(masks: Path, *, margin: float | None = None, truth: Path | None = None) -> Path:
    root = masks.parent
    return main(
        masks=masks, data=root / "run" / "config.yml", out=root / "out", margin=margin, truth=truth
    )


def test_masks_make_the_boxes(masks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = by_masks(masks, margin=0.0, truth=masks)
    assert list(read_boxes(folder / "train.csv").values()) == [vehicle(idx) for idx in range(8)]
    query = read_boxes(folder / "query.csv")
    assert list(query) == ["8.png", "9.png", "10.png", "11.png"]
    assert query["8.png"] == query["9.png"] == Box(0, 0, 48, 40) and query["10.png"] == vehicle(10)
    with (folder / "query.failures.csv").open(newline="") as stream:
        rows = [(Path(path).name, reason) for path, reason in list(csv.reader(stream))[1:]]
    assert rows == [("8.png", "no mask"), ("9.png", "spilled, over: 70%")]
    assert (folder / "train.failures.csv").read_text() == "path,reason\n"
    out = capsys.readouterr().out
    assert "2 are the whole image, 2 of them because no vehicle was found" in out
    assert f"query: IoU with the boxes of {masks} over 2 images: mean 1.000" in out
    assert f"{folder / 'contact_sheet.jpg'}: 16 images with their boxes" in out


def test_boxes_of_masks_are_made_again_when_a_mask_a_reason_or_the_margin_changes(
    masks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def current() -> int:
        capsys.readouterr()
        by_masks(masks, margin=0.0)
        return capsys.readouterr().out.count("up to date; ")

    folder = by_masks(masks)
    by_masks(masks, margin=0.2)
    assert current() == 0 and current() == 3
    assert read_json(folder / "crop.json")["train"]["facts"]["margin"] == 0
    target = masks / "crops" / "3.png"
    target.write_bytes((masks / "crops" / "4.png").read_bytes())
    assert current() == 2 and read_boxes(folder / "train.csv")["3.png"] == vehicle(4)
    target.unlink()
    assert current() == 2 and read_boxes(folder / "train.csv")["3.png"] == Box(0, 0, 48, 40)
    failures_path(masks, "crops").unlink()
    assert current() == 2
    assert "9.png,no mask" in (folder / "query.failures.csv").read_text()
    (masks / "crops" / "notes.txt").write_text("not a mask")
    assert current() == 3


def test_masks_go_on_where_they_were_stopped(masks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = by_masks(masks)
    whole = {part: (folder / f"{part}.csv").read_bytes() for part in ("train", "query", "gallery")}
    for part in whole:
        (folder / f"{part}.csv").unlink()
    monkeypatch.setattr(crop_source, "PART_SIZE", 4)
    (masks / "crops" / "6.png").rename(masks / "6.png")
    (masks / "crops" / "6.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"6.png: the mask is not whole"):
        by_masks(masks)
    assert not (folder / "train.csv").exists() and len(list((folder / "parts").iterdir())) == 1
    (masks / "6.png").replace(masks / "crops" / "6.png")
    by_masks(masks)
    assert not (folder / "parts").exists()
    for part, table in whole.items():
        assert (folder / f"{part}.csv").read_bytes() == table


def test_parts_without_masks_are_passed_over(
    masks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for idx in range(8):
        (masks / "crops" / f"{idx}.png").unlink()
    folder = by_masks(masks)
    out = capsys.readouterr().out
    assert f"{masks}: none of the 8 train images has a mask (looked for" in out
    assert not (folder / "train.csv").exists() and len(read_boxes(folder / "gallery.csv")) == 4


def test_masks_of_other_images_are_refused(masks: Path) -> None:
    write_mask(masks / "crops" / "11.png", np.ones((30, 30), dtype=np.bool_))
    with pytest.raises(DataError, match=r"11.png: the mask has 30 x 30 pixels and its image 48 x"):
        by_masks(masks)
    (masks / "crops").rename(masks / "others")
    with pytest.raises(DataError, match=r"none of the 8 train images .* are these the masks of"):
        by_masks(masks)
    with pytest.raises(DataError, match=r"nowhere: no such folder of masks; make them"):
        by_masks(masks.parent / "nowhere")


def test_a_run_and_masks_exclude_each_other(masks: Path) -> None:
    recipe, run = masks.parent / "run" / "config.yml", masks.parent / "run"
    with pytest.raises(ConfigError, match=r"either a trained RUN or --masks MASKS; found neither"):
        _command([])
    with pytest.raises(ConfigError, match=r"found .*run and .*masks"):
        _command([str(run), "--masks", str(masks), "--data", str(recipe), "--out", "out"])
    with pytest.raises(ConfigError, match=r"masks needs --data CONFIG, the recipe of its images"):
        _command(["--masks", str(masks), "--out", "out"])
    with pytest.raises(ConfigError, match=r"masks needs --out DIR"):
        _command(["--masks", str(masks), "--data", str(recipe)])
    with pytest.raises(ConfigError, match=r"--threshold 0.4 is for the maps of a run"):
        _command(
            ["--masks", str(masks), "--data", str(recipe), "--out", "out", "--threshold", "0.4"]
        )


def test_options_stand_beside_masks(masks: Path) -> None:
    out, recipe = masks.parent / "out", masks.parent / "run" / "config.yml"
    words = ["--masks", str(masks), "--data", str(recipe), "--out", str(out)]
    (masks.parent / "crops").rename(masks.parent / "moved")
    (masks / "crops").rename(masks / "moved")
    _command([*words, "data.root", str(masks.parent / "moved"), "solver.num_workers", "2"])
    assert len(read_boxes(out / "train.csv")) == 8
