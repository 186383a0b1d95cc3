"""The options of the training on pseudo-labels: the member's, with a short and plain schedule.

The network, its losses and its augmentation stay. What belongs to another set of images goes: data
sets joined to the main one, held-out vehicles, backgrounds that need the source's masks, batches of
two domains. Weights are not averaged, as there are few steps.
"""

from dataclasses import replace
from pathlib import Path

from vreid.options import AdaptOptions, Config


def settings_of(config: Config, options: AdaptOptions, *, start: Path) -> Config:
    """The configuration of the adapted run.

    Args:
        config: The member's.
        options: How it is adapted.
        start: Checkpoint with the weights to start from.
    """
    solver = replace(
        config.solver,
        optimizer=options.optimizer,
        nesterov=config.solver.nesterov and options.optimizer == "sgd",
        base_lr=options.base_lr,
        schedule="constant",
        warmup_epochs=0.0,
        max_epochs=options.max_epochs,
        accumulate=1,
        start=str(start),
        freeze_epochs=0,
        average="none",
        swa_start=0,
        sampler="pk",
        ims_per_batch=options.ims_per_batch,
        num_instance=options.num_instance,
        eval_period=0,
        best_of=(),
    )
    mixstyle = "shuffle" if config.model.mixstyle == "halves" else config.model.mixstyle
    return replace(
        config,
        data=replace(config.data, holdout=0.0, masks="", plates=""),
        extra={},
        input=replace(config.input, swap=0.0),
        model=replace(config.model, mixstyle=mixstyle, weights="none"),  # all come with `start`
        solver=solver,
        adapt=AdaptOptions(),
    )
