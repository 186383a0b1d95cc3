"""What a training changes step by step: model, its average, losses, optimizers and loss scaler."""

import os
import shutil
from pathlib import Path

import torch
from torch import Tensor

from vreid.averaging import WeightAverage
from vreid.build import build_model, build_schedule, build_solver, place_model
from vreid.build_losses import build_loss, build_loss_solver
from vreid.checkpoint import Stateful, load_start
from vreid.data.loader import Batch
from vreid.distributed import world_size
from vreid.errors import ConfigError
from vreid.features import IntArray
from vreid.models.embedder import Embedder
from vreid.models.sync_norm import synchronize_norms
from vreid.optim import set_lr
from vreid.options import Config
from vreid.precision import Precision
from vreid.schedules import lr_factor
from vreid.step import TrainStep


class Learner:
    """Model and all that trains it.

    Args:
        config: The options.
        num_classes: C.
        camids: (N,) cameras of the training images, for models that embed them.
        precision: Device and number type.
        steps_per_epoch: Batches an epoch.

    Attributes:
        model: The model with the weights that the optimizer moves.
        parts: Name -> everything that a checkpoint has to hold.
        notes: Sentences for the log.
    """

    def __init__(
        self,
        config: Config,
        num_classes: int,
        camids: IntArray,
        *,
        precision: Precision,
        steps_per_epoch: int,
    ) -> None:
        solver = config.solver
        self._solver, self._steps_per_epoch = solver, steps_per_epoch
        self._schedule = build_schedule(config)
        self.notes: list[str] = []
        self.model = place_model(config, build_model(config, num_classes))
        if solver.start:
            took = load_start(Path(solver.start), self.model)
            self.notes.append(
                f"starting from {solver.start}" + ("" if took else ", with a new classifier")
            )
        self.model.learn_cameras(camids)  # behind the start, which has its own
        if world_size() > 1:
            synchronize_norms(self.model)
        self._average: WeightAverage[Embedder] | None = None
        if solver.average != "none":
            decay = solver.ema_decay if solver.average == "ema" else None
            self._average = WeightAverage(self.model, decay=decay)
        trained = (one for one in self.model.backbone.parameters() if one.requires_grad)
        self._backbone = list(trained)
        self._optimizer = build_solver(config, self.model)
        loss = build_loss(config.loss, num_classes, dim=self.model.dim).to(precision.device)
        loss_optimizer = build_loss_solver(config.loss, loss)
        scaler = precision.scaler()
        self.parts: dict[str, Stateful] = {"model": self.model, "optimizer": self._optimizer}
        self.parts |= {"scaler": scaler, "loss": loss}
        if loss_optimizer is not None:
            self.parts["loss_optimizer"] = loss_optimizer
        if self._average is not None:
            self.parts["average"] = self._average
        optimizers = [self._optimizer, *([loss_optimizer] if loss_optimizer is not None else [])]
        self._step = TrainStep(
            self.model,
            loss,
            optimizers,
            precision=precision,
            scaler=scaler,
            clip_norm=solver.clip_norm,
            forward=compiled(self.model, precision.device) if solver.compile else None,
        )

    @property
    def best(self) -> Embedder:
        """The model worth validating and keeping: the average, once there is one."""
        if self._average is None or int(self._average.count) == 0:
            return self.model
        return self._average.module

    @property
    def rate(self) -> float:
        """The largest learning rate of the last step."""
        return max(float(group["lr"]) for group in self._optimizer.param_groups)

    def begin_epoch(self, epoch: int) -> None:
        """Set the modes: in the first epochs the backbone may have to stay exactly as it is."""
        self.model.train()
        frozen = epoch < self._solver.freeze_epochs
        for parameter in self._backbone:
            parameter.requires_grad_(not frozen)
        if frozen:
            self.model.backbone.eval()  # its statistics too

    def learn(self, batch: Batch, *, step: int, number: int) -> dict[str, Tensor]:
        """Train on a batch and return the losses.

        Args:
            batch: This process's share of it.
            step: Batches trained on before.
            number: The batch's place in its epoch, from 0.
        """
        set_lr(self._optimizer, self._lr_factor(step))
        group = min(
            self._solver.accumulate,
            self._steps_per_epoch - number + number % self._solver.accumulate,
        )
        losses = self._step(
            batch.images,
            batch.labels,
            batch.side if self.model.uses_side else None,
            share=1 / group,
            update=self.has_updated(number),
        )
        due = self._solver.average == "ema" and self.has_updated(number)
        if self._average is not None and due:
            self._average.update(self.model)
        return losses

    def has_updated(self, number: int) -> bool:
        """Whether the optimizer steps after this batch of an epoch."""
        return (number + 1) % self._solver.accumulate == 0 or number + 1 == self._steps_per_epoch

    def end_epoch(self, epoch: int) -> None:
        """Take the weights that epoch ``epoch`` (from 0) has ended with into their mean."""
        due = self._solver.average == "swa" and epoch >= self._solver.swa_start
        if self._average is not None and due:
            self._average.update(self.model)

    def _lr_factor(self, step: int) -> float:
        return lr_factor(step, self._schedule, steps_per_epoch=self._steps_per_epoch)


def compiled(model: Embedder, device: torch.device) -> Embedder:
    """The model through torch.compile; it shares its weights with the plain one.

    Raises:
        ConfigError: When this machine has no compiler for the code that torch writes.
    """
    if device.type == "cpu" and not any(
        shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++")
    ):
        raise ConfigError(
            "solver.compile is true, but torch.compile needs a C++ compiler on the CPU and found"
            " neither g++ nor clang++; install one or set solver.compile false"
        )
    fast: Embedder = torch.compile(model)  # type: ignore[assignment]
    return fast
