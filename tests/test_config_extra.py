"""Further data sets in a recipe: the section ``extra``."""

from pathlib import Path

import pytest

from vreid.config import diff_configs, dump_config, load_config
from vreid.errors import ConfigError
from vreid.options import DataOptions

JOINED = """
data: {dataset: cityflow, root: data/city}
extra:
  vx: {dataset: vehiclex, images: translated}
  Own_2: {DATASET: csv, root: data/own, synthetic: none}
members:
  alone: {extra: {vx: null, Own_2: null}}
  moved: {data: {root: elsewhere}, extra: {vx: {min_images: 2}}}
orientation: {data: {dataset: vehiclex, root: data/vx}}
"""


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    path = tmp_path / "joined.yml"
    path.write_text(JOINED)
    return path


def test_further_data_sets_share_the_root_unless_they_have_one(joined: Path) -> None:
    assert load_config(joined).extra == {
        "vx": DataOptions(dataset="vehiclex", root="data/city", images="translated"),
        "Own_2": DataOptions(dataset="csv", root="data/own", synthetic="none"),
    }


def test_a_member_changes_the_further_data_sets(joined: Path) -> None:
    assert load_config(joined, part="alone").extra == {}
    moved = load_config(joined, part="moved").extra
    assert (moved["vx"].root, moved["vx"].images, moved["vx"].min_images) == (
        "elsewhere",
        "translated",
        2,
    )
    assert moved["Own_2"].root == "data/own"


def test_a_file_leaves_a_member_of_its_base_out(joined: Path) -> None:
    above = joined.with_name("above.yml")
    above.write_text("_base_: joined.yml\nmembers: {moved: null, third: {model: {ibn: true}}}\n")
    assert list(load_config(above).members) == ["alone", "third"]
    with pytest.raises(ConfigError, match=r"no training named 'moved'; it has alone, third"):
        load_config(above, part="moved")
    above.write_text("_base_: joined.yml\nmembers: {moved: 3}\n")
    with pytest.raises(ConfigError, match=r"above\.yml: members\.moved is 3; options by section"):
        load_config(above)


def test_further_data_sets_on_the_command_line(joined: Path) -> None:
    pairs = ["EXTRA.Own_2.ROOT", "other", "extra.third.dataset", "veri776", "extra.vx", "None"]
    extra = load_config(joined, pairs).extra
    assert {name: options.root for name, options in extra.items()} == {
        "Own_2": "other",
        "third": "data/city",
    }


def test_a_classifier_trains_on_its_own_data_alone(joined: Path) -> None:
    assert load_config(joined, ["extra.vx.root", "x"], part="orientation").extra == {}
    with pytest.raises(
        ConfigError, match=r"orientation\.extra: a classifier trains on orientation"
    ):
        load_config(joined, ["orientation.extra.vx.root", "x"])


def test_dump_and_load_are_inverse_with_further_data_sets(tmp_path: Path, joined: Path) -> None:
    config = load_config(joined, part="moved")
    written = tmp_path / "written.yml"
    written.write_text(dump_config(config))
    assert load_config(written) == config
    other = load_config(joined, ["extra.vx.root", "x"], part="moved")
    assert diff_configs(config, other) == ["extra.vx.root: elsewhere -> x"]


@pytest.mark.parametrize("name", ["a.b", "a b", "", "a/b"], ids=["dot", "blank", "empty", "slash"])
def test_names_of_data_sets_are_plain_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "named.yml"
    path.write_text(f'extra: {{"{name}": {{dataset: csv}}}}')
    with pytest.raises(ConfigError, match="NAME of letters, digits, _ and -"):
        load_config(path)
