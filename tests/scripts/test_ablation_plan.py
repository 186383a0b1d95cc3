"""Plans of ablations: what they mean, and what is wrong with them before anything is trained."""

from pathlib import Path

import pytest

from scripts.ablation_plan import read_ablation
from tests.scripts.test_ablate import PLAN, RECIPE
from vreid.config import load_config
from vreid.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "own.yml").write_text(RECIPE.format(folder=tmp_path))
    (tmp_path / "small.yml").write_text(PLAN)
    return tmp_path / "small.yml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metric: none", "metrik: none", r"small\.yml: variant id_only: there is no option"),
        ("metric: none", "metric: nothing", r"small\.yml: variant id_only: .*loss\.metric is"),
        ("erasing: 0.0", "erasing: 2.0", r"small\.yml: base: .*input\.erasing is 2\.0"),
        ("erasing: 0.0", "eraser: 1", r"small\.yml: base: there is no option input\.eraser"),
        ("seeds: [0, 1]", "", r"small\.yml: seeds is missing"),
        ("seeds: [0, 1]", "seeds: []", r"seeds is \[\]; different whole numbers"),
        ("seeds: [0, 1]", "seeds: [1, 1]", r"seeds is \[1, 1\]; different whole numbers"),
        ("seeds: [0, 1]", "seeds: [a]", r"seeds is \['a'\]; different whole numbers"),
        ("mode: on", "mode: on\ntarget: 3", r"small\.yml: target is 3; options by section"),
        ("mode: on", "mode: on\ntarget: {name: a}", r"target sets name, which is not for a plan"),
        ("mode: on", "mode: on\ntarget: {dat: {}}", r"small\.yml: target: there is no option dat"),
        ("id_only: {loss", "target: {loss", r"a variant cannot be named target"),
        ("mode: on", "mode: both", r"mode is 'both'; on or off is needed"),
        ("recipe: own.yml", "recipe: two.yml", r"two\.yml: no such configuration file"),
        ("recipe: own.yml", "recipe: [a]", r"the path of a recipe is needed"),
        ("recipe: own.yml", "recipe: own.yml\nvariant: {}", r"a plan has no 'variant'; it has rec"),
        ("id_only: {loss", "base: {loss", r"a variant cannot be named base"),
        ("id_only: {loss", "a/b: {loss", r"a variant is named 'a/b'"),
        ("id_only: {loss", "1: {loss", r"a variant is named 1"),
        ("{loss: {metric: none}}", "none", r"variant id_only is 'none'; options by section"),
        ("{loss: {metric: none}}", "{}", r"variant id_only changes nothing"),
        ("{loss: {metric: none}}", "{solver: {seed: 4}}", r"variant id_only changes nothing"),
        (
            "{loss: {metric: none}}",
            "{chain: [distance]}",
            r"id_only sets chain, which is not for a",
        ),
        ("{loss: {metric: none}}", "{name: a}", r"id_only sets name, which is not for a plan"),
        (
            "{loss: {metric: none}}",
            "{test: {protocol: aicity}}",
            r"id_only changes what is measured \(test\.protocol: market -> aicity\)",
        ),
    ],
)
def test_a_wrong_plan_is_refused(plan: Path, old: str, new: str, message: str) -> None:
    assert old in PLAN
    plan.write_text(PLAN.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_ablation(plan)
    assert not (plan.parent / "runs").exists()


def test_empty_and_missing_plans(plan: Path) -> None:
    plan.write_text("recipe: own.yml\nmode: off\nseeds: [0]\nvariants: {}\n")
    with pytest.raises(ConfigError, match=r"variants is \{\}; at least one NAME"):
        read_ablation(plan)
    plan.write_text("- a list\n")
    with pytest.raises(ConfigError, match="not a plan of an ablation; it needs recipe, base"):
        read_ablation(plan)
    with pytest.raises(ConfigError, match=r"no\.yml: not a YAML file: .*No such file"):
        read_ablation(plan.with_name("no.yml"))


def test_overrides_go_over_the_base_alone(plan: Path) -> None:
    with pytest.raises(ConfigError, match=r"command line: there is no option solver\.base_rate"):
        read_ablation(plan, ["solver.base_rate", "1"])
    overrides = ["loss.metric", "circle", "output", "there"]
    found = read_ablation(plan, overrides, seeds=[4])
    assert found.configs["base"].loss.metric == "circle"
    assert found.configs["id_only"].loss.metric == "none"  # the ingredient wins
    assert found.run_dir("base", 4) == Path("there/ablation/small/base-4")
    assert found.mode == "on"


def test_with_a_target_variants_may_train_on_other_data(plan: Path) -> None:
    other = PLAN.replace("{loss: {metric: none}}", "{data: {root: elsewhere}}")
    plan.write_text(other)
    with pytest.raises(ConfigError, match=r"changes what is measured .*give the plan a target"):
        read_ablation(plan)
    plan.write_text(other + "target: {test: {protocol: aicity}}\n")
    found = read_ablation(plan)
    assert found.configs["id_only"].data.root == "elsewhere"
    assert found.target.data == found.configs["base"].data
    assert (found.target.test.protocol, found.target_recipe.name) == ("aicity", "target.yml")
    plan.write_text(PLAN)
    assert read_ablation(plan).target_recipe.name == "base.yml"


def test_the_word_off_is_no_truth_value(plan: Path) -> None:
    plan.write_text(PLAN.replace("mode: on", "mode: off"))
    assert read_ablation(plan).mode == "off"


def test_a_variants_recipe_is_an_ordinary_one(plan: Path) -> None:
    found = read_ablation(plan)
    found.write_recipes()
    config = load_config(found.recipe("id_only"), part="id_only-1")
    assert config == found.config("id_only", 1)
    assert list(load_config(found.recipe("id_only")).members) == ["id_only-0", "id_only-1"]


@pytest.mark.parametrize("name", ["toycity", "crops"])
def test_the_plans_of_this_repository_are_right(name: str) -> None:
    found = read_ablation(ROOT / "configs" / "ablations" / f"{name}.yml")
    assert len(found.configs) > 12
    assert found.seeds == (0, 1, 2)
