"""The offline swap: layouts, labels, resuming, and what it refuses."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from synthetic_aug.swap import main
from synthetic_aug.swap_labels import layout_of, target_names
from synthetic_aug.swap_plan import SwapPlan
from tests.backgrounds import BOX, box_mask, make_swappable, write
from vreid.data import cityflow, csv_table, vehiclex
from vreid.data.images import read_image
from vreid.data.sample import Sample
from vreid.errors import ConfigError, DataError
from vreid.files import write_text
from vreid.options import DataOptions


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A training set in CityFlow's layout with masks and plates, and a recipe for it."""
    samples = make_swappable(tmp_path / "data")
    items = (
        f'<Item imageName="{sample.path.name}" vehicleID="{sample.pid:04d}"'
        f' cameraID="c{sample.camid:03d}"/>'
        for sample in samples
    )
    write_text(tmp_path / "data/train_label.xml", f"<Items>{''.join(items)}</Items>")
    write_text(tmp_path / "data/train_track.txt", "000000.png 000002.png\n000001.png\n")
    (tmp_path / "data/masks/image_train/000003.png").unlink()
    write_text(
        tmp_path / "recipe.yml",
        f"data: {{dataset: cityflow, root: {tmp_path}/data, check_counts: false}}\n",
    )
    return tmp_path


def run(root: Path, plan: SwapPlan | None = None, *, overrides: Sequence[str] = ()) -> Path:
    data = root / "data"
    folders = {"masks": data / "masks", "plates": data / "plates", "out": root / "out"}
    return main(root / "recipe.yml", **folders, plan=plan, overrides=overrides, jobs=2)


def is_swapped(path: Path) -> bool:
    """The road is red, all plates are grey."""
    red, green, blue = read_image(path)[0, 0].tolist()
    return bool(red == green == blue)


def test_cityflow_is_written_with_its_labels(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(root, SwapPlan(rate=1.0))
    old, new = (cityflow.load(folder).train for folder in (root / "data", out))
    assert [(s.name, s.pid, s.camid, s.trackid) for s in old] == [
        (s.name, s.pid, s.camid, s.trackid) for s in new
    ]
    assert [is_swapped(sample.path) for sample in new] == [idx != 3 for idx in range(8)]
    assert new[3].path.read_bytes() == old[3].path.read_bytes()
    for before, after in zip(old, new, strict=True):
        means = [read_image(one.path)[BOX][4:-4, 4:-4].mean(axis=(0, 1)) for one in (before, after)]
        np.testing.assert_allclose(means[1], means[0], rtol=0.6)  # but for the light
    assert (out / "contact_sheet.jpg").exists()
    printed = capsys.readouterr().out
    assert "8 pictures, 7 before another background (1 images have no mask, 0 one that" in printed
    assert f"data.dataset cityflow data.root {out}" in printed


def test_copies_differ_and_the_rate_counts(root: Path) -> None:
    out = run(root, SwapPlan(copies=6, rate=0.5))
    train = cityflow.load(out).train
    assert len(train) == 48 and {sample.pid for sample in train} == {0, 1, 2, 3}
    assert len(list((out / "image_train").iterdir())) == 48
    swapped = [is_swapped(sample.path) for sample in train]
    assert 12 <= sum(swapped) <= 30
    pictures = {
        sample.path.read_bytes() for sample in train if sample.name.startswith("image_train/000000")
    }
    assert len(pictures) > 2
    assert (out / "train_track.txt").read_text().count("000000_swap") == 6


def test_a_stopped_run_goes_on_to_the_same_pictures(root: Path) -> None:
    out = run(root)
    pictures = {path.name: path.read_bytes() for path in (out / "image_train").iterdir()}
    kept = out / "image_train/000000.png"
    before = kept.stat().st_mtime_ns
    (out / "image_train/000005.png").unlink()
    (out / "train_label.xml").unlink()
    run(root)
    assert kept.stat().st_mtime_ns == before
    assert pictures == {path.name: path.read_bytes() for path in (out / "image_train").iterdir()}
    assert len(cityflow.load(out).train) == 8


def test_the_camera_is_kept_where_asked_for(root: Path) -> None:
    out = run(root, SwapPlan(rate=1.0, plates="camera", color=0, shadow=0))
    for idx, sample in enumerate(cityflow.load(out).train):
        if idx != 3:
            assert round((int(read_image(sample.path)[0, 0, 0]) - 100) / 10) % 2 == idx % 2


def test_vehiclex_keeps_its_attributes(root: Path) -> None:
    items = (
        f'<Item imageName="{idx:06d}.png" vehicleID="{idx:04d}" cameraID="c001"'
        f' orientation="{idx * 40.5}" colorID="{idx % 3}" typeID="2"/>'
        for idx in range(8)
    )
    write_text(root / "data/train_label.xml", f"<Items>{''.join(items)}</Items>")
    out = run(root, overrides=["data.dataset", "vehiclex", "data.images", "image_train"])
    old, new = (
        vehiclex.load(folder, images="image_train").train for folder in (root / "data", out)
    )
    assert [(s.pid, s.angle, s.color, s.type) for s in old] == [
        (s.pid, s.angle, s.color, s.type) for s in new
    ]


def test_other_sets_become_a_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"image_train/{idx:06d}.png,car_{idx // 2},{1 + idx % 2}" for idx in range(8)]
    write_text(root / "data/samples.csv", "\n".join(["path,vehicle_id,camera_id", *rows]) + "\n")
    out = run(root, overrides=["data.dataset", "csv", "data.test_fraction", "0.0"])
    old, new = (
        csv_table.load(folder / "samples.csv", test_fraction=0.0) for folder in (root / "data", out)
    )
    assert [(s.name, s.pid, s.camid) for s in new.train] == [
        (s.name, s.pid, s.camid) for s in old.train
    ]
    assert not new.query and f"data.dataset csv data.root {out}" in capsys.readouterr().out


def test_what_is_there_is_not_mixed_with_something_else(root: Path) -> None:
    out = run(root)
    with pytest.raises(DataError, match=r"made otherwise \(plan\.rate was 0\.6 and is 0\.2\)"):
        run(root, SwapPlan(rate=0.2))
    write(root / "data/masks/image_train/000002.png", box_mask()[::-1].copy())
    with pytest.raises(DataError, match=r"made otherwise \(masks was "):
        run(root)
    (out / "swap.json").unlink()
    with pytest.raises(DataError, match=r"holds no swapped pictures \(swap\.json is missing\)"):
        run(root)


def test_masks_plates_and_images_that_cannot_be_used(root: Path) -> None:
    image = root / "data/image_train/000002.png"
    good = image.read_bytes()
    image.write_bytes(good[:50])
    with pytest.raises(DataError, match=r"000002\.png: the image is cut off"):
        run(root)
    image.write_bytes(good)
    wide = np.pad(box_mask(), ((0, 0), (0, 3)))
    write(root / "data/masks/image_train/000000.png", wide)
    rmtree(root / "out")
    with pytest.raises(DataError, match=r"mask has 43 x 32 pixels and the image 40 x 32"):
        run(root, SwapPlan(rate=1.0))
    for path in (root / "data/plates").glob("*/*"):
        path.unlink()
    with pytest.raises(DataError, match="plates: no background plates"):
        run(root)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.5}, r"--rate is 1\.5; give a share"),
        ({"copies": 0}, "--copies is 0; give at least 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"shadow": -0.1}, r"--shadow is -0\.1"),
    ],
)
def test_wrong_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SwapPlan(**options)  # type: ignore[arg-type]


def test_names_stay_apart() -> None:
    samples = [Sample(Path(name), name) for name in ("a/1.jpg", "a/1_swap1.jpg")]
    layout = layout_of(DataOptions(dataset="csv"))
    assert target_names(samples, layout, copies=1) == ["a/1.jpg", "a/1_swap1.jpg"]
    assert len(set(target_names(samples, layout, copies=2))) == 4
    clash = [Sample(Path(name), name) for name in ("a/1.jpg", "b/1.jpg")]
    with pytest.raises(DataError, match=r"image_train/1\.jpg is listed twice"):
        target_names(clash, layout_of(DataOptions(dataset="cityflow")), copies=1)
