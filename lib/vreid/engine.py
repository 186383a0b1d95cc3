"""The one trainer: `fit` serves vehicles, cameras and orientations alike.

They differ in one array of labels, the options and the ``evaluate`` callback. A training goes on
after a stop with the same weights, bit for bit on a CPU, as one that was never stopped: the order
of the batches and every augmentation follow from (seed, epoch, position), the learning rate from
the step, and the checkpoint holds the rest.
"""

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from vreid.build import build_batches, build_loader, build_loss, build_model
from vreid.checkpoint import Progress, load_state, save_model, save_state
from vreid.data.sample import Sample
from vreid.errors import UserError
from vreid.features import IntArray
from vreid.models.embedder import Embedder
from vreid.optim import build_optimizer, lr_factor, set_lr
from vreid.options import Config
from vreid.precision import Precision, choose_precision
from vreid.runs import (
    MetricsFile,
    choose_device,
    finish_run,
    finished_facts,
    is_finished,
    open_run,
    run_log,
    seed_torch,
)


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        score: Chooses the best checkpoint; larger is better.
        values: Numbers for the log, such as ``{"map": 0.41, "rank1": 0.55}``.
        protocol: The line that says how they were measured.
    """

    score: float
    values: Mapping[str, float]
    protocol: str


Evaluate = Callable[[Embedder], Validation]


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
        self.model = build_model(config, len(classes)).to(self.device)
        if self.solver.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(
            self.model,
            name=self.solver.optimizer,
            lr=self.solver.base_lr,
            weight_decay=self.solver.weight_decay,
            backbone_lr_factor=self.solver.backbone_lr_factor,
            momentum=self.solver.momentum,
        )
        self.scaler = self.precision.scaler()
        self.loss = build_loss(config)
        self.progress = Progress()
        self.steps_per_epoch = len(build_batches(config, self.classes, epoch=0))
        self.stop_requested = False
        self.log.info(
            "%d images of %d classes, %d epochs of %d batches, %s on %s",
            len(samples),
            len(classes),
            self.solver.max_epochs,
            self.steps_per_epoch,
            self.precision.name,
            self.device,
        )

    def run(self) -> None:
        last = self.run_dir / "last.pt"
        if last.exists():
            self.progress = load_state(
                last, model=self.model, optimizer=self.optimizer, scaler=self.scaler
            )
            self.log.info(
                "going on after epoch %d, step %d", self.progress.epoch, self.progress.step
            )
        self.metrics = MetricsFile(self.run_dir / "metrics.jsonl", step=self.progress.step)
        board = SummaryWriter(str(self.run_dir / "tensorboard"), purge_step=self.progress.step + 1)
        started = time.monotonic()
        try:
            with self._stop_on_signal():
                while self.progress.epoch < self.solver.max_epochs:
                    self._epoch(board)
        finally:
            board.close()
        facts = {
            "epochs": self.progress.epoch,
            "best_epoch": self.progress.best_epoch,
            "best_score": self.progress.best_score if self.progress.best_epoch else None,
            "seconds_of_last_start": round(time.monotonic() - started, 1),
        }
        finish_run(self.run_dir, facts)
        self.log.info("finished: %s", self.run_dir / "best.pt")

    def _epoch(self, board: SummaryWriter) -> None:
        epoch, progress = self.progress.epoch, self.progress
        self.model.train()
        loader = build_loader(
            self.config, self.samples, self.classes, epoch=epoch, first_batch=progress.batch
        )
        saved = logged = time.monotonic()
        images_done = 0
        for batch in loader:
            losses = self._step(batch.images, batch.labels)
            progress.batch += 1
            progress.step += 1
            images_done += len(batch.labels)
            now = time.monotonic()
            ends = progress.batch == self.steps_per_epoch
            if progress.step % self.solver.log_period == 0 or ends:
                values = self._checked(losses)
                self._log_step(values, images_done / (now - logged), board)
                logged, images_done = now, 0
            if self.stop_requested or (now - saved > self.solver.checkpoint_seconds and not ends):
                self._checked(losses)  # a checkpoint must be worth going on from
                self._save()
                saved = now
            if self.stop_requested:
                raise KeyboardInterrupt
        progress.epoch += 1
        progress.batch = 0
        self._validate(board)
        self._save()

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        factor = lr_factor(
            self.progress.step,
            total_steps=self.solver.max_epochs * self.steps_per_epoch,
            warmup_steps=round(self.solver.warmup_epochs * self.steps_per_epoch),
            warmup_factor=self.solver.warmup_factor,
            final_factor=self.solver.final_factor,
        )
        set_lr(self.optimizer, factor)
        images = images.to(self.device, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        with self.precision.autocast():
            losses = self.loss(self.model(images), labels)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self.scaler.scale(losses["total"]))
        self.scaler.unscale_(self.optimizer)
        self._clip()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return {name: loss.detach() for name, loss in losses.items()}

    def _clip(self) -> None:
        if self.solver.clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.solver.clip_norm)

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

    def _log_step(self, values: Mapping[str, float], rate: float, board: SummaryWriter) -> None:
        lr = max(group["lr"] for group in self.optimizer.param_groups)
        progress = self.progress
        self.log.info(
            "epoch %d/%d step %d/%d %s lr %.1e %.0f img/s",
            progress.epoch + 1,
            self.solver.max_epochs,
            progress.batch,
            self.steps_per_epoch,
            " ".join(f"{name} {value:.3f}" for name, value in values.items()),
            lr,
            rate,
        )
        self.metrics.write(
            kind="train", epoch=progress.epoch + 1, step=progress.step, lr=lr, **values
        )
        for name, value in {**values, "lr": lr}.items():
            board.add_scalar(f"train/{name}", value, progress.step)

    def _validate(self, board: SummaryWriter) -> None:
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
        self.log.info(
            "epoch %d validation: %s [%s]",
            progress.epoch,
            ", ".join(f"{name} {value:.4g}" for name, value in found.values.items()),
            found.protocol,
        )
        self.metrics.write(
            kind="eval",
            epoch=progress.epoch,
            step=progress.step,
            protocol=found.protocol,
            **found.values,
        )
        for name, value in found.values.items():
            board.add_scalar(f"eval/{name}", value, progress.step)
        if found.score > progress.best_score:
            progress.best_score, progress.best_epoch = found.score, progress.epoch
            save_model(self.run_dir / "best.pt", self.model, facts=facts)

    def _save(self) -> None:
        save_state(
            self.run_dir / "last.pt",
            model=self.model,
            optimizer=self.optimizer,
            scaler=self.scaler,
            progress=self.progress,
        )

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop after the batch under way, with a checkpoint."""

        def request(number: int, frame: FrameType | None) -> None:
            self.stop_requested = True
            self.log.info("stopping after this batch")

        old = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
