import dataclasses
from pathlib import Path

import pytest

from vreid.config import diff_configs, dump_config, load_config
from vreid.errors import ConfigError
from vreid.options import Config, ModelOptions, SolverOptions

RECIPE = """
name: city
solver: {base_lr: 1e-3, MAX_EPOCHS: 3}
members:
  small: {model: {backbone: resnet18}}
  large: {model: {backbone: resnet50, ibn: true}, solver: {base_lr: 0.0005}}
orientation:
  data: {dataset: vehiclex}
  input: {flip: 0}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "city.yml"
    path.write_text(RECIPE)
    return path


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "empty.yml"
    path.write_text("")
    assert load_config(path) == Config()


def test_order_of_precedence(recipe: Path) -> None:
    assert load_config(recipe).solver.base_lr == 1e-3
    assert load_config(recipe, part="large").solver.base_lr == 5e-4
    assert load_config(recipe, ["solver.base_lr", "0.1"], part="large").solver.base_lr == 0.1


def test_an_override_of_one_member_leaves_the_others(recipe: Path) -> None:
    pairs = ["members.large.solver.max_epochs", "9"]
    assert load_config(recipe, pairs, part="large").solver.max_epochs == 9
    assert load_config(recipe, pairs, part="small").solver.max_epochs == 3


def test_a_part_is_a_training_without_parts_of_its_own(recipe: Path) -> None:
    config = load_config(recipe, part="orientation")
    assert config.data.dataset == "vehiclex"
    assert config.input.flip == 0.0
    assert (config.members, config.orientation, config.camera) == ({}, {}, {})


def test_base_chain(tmp_path: Path, recipe: Path) -> None:
    child = tmp_path / "child.yml"
    child.write_text("_base_: city.yml\nsolver: {base_lr: 0.5}\n")
    config = load_config(child)
    assert (config.name, config.solver.base_lr, config.solver.max_epochs) == ("city", 0.5, 3)


def test_base_cycle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("_base_: b.yml\n")
    (tmp_path / "b.yml").write_text("_base_: a.yml\n")
    with pytest.raises(ConfigError, match="comes back to this file"):
        load_config(tmp_path / "a.yml")


@pytest.mark.parametrize(
    ("pairs", "option", "value"),
    [
        (["SOLVER.BASE_LR", "3e-4"], "solver.base_lr", 3e-4),
        (["SOLVER.MARGIN", "0.5"], "loss.margin", 0.5),
        (["INPUT.SIZE_TRAIN", "[256, 128]"], "input.size", (256, 128)),
        (["MODEL.NAME", "resnet152"], "model.backbone", "resnet152"),
        (["DATALOADER.NUM_INSTANCE", "8"], "solver.num_instance", 8),
        (["TEST.FLIP_TEST", "off"], "test.flip", False),
        (["data.query_camera", "2"], "data.query_camera", "2"),
        (["DATASETS.COMBINEALL", "True"], "data.combine_all", True),
        (["INPUT.LONGTAILED_THR", "2"], "data.min_images", 2),
    ],
)
def test_spellings_of_the_field_are_understood(
    recipe: Path, pairs: list[str], option: str, value: object
) -> None:
    section, leaf = option.split(".")
    assert getattr(getattr(load_config(recipe, pairs), section), leaf) == value


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["solver.base_lrr", "1"], "did you mean solver.base_lr"),
        (["base_lr", "1"], "did you mean solver.base_lr"),
        (["modle.ibn", "1"], "did you mean model"),
        (["members.small.modle.ibn", "1"], "did you mean model"),
        (["solver.base_lr", "fast"], "'fast' of type str; expected float"),
        (["solver.max_epochs", "2.5"], "2.5 of type float; expected int"),
        (["model.ibn", "2"], "2 of type int; expected bool"),
        (["input.size", "320"], "expected 2 values"),
        (["input.size", "[320, 1.5]"], r"input.size\[1] is 1.5"),
        (["model.pooling", "max"], "one of gem, avg"),
        (["solver", "3"], "solver is a section"),
        (["solver.num_instance", "5"], "divides solver.ims_per_batch = 64"),
        (["input.flip", "1.5"], "probability in"),
        (["solver.seed"], "has no value"),
        (["data.min_images", "0"], "data.min_images is 0; at least 1 is needed"),
        (["data.synthetic", "yes"], "one of auto, all, none needed"),
        (["extra.vx.roott", "x"], r"no option extra\.vx\.roott; did you mean extra\.vx\.root?"),
        (["extra.vx.data.root", "x"], "no option extra.vx.data"),
        (["extra.vx.banana", "x"], "the options are extra.vx.dataset, extra.vx.root"),
        (["extra.vx.dataset", "vehicleX"], "extra.vx.dataset is 'vehicleX'; one of"),
        (["extra.vx.test_fraction", "2"], "extra.vx: data.test_fraction is 2.0"),
        (["extra.vx.holdout", "0.1"], "extra.vx.holdout is 0.1; validation is cut from data"),
        (["extra.vx.label", "color"], "extra.vx.label is 'color'; data.label says it"),
        (["extra.vx.dataset", "csv", "data.label", "type"], "data.label is 'type'; only vehicles"),
        (["extra.vx", "csv"], "extra holds options by name, extra: {NAME: {…}}"),
        (["extra", "csv"], "found 'csv'"),
        (["extr.vx.root", "x"], "did you mean extra?"),
    ],
)
def test_bad_options_say_what_is_wrong(recipe: Path, pairs: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        load_config(recipe, pairs)


HALVES = ModelOptions(mixstyle="halves")


@pytest.mark.parametrize(
    ("solver", "is_right"),
    [
        (SolverOptions(sampler="domains", ims_per_batch=64, num_instance=4), True),
        (SolverOptions(sampler="domains", ims_per_batch=60, num_instance=4), False),
        (SolverOptions(sampler="domains", synthetic_share=0.25), False),
        (SolverOptions(sampler="pk"), False),
        (SolverOptions(sampler="shuffle"), False),
    ],
)
def test_mixstyle_in_halves_needs_a_domain_in_each(solver: SolverOptions, is_right: bool) -> None:
    Config(solver=solver)
    if is_right:
        assert Config(model=HALVES, solver=solver).model.mixstyle == "halves"
        return
    message = (
        r"model\.mixstyle is 'halves'; .* set solver\.sampler domains, .* \(solver\.sampler is "
    )
    with pytest.raises(ConfigError, match=f"{message}{solver.sampler}"):
        Config(model=HALVES, solver=solver)


def test_an_unknown_part_lists_the_known_ones(recipe: Path) -> None:
    with pytest.raises(ConfigError, match="it has small, large, orientation"):
        load_config(recipe, part="huge")


def test_a_missing_file_lists_its_neighbours(recipe: Path) -> None:
    with pytest.raises(ConfigError, match=r"there are: .*city\.yml"):
        load_config(recipe.with_name("ctiy.yml"))


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2\n"])
def test_files_that_are_no_configuration_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        load_config(path)


def test_dump_and_load_are_inverse(tmp_path: Path, recipe: Path) -> None:
    config = load_config(recipe, ["input.size", "[64, 96]"])
    written = tmp_path / "written.yml"
    written.write_text(dump_config(config))
    assert load_config(written) == config


def test_diff_names_the_options() -> None:
    changed = dataclasses.replace(Config(), name="other")
    assert diff_configs(Config(), changed) == ["name: vreid -> other"]


@pytest.mark.parametrize("path", sorted(Path("configs/recipes").glob("*.yml")), ids=str)
def test_recipes_of_the_project_load(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    for part in config.members:
        assert load_config(path, part=part).members == {}
