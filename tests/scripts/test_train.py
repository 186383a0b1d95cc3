"""Small trainings by the command: joined data sets, domains, colours, what is validated on."""

import json
from pathlib import Path

import numpy as np
import pytest

import scripts.train
from tests.data.layouts import write_images, write_xml
from tests.pictures import make_samples
from vreid.build import build_batches
from vreid.checkpoint import num_classes
from vreid.config import load_config
from vreid.data.joined import synthetic_mask
from vreid.errors import ConfigError, DataError

RECIPE = """
name: joined
output: {folder}/runs
device: cpu
data: {{dataset: csv, root: {folder}/first, test_fraction: 0.34}}
input: {{size: [32, 32], pad: 2}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
solver: {{max_epochs: 1, warmup_epochs: 0, ims_per_batch: 8, num_instance: 2, precision: fp32}}
test: {{protocol: market}}
"""
EXTRA = """
extra:
  second: {{dataset: csv, root: {folder}/second, test_fraction: 0, synthetic: all}}
"""
FIRST, SECOND, HELD = 6, 5, 2  # vehicles: of the two sets, and held out of the first


def write_table(folder: Path, *, vehicles: int) -> None:
    samples = make_samples(folder, vehicles=vehicles, frames=3)
    lines = [f"{sample.name},{sample.pid},{sample.camid},{sample.trackid}" for sample in samples]
    text = "\n".join(["path,vehicle_id,camera_id,track_id", *lines]) + "\n"
    (folder / "samples.csv").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two data sets whose vehicles, cameras and image names have the same numbers."""
    write_table(tmp_path / "first", vehicles=FIRST)
    write_table(tmp_path / "second", vehicles=SECOND)
    (tmp_path / "one.yml").write_text(RECIPE.format(folder=tmp_path))
    (tmp_path / "two.yml").write_text((RECIPE + EXTRA).format(folder=tmp_path))
    return tmp_path


def validations(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "map" in line or "accuracy" in line]


def test_two_data_sets_have_the_classes_of_both(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [alone] = scripts.train.main(folder / "one.yml", ["name", "alone"])
    [run] = scripts.train.main(folder / "two.yml")
    assert num_classes(alone / "best.pt") == FIRST - HELD
    assert num_classes(run / "best.pt") == FIRST - HELD + SECOND
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, vehicles, domain in (("samples", 4, "real"), ("extra.second", 5, "synthetic")):
        expected = [name, *f"{6 * vehicles} images {vehicles} vehicles 2 cameras".split()]
        assert [line[-1] for line in printed if line[:7] == expected] == [domain]
    assert len(validations(run)) == 1
    assert load_config(run / "config.yml").extra["second"].synthetic == "all"


def test_validation_vehicles_come_from_the_first_set_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = ["data.test_fraction", "0", "data.holdout", "0.34"]
    [run] = scripts.train.main(folder / "two.yml", pairs)
    assert num_classes(run / "best.pt") == FIRST - HELD + SECOND
    [validation] = validations(run)
    assert "map" in validation
    assert "validation on held-out training vehicles" in capsys.readouterr().out


def test_mixstyle_gets_real_and_synthetic_halves(folder: Path) -> None:
    pairs = ["solver.sampler", "domains", "model.mixstyle", "halves"]
    [run] = scripts.train.main(folder / "two.yml", pairs)
    assert num_classes(run / "best.pt") == FIRST - HELD + SECOND
    with pytest.raises(ConfigError, match=r"model\.mixstyle is 'halves'"):
        scripts.train.main(folder / "two.yml", [*pairs, "solver.synthetic_share", "0.25"])
    with pytest.raises(DataError, match="none of the 24 training images is synthetic"):
        scripts.train.main(folder / "one.yml", [*pairs, "name", "other"])


@pytest.mark.parametrize("sampler", ["pk", "shuffle", "domains"])
def test_batches_follow_the_sampler(folder: Path, sampler: str) -> None:
    config = load_config(folder / "two.yml", ["solver.sampler", sampler])
    samples = make_samples(folder / "third", vehicles=4, frames=4)
    classes = np.array([sample.pid for sample in samples], dtype=np.int64)
    synthetic = classes % 2 == 1
    batches = build_batches(config, classes, synthetic, epoch=0)
    assert batches == build_batches(config, classes, synthetic, epoch=0)
    assert batches != build_batches(config, classes, synthetic, epoch=1)
    assert {len(batch) for batch in batches} == {8}
    in_halves = [synthetic[batch].tolist() == [False] * 4 + [True] * 4 for batch in batches]
    assert all(in_halves) == (sampler == "domains")
    assert not synthetic_mask(samples).any()


def test_a_long_tail_is_not_trained_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder / "second" / "samples.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-5]) + "\n")
    [run] = scripts.train.main(folder / "two.yml", ["extra.second.min_images", "2"])
    assert num_classes(run / "best.pt") == FIRST - HELD + SECOND - 1
    assert "1 vehicles with fewer than 2 training images are left out" in capsys.readouterr().err


def test_what_is_trained_on_does_not_validate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = ["data.combine_all", "true"]
    [run] = scripts.train.main(folder / "one.yml", pairs)
    assert num_classes(run / "best.pt") == FIRST
    assert validations(run) == []
    assert "no validation: query and gallery are trained on" in capsys.readouterr().out
    [run] = scripts.train.main(folder / "one.yml", [*pairs, "data.holdout", "0.2", "name", "held"])
    assert num_classes(run / "best.pt") == FIRST - 1
    assert len(validations(run)) == 1
    again = ["extra.again.dataset", "csv", "extra.again.combine_all", "true", "name", "again"]
    with pytest.raises(DataError, match="is trained on and validated on"):
        scripts.train.main(folder / "one.yml", again)


def write_colored(root: Path) -> Path:
    """VehicleX with 8 vehicles of 3 colours, one of which a single vehicle has."""
    names = [f"{pid:04d}_c00{frame}_{frame}.jpg" for pid in range(1, 9) for frame in range(1, 4)]
    write_images(root / "sys_image_train", names)
    facts = {"cameraID": "c001", "orientation": "90", "typeID": "4"}
    rows = [
        {"imageName": name, "vehicleID": name[:4], "colorID": str(color_of(name)), **facts}
        for name in names
    ]
    write_xml(root / "train_label.xml", rows)
    return root


def color_of(name: str) -> int:
    return 9 if name.startswith("0008") else 2 + 3 * (int(name[:4]) % 2)


def test_colours_are_trained_by_the_same_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_colored(folder / "vehiclex")
    pairs = ["data.dataset", "vehiclex", "data.root", str(root), "data.label", "color"]
    [run] = scripts.train.main(folder / "one.yml", pairs)
    assert num_classes(run / "best.pt") == 3
    assert validations(run) == []
    for seed in range(8):  # vehicle 8 is held out by one of them: a colour never trained on
        more = ["data.holdout", "0.4", "data.split_seed", str(seed), "name", f"held{seed}"]
        [run] = scripts.train.main(folder / "one.yml", [*pairs, *more])
        if num_classes(run / "best.pt") == 2:
            break
    assert num_classes(run / "best.pt") == 2
    [validation] = validations(run)
    assert 0 <= validation["accuracy"] <= 2 / 3  # 3 of 9 images can not be right
    assert "2 classes of color, 15 images, 9 held out" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"vehiclex: type is \[4\]; at least two are needed"):
        scripts.train.main(folder / "one.yml", [*pairs, "data.label", "type", "name", "type"])


def test_images_without_the_label_are_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"samples: \d{4}_0_0\.png has no color; set data\.label"):
        scripts.train.main(folder / "one.yml", ["data.label", "color"])
