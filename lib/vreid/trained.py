"""A trained run read back: its options, and its network with its weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vreid.build import build_model, place_model
from vreid.checkpoint import load_model, num_classes
from vreid.config import load_config
from vreid.errors import DataError
from vreid.models.embedder import Embedder
from vreid.options import Config


def load_run_config(
    run: Path, overrides: Sequence[str] = (), *, data: Path | None = None
) -> Config:
    """Options of a run.

    Args:
        run: Its folder.
        overrides: ``key, value, …`` over them.
        data: A recipe whose data set takes the place of the run's own.

    Raises:
        DataError: When the folder holds no run.
    """
    if not (run / "config.yml").exists():
        raise DataError(f"{run}: no run here (config.yml is missing); train it first")
    config = load_config(run / "config.yml", overrides)
    if data is not None:
        config = replace(config, data=load_config(data, overrides).data)
    return config


def restore(config: Config, weights: Path) -> Embedder:
    """The model of a run with the weights of a checkpoint, on its device and in eval mode."""
    options = replace(config, model=replace(config.model, weights="none"))
    model = build_model(options, num_classes(weights))
    load_model(weights, model)
    return place_model(options, model).eval()
