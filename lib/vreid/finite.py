"""A training whose loss is no number any more ends with a sentence that helps."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch

from vreid.errors import UserError
from vreid.options import SolverOptions


class TrainingError(UserError):
    """A training that cannot go on."""


def finite_losses(
    losses: Mapping[str, torch.Tensor], *, last: Path, place: str, solver: SolverOptions
) -> dict[str, float]:
    """The losses as numbers.

    Args:
        losses: Scalars by name.
        last: The training's checkpoint, in its run directory.
        place: Where the training is, for the message.
        solver: Its options.

    Raises:
        TrainingError: When one of them is not finite.
    """
    values = {name: float(loss) for name, loss in losses.items()}
    if all(math.isfinite(value) for value in values.values()):
        return values
    found = ", ".join(f"{name} {value}" for name, value in values.items())
    raise TrainingError(
        f"{last.parent}: the loss is not finite in {place} ({found}); "
        + (f"the last good checkpoint {last} is kept; " if last.exists() else "")
        + f"lower solver.base_lr (now {solver.base_lr}), set solver.clip_norm 5 or"
        " solver.precision fp32, in a new output folder"
    )
