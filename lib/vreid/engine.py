"""The one trainer: `fit` serves vehicles, cameras and orientations alike.

They differ in one array of labels, the options and the ``evaluate`` callback. A training goes on
after a stop with the same weights, bit for bit on a CPU, as one that was never stopped: the order
of the batches and every augmentation follow from (seed, epoch, position), the learning rate from
the step, and the checkpoint holds the rest.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from vreid.build import build_batches, build_loader, build_model, build_solver, place_model
from vreid.build_losses import build_loss, build_loss_solver
from vreid.checkpoint import Progress, Stateful, load_state, save_model, save_state
from vreid.data.sample import Sample
from vreid.errors import UserError
from vreid.features import IntArray
from vreid.journal import Journal
from vreid.optim import lr_factor, set_lr
from vreid.options import Config
from vreid.precision import Precision, choose_precision
from vreid.runs import (
    choose_device,
    finish_run,
    finished_facts,
    is_finished,
    open_run,
    run_log,
    seed_torch,
)
from vreid.step import TrainStep
from vreid.stopping import stop_requests
from vreid.validate import Evaluate


class TrainingError(UserError):
    """A training that cannot go on."""


def fit(
    config: Config,
    samples: Sequence[Sample],
    labels: IntArray,
    *,
    evaluate: Evaluate | None,
    run_dir: Path,
) -> Path:
    """Train one model.

    Args:
        config: The options of this training.
        samples: N training images.
        labels: (N,) int64, any numbers; they become classes 0..C-1 here, in sorted order.
        evaluate: Called with the model in eval mode after every ``solver.eval_period`` epochs;
            without it the last checkpoint is also the best.
        run_dir: Where the run is written, or goes on; a finished run returns at once.

    Returns:
        The path of ``best.pt``.

    Raises:
        TrainingError: When the loss is not finite; the last good checkpoint stays.
        ConfigError: When the folder holds a run of other options.
    """
    open_run(run_dir, config)
    with run_log(run_dir) as log:
        if is_finished(run_dir):
            log.info("%s is finished: %s", run_dir, finished_facts(run_dir))
            return run_dir / "best.pt"
        _Training(config, samples, labels, evaluate, run_dir, log).run()
    return run_dir / "best.pt"


class _Training:
    """The state of one `fit`."""

    def __init__(
        self,
        config: Config,
        samples: Sequence[Sample],
        labels: IntArray,
        evaluate: Evaluate | None,
        run_dir: Path,
        log: logging.Logger,
    ) -> None:
        classes, self.classes = np.unique(labels, return_inverse=True)
        self.config, self.solver, self.samples = config, config.solver, samples
        self.evaluate, self.run_dir, self.log = evaluate, run_dir, log
        self.device = choose_device(config.device)
        self.precision: Precision = choose_precision(self.device, self.solver.precision)
        seed_torch(self.solver.seed)
        self.model = place_model(config, build_model(config, len(classes)))
        self.optimizer = build_solver(config, self.model)
        loss = build_loss(config.loss, len(classes), dim=self.model.dim).to(self.device)
        loss_optimizer = build_loss_solver(config.loss, loss)
        scaler = self.precision.scaler()
        self.parts: dict[str, Stateful] = {"model": self.model, "optimizer": self.optimizer}
        self.parts |= {"scaler": scaler, "loss": loss}
        if loss_optimizer is not None:
            self.parts["loss_optimizer"] = loss_optimizer
        self.step = TrainStep(
            self.model,
            loss,
            [self.optimizer] if loss_optimizer is None else [self.optimizer, loss_optimizer],
            precision=self.precision,
            scaler=scaler,
            clip_norm=self.solver.clip_norm,
        )
        self.progress = Progress()
        self.steps_per_epoch = len(build_batches(config, self.classes, epoch=0))
        self.stop_requested = False
        self.log.info(
            f"{len(samples)} images of {len(classes)} classes, {self.solver.max_epochs} epochs of"
            f" {self.steps_per_epoch} batches, {self.precision.name} on {self.device}"
        )

    def run(self) -> None:
        last = self.run_dir / "last.pt"
        if last.exists():
            self.progress = load_state(last, self.parts)
            place = (self.progress.epoch, self.progress.step)
            self.log.info("going on after epoch %d, step %d", *place)
        self.journal = Journal(
            self.run_dir,
            self.log,
            step=self.progress.step,
            max_epochs=self.solver.max_epochs,
            steps_per_epoch=self.steps_per_epoch,
        )
        started = time.monotonic()
        try:
            with stop_requests(self._request_stop):
                while self.progress.epoch < self.solver.max_epochs:
                    self._epoch()
        finally:
            self.journal.close()
        facts = {
            "epochs": self.progress.epoch,
            "best_epoch": self.progress.best_epoch,
            "best_score": self.progress.best_score if self.progress.best_epoch else None,
            "seconds_of_last_start": round(time.monotonic() - started, 1),
        }
        finish_run(self.run_dir, facts)
        self.log.info("finished: %s", self.run_dir / "best.pt")

    def _request_stop(self) -> None:
        self.stop_requested = True
        self.log.info("stopping after this batch")

    def _epoch(self) -> None:
        progress = self.progress
        self.model.train()
        loader = build_loader(
            self.config,
            self.samples,
            self.classes,
            epoch=progress.epoch,
            first_batch=progress.batch,
        )
        saved = logged = time.monotonic()
        images_done = 0
        for batch in loader:
            set_lr(self.optimizer, self._lr_factor())
            losses = self.step(batch.images, batch.labels)
            progress.batch += 1
            progress.step += 1
            images_done += len(batch.labels)
            now = time.monotonic()
            ends = progress.batch == self.steps_per_epoch
            if progress.step % self.solver.log_period == 0 or ends:
                values = self._checked(losses)
                lr = max(group["lr"] for group in self.optimizer.param_groups)
                rate = images_done / (now - logged)
                self.journal.train(
                    values, epoch=progress.epoch, step=progress.step, lr=lr, rate=rate
                )
                logged, images_done = now, 0
            if self.stop_requested or (now - saved > self.solver.checkpoint_seconds and not ends):
                self._checked(losses)  # a checkpoint must be worth going on from
                self._save()
                saved = now
            if self.stop_requested:
                raise KeyboardInterrupt
        progress.epoch += 1
        progress.batch = 0
        self._validate()
        self._save()

    def _lr_factor(self) -> float:
        return lr_factor(
            self.progress.step,
            total_steps=self.solver.max_epochs * self.steps_per_epoch,
            warmup_steps=round(self.solver.warmup_epochs * self.steps_per_epoch),
            warmup_factor=self.solver.warmup_factor,
            final_factor=self.solver.final_factor,
        )

    def _checked(self, losses: Mapping[str, torch.Tensor]) -> dict[str, float]:
        values = {name: float(loss) for name, loss in losses.items()}
        if all(math.isfinite(value) for value in values.values()):
            return values
        found = ", ".join(f"{name} {value}" for name, value in values.items())
        last = self.run_dir / "last.pt"
        raise TrainingError(
            f"{self.run_dir}: the loss is not finite in epoch {self.progress.epoch + 1}, step"
            f" {self.progress.step} ({found}); "
            + (f"the last good checkpoint {last} is kept; " if last.exists() else "")
            + f"lower solver.base_lr (now {self.solver.base_lr}), set solver.clip_norm 5 or"
            " solver.precision fp32, in a new output folder"
        )

    def _validate(self) -> None:
        progress, solver = self.progress, self.solver
        last = progress.epoch == solver.max_epochs
        due = last or (solver.eval_period > 0 and progress.epoch % solver.eval_period == 0)
        facts = {"epoch": progress.epoch, "recipe": self.config.name}
        if self.evaluate is None:
            if last:
                save_model(self.run_dir / "best.pt", self.model, facts=facts)
            return
        if not due:
            return
        self.model.eval()
        with torch.random.fork_rng(devices=[]):  # a validation must not move the training's dice
            found = self.evaluate(self.model)
        self.journal.validation(
            found.values, epoch=progress.epoch, step=progress.step, protocol=found.protocol
        )
        if found.score > progress.best_score:
            progress.best_score, progress.best_epoch = found.score, progress.epoch
            save_model(self.run_dir / "best.pt", self.model, facts=facts)

    def _save(self) -> None:
        save_state(self.run_dir / "last.pt", self.parts, progress=self.progress)
