"""The recipes: what they say, against what was published, and that each of them trains."""

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures import make_samples
from tests.published import HOUSEKEEPING, PUBLISHED
from vreid.build import build_model, build_schedule
from vreid.config import PARTS, load_config
from vreid.config_tree import flatten, plain
from vreid.data.sample import Sample
from vreid.engine import fit
from vreid.features import IntArray
from vreid.options import Config
from vreid.schedules import lr_factor

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "configs" / "recipes").glob("*.yml"))


@cache
def load(recipe: str, part: str = "", overrides: tuple[str, ...] = ()) -> Config:
    return load_config(ROOT / "configs" / "recipes" / f"{recipe}.yml", overrides, part=part)


def parts_of(recipe: str) -> list[str]:
    """Members and classifiers; one nameless training for a recipe without members."""
    config = load(recipe)
    return [*(config.members or [""]), *(part for part in PARTS if getattr(config, part))]


TRAININGS = [(path.stem, part) for path in RECIPES for part in parts_of(path.stem)]


def test_every_training_of_the_five_systems_is_listed_here() -> None:
    own = ("aicity20", "aicity21", "aicity21-dmt", "csv", "toycity", "toycity-shifted", "veri776")
    assert {(recipe, part) for recipe, part in TRAININGS if recipe not in own} == set(PUBLISHED)


@pytest.mark.parametrize(("recipe", "part"), PUBLISHED)
def test_published_settings(recipe: str, part: str) -> None:
    expected = PUBLISHED[recipe, part]
    config = load(recipe, part)
    found = flatten(plain(config))
    assert {key: found[key] for key in expected} == expected
    defaults = flatten(plain(Config()))
    changed = {key for key, value in found.items() if value != defaults.get(key)}
    changed = {key for key in changed if not key.startswith("extra.")}
    assert changed <= {*expected, *HOUSEKEEPING}  # else a value without a source


def test_translated_vehicles_join_the_members_of_the_paper() -> None:
    for part in ("resnext101_ibn_a", "resnet152"):
        extra = load("cybercore-paper", part).extra
        assert [(one.dataset, one.images, one.root) for one in extra.values()] == [
            ("vehiclex", "output_UNIT", "data/aicity21")
        ]
    assert load("cybercore-released").extra == {}


def rates(recipe: str, part: str = "", *, steps_per_epoch: int = 4) -> list[float]:
    """The learning rate of every step of a training."""
    config = load(recipe, part)
    schedule = build_schedule(config)
    return [
        config.solver.base_lr * lr_factor(step, schedule, steps_per_epoch=steps_per_epoch)
        for step in range(config.solver.max_epochs * steps_per_epoch)
    ]


@pytest.mark.parametrize("recipe", ["cybercore-paper", "cybercore-released"])
@pytest.mark.parametrize("part", ["resnet50_ibn_a", "orientation", "camera"])
def test_learning_rates_of_cybercore(recipe: str, part: str) -> None:
    expected = [3.5e-4 * (1 + math.cos(math.pi * epoch / 10)) / 2 for epoch in range(10)]
    found = rates(recipe, part)[::4]
    assert found == pytest.approx([*expected, 0.3 * expected[-1], 0.09 * expected[-1]])
    assert found[-3:] == pytest.approx([8.57e-6, 2.57e-6, 7.7e-7], rel=2e-3)


def test_learning_rates_of_the_others() -> None:
    volo = rates("v2reid", "volo_d1")
    assert volo[0] == pytest.approx(0.01 * 3e-4)
    assert volo[40] == pytest.approx(3e-4) == max(volo)
    assert volo[-1] == pytest.approx(0.002 * 3e-4, rel=0.01)
    assert set(rates("sanfilippo", "resnet18")) == {3e-4}
    plates = rates("nileplate")
    assert plates[0] == pytest.approx(0.005)
    assert plates[12:40] == pytest.approx([0.05] * 28)
    assert plates[40:] == pytest.approx([0.005] * 40)


# Published counts without classifiers: torchvision's, IBN-Net's; the multi-head block by its
# formula; VOLO's counts of timm, whose two classifiers of 1000 classes are taken off.
CLASSES = 440
RESNET18, RESNET50, RESNET101 = 11_176_512, 23_508_032, 42_500_160
RESNET152, RESNEXT101 = 58_143_808, 42_128_704
HEADS = 33 * (2048 * 2048 + 2049) + 2048 * 256 + 257 + 256 * 32 + 33
BNNECK = 2 * 2048 + 2048 * CLASSES  # with a classifier
SMALL_NECK = 512 + 2 * 512 + 512 * CLASSES  # behind a layer to 512 numbers, whose shift counts
COUNTS = {
    ("cybercore-paper", "resnext101_ibn_a"): RESNEXT101 + HEADS + BNNECK,
    ("cybercore-paper", "resnet50_ibn_a"): RESNET50 + HEADS + BNNECK,
    ("cybercore-paper", "resnet152"): RESNET152 + HEADS + BNNECK,
    ("cybercore-paper", "orientation"): RESNEXT101 + BNNECK,
    ("cybercore-released", "resnet101_ibn_a"): RESNET101 + HEADS + BNNECK,
    ("cybercore-released", "camera"): RESNEXT101 + BNNECK,
    ("sanfilippo", "resnet18"): RESNET18 + 512 * 512 + SMALL_NECK,
    ("sanfilippo", "resnet18_cbam"): RESNET18 + 512 * 512 + SMALL_NECK + 2 * 512 * 32 + 98,
    ("sanfilippo", "resnet50"): RESNET50 + 2048 * 512 + SMALL_NECK,
    ("sanfilippo", "resnet50_cbam"): RESNET50 + 2048 * 512 + SMALL_NECK + 2 * 2048 * 128 + 98,
    ("nileplate", ""): RESNET50 + 2048 * 512 + SMALL_NECK + CLASSES,
}
VOLO_MILLIONS = {
    "volo_d1": 26.63,
    "volo_d2": 58.68,
    "volo_d3": 86.33,
    "volo_d4": 192.96,
    "volo_d5": 295.46,
}


def count(recipe: str, part: str) -> tuple[int, int]:
    """Parameters of a model at its true size, and the width of its feature."""
    with torch.device("meta"):
        model = build_model(load(recipe, part, ("model.weights", "none")), CLASSES)
    return sum(parameter.numel() for parameter in model.parameters()), model.dim


@pytest.mark.parametrize(("recipe", "part"), COUNTS)
def test_sizes_of_the_networks(recipe: str, part: str) -> None:
    found = count(recipe, part)
    assert found == (COUNTS[recipe, part], 2048 if "cybercore" in recipe else 512)


@pytest.mark.parametrize("part", VOLO_MILLIONS)
def test_sizes_of_the_volos(part: str) -> None:
    found, dim = count("v2reid", part)
    assert dim == {"volo_d1": 384, "volo_d4": 768, "volo_d5": 768}.get(part, 512)
    with_heads = found - (dim + 1) * CLASSES + 2 * (dim + 1) * 1000
    assert with_heads / 1e6 == pytest.approx(VOLO_MILLIONS[part], abs=0.006)


SMALL = (
    *("device", "cpu", "model.weights", "none", "input.pad", "2"),
    *("solver.ims_per_batch", "16", "solver.num_instance", "4", "solver.num_workers", "0"),
    *("solver.max_epochs", "3", "solver.warmup_epochs", "0", "solver.log_period", "1"),
    *("loss.malw_interval", "3"),
)
TINY = (*SMALL, "model.backbone", "test_resnet", "input.size", "[32, 32]")
TINY_VOLO = (*SMALL, "model.backbone", "volo_d1_224", "input.size", "[64, 64]")


def train(config: Config, folder: Path) -> list[dict[str, float]]:
    """Train on 48 pictures of 6 vehicles, half of them rendered; the log of its nine steps."""
    samples = [
        replace(sample, synthetic=sample.pid % 2 == 1)
        for sample in make_samples(folder / "pictures", vehicles=6)
    ]
    fit(config, samples, labels_of(samples), evaluate=None, run_dir=folder / "run")
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def labels_of(samples: list[Sample]) -> IntArray:
    return np.array([sample.pid for sample in samples], dtype=np.int64)


@pytest.mark.parametrize(
    ("recipe", "part"), [(name, part) for name, part in TRAININGS if name != "v2reid"]
)
def test_trains_small(recipe: str, part: str, tmp_path: Path) -> None:
    config = load(recipe, part, TINY)
    log = train(config, tmp_path)
    assert [line["step"] for line in log] == list(range(1, 10))
    assert all(math.isfinite(line["total"]) for line in log)
    assert (config.loss.balance == "malw") == ("id_weight" in log[0])
    if recipe != "nileplate":  # whose rate is for thousands of classes: with six it swings
        assert np.mean([line["id"] for line in log[-3:]]) < 1.2 * log[0]["id"]


@pytest.mark.parametrize("part", ["volo_d1", "volo_d1_overlap"])
def test_a_volo_trains_small(part: str, tmp_path: Path) -> None:
    overrides = (*TINY_VOLO, "solver.ims_per_batch", "8", "solver.max_epochs", "1")
    log = train(load("v2reid", part, overrides), tmp_path)
    assert all(math.isfinite(line[key]) for line in log for key in ("id", "triplet", "center"))


DOCUMENT = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", [path.stem for path in RECIPES])
def test_the_document_names_every_recipe(recipe: str) -> None:
    assert f"`{recipe}`" in DOCUMENT


def test_the_file_that_the_document_gives(tmp_path: Path) -> None:
    text = DOCUMENT.split("```yaml\n")[1].split("```")[0]
    own = tmp_path / "own.yml"
    own.write_text(
        text.replace("cybercore-paper.yml", str(RECIPES[0].parent / "cybercore-paper.yml"))
    )
    config = load_config(own, part="resnext101_ibn_a")
    assert (config.extra, config.model.mixstyle, config.solver.sampler) == ({}, "none", "pk")
    assert load_config(own, part="orientation").solver.sampler == "shuffle"


def test_the_overrides_that_the_document_gives() -> None:
    commands = [
        ("nileplate", "data.dataset vric data.root data/VRIC test.protocol vric"),
        (
            "sanfilippo",
            "data.dataset veri776 data.root data/VeRi test.protocol market solver.max_epochs 3",
        ),
        ("v2reid", "model.neck bn model.classifier_bias false"),
        (
            "v2reid",
            "solver.base_lr 2e-3 solver.weight_decay 1e-4 solver.num_instance 4"
            " model.drop_path 0.1 solver.bias_lr_factor 2",
        ),
    ]
    for recipe, words in commands:
        assert f"`{words}`" in DOCUMENT or f"({words})" in DOCUMENT.replace("`", ""), words
        for part in parts_of(recipe):
            load(recipe, part, tuple(words.split()))
