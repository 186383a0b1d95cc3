"""Checkpoints: everything that a training needs to go on exactly where it stopped.

Two kinds of file, both read with ``torch.load(weights_only=True)``: ``last.pt`` holds the parts of
a training (model, optimizer, scaler, losses), random state and place; ``best.pt`` the model alone.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from vreid.errors import DataError
from vreid.files import atomic_path

SCHEMA = 1


class Stateful(Protocol):
    """A part of a training that a checkpoint holds: model, optimizer, scaler, losses."""

    def state_dict(self) -> dict[str, Any]:
        """Its state; empty where it has none."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up a state."""


@dataclass
class Progress:
    """Where a training is.

    Attributes:
        epoch: Epochs finished, so also the 0-based number of the epoch under way.
        batch: Batches of that epoch already trained on.
        step: Batches trained on since the start.
        best_score: Best validation score so far (larger is better).
        best_epoch: Epoch after which it was reached, 0 when there was none.
        best_values: Best of further numbers of the validations, by name.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_score: float = float("-inf")
    best_epoch: int = 0
    best_values: dict[str, float] = field(default_factory=dict)


def save_state(path: Path, parts: Mapping[str, Stateful], *, progress: Progress) -> Path:
    """Write ``last.pt`` atomically and return its path; ``parts`` has a ``model``."""
    state = {
        **{name: part.state_dict() for name, part in parts.items()},
        "schema": SCHEMA,
        "progress": vars(progress),
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    with atomic_path(path) as temporary:
        torch.save(state, temporary)
    return path


def load_state(path: Path, parts: Mapping[str, Stateful]) -> Progress:
    """Put ``last.pt`` back into the parts and the random generators.

    Raises:
        DataError: When the file is damaged, belongs to another architecture, or lacks the state of
            a part.
    """
    state = _read(path)
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            _load_module(part, state.get(name, {}), path)
        elif state.get(name):  # empty when it was a scaler that did not scale
            part.load_state_dict(state[name])
    torch.set_rng_state(state["rng"])
    if state["rng_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["rng_cuda"])
    return Progress(**state["progress"])


def save_model(path: Path, model: nn.Module, *, facts: Mapping[str, Any]) -> Path:
    """Write a model's weights with facts about them (numbers and texts) atomically."""
    with atomic_path(path) as temporary:
        torch.save({"schema": SCHEMA, "model": model.state_dict(), "facts": dict(facts)}, temporary)
    return path


def load_model(path: Path, model: nn.Module) -> None:
    """Put the weights of ``best.pt`` or ``last.pt`` into a model, averaged ones where there are.

    Raises:
        DataError: When the file is missing, damaged or belongs to another architecture.
    """
    _load_module(model, _weights(_read(path)), path)


def load_start(path: Path, model: nn.Module) -> bool:
    """Start a model from the weights of another training, to be fine-tuned.

    Args:
        path: ``best.pt``, ``last.pt``, or the run directory, whose ``best.pt`` is taken.
        model: Of the same options; only the number of classes may differ.

    Returns:
        Whether the classifier was taken over too; one of other classes is left as it is.

    Raises:
        DataError: When the file is missing, damaged or belongs to another architecture.
    """
    file = path / "best.pt" if path.is_dir() else path
    weights = _weights(_read(file))
    own = model.state_dict()
    head = [key for key in own if key.startswith("classifier.")]
    fits = all(key in weights and _shape(weights[key]) == _shape(own[key]) for key in head)
    if not fits:
        weights = {key: value for key, value in weights.items() if key not in head}
        weights |= {key: own[key] for key in head}
    _load_module(model, weights, file)
    return fits


def num_classes(path: Path) -> int:
    """Number of classes of the classifier stored in a checkpoint."""
    weights = _weights(_read(path))
    found = [value for key, value in weights.items() if key.endswith("classifier.weight")]
    if not found:
        raise DataError(f"{path}: holds no classifier; is it a checkpoint of this program?")
    return int(found[0].shape[0])


def _read(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such checkpoint; train the run first") from None
    except (
        pickle.UnpicklingError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(f"{path}: the checkpoint cannot be read ({reason}); remove it") from None
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        raise DataError(f"{path}: not a checkpoint of this program (schema {SCHEMA} expected)")
    return state


def _weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights worth using: the average where a training has made one, else the model's."""
    average = state.get("average", {})
    if not average or int(average["count"]) == 0:
        return dict(state["model"])
    prefix = "module."
    return {key.removeprefix(prefix): average[key] for key in average if key.startswith(prefix)}


def _load_module(module: nn.Module, weights: Mapping[str, Any], path: Path) -> None:
    own = module.state_dict()
    missing = [key for key in own if key not in weights]
    foreign = [key for key in weights if key not in own]
    shapes = [
        f"{key} is {_shape(weights[key])} there, {_shape(value)} here"
        for key, value in own.items()
        if key in weights and _shape(weights[key]) != _shape(value)
    ]
    if missing or foreign or shapes:
        found = "; ".join(
            f"{len(names)} {word} (first: {names[0]})"
            for word, names in (
                ("weights missing", missing),
                ("weights that this model does not have", foreign),
                ("weights of another shape", shapes),
            )
            if names
        )
        raise DataError(
            f"{path}: the checkpoint belongs to another architecture: {found};"
            " use the model and loss options it was trained with"
        )
    module.load_state_dict(dict(weights))


def _shape(value: object) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()  # (): counters and such
