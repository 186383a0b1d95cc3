"""A trained run read back: options, data of another recipe, weights."""

from pathlib import Path

import pytest
import torch

from tests.tiny import CONFIG
from vreid.build import build_model
from vreid.checkpoint import save_model
from vreid.config import dump_config
from vreid.errors import DataError
from vreid.trained import load_run_config, restore


def test_options_come_from_the_run_and_data_from_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(dump_config(CONFIG))
    assert load_run_config(tmp_path) == CONFIG
    other = tmp_path / "other.yml"
    other.write_text("data: {dataset: csv, root: elsewhere}\n")
    config = load_run_config(tmp_path, ["test.batch_size", "7"], data=other)
    assert (config.data.dataset, config.data.root) == ("csv", "elsewhere")
    assert config.test.batch_size == 7 and config.model == CONFIG.model
    with pytest.raises(DataError, match=r"none: no run here \(config.yml is missing\)"):
        load_run_config(tmp_path / "none")


def test_the_weights_are_the_checkpoints(tmp_path: Path) -> None:
    model = build_model(CONFIG, 5)
    save_model(tmp_path / "best.pt", model, facts={})
    found = restore(CONFIG, tmp_path / "best.pt")
    assert not found.training
    expected = model.state_dict()
    assert found.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in found.state_dict().items())
