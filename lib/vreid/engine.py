"""The one trainer: `fit` serves vehicles, cameras and orientations alike.

They differ in one array of labels, the options and the ``evaluate`` callback. A training goes on
after a stop with the same weights, bit for bit on a CPU, as one that was never stopped: the order
of the batches and every augmentation follow from (seed, epoch, position), the learning rate from
the step, and the checkpoint holds the rest.

Under torchrun every process trains on its share of each batch and holds the same weights; the first
one alone writes. The losses are those of one process with the whole batch, but for drop-out and
MixStyle, whose dice each process throws for itself (and throws anew after a stop).
"""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from vreid.build import build_batches, build_loader
from vreid.build_swap import build_swap
from vreid.checkpoint import Progress, load_state, save_state
from vreid.data.joined import synthetic_mask
from vreid.data.relabel import relabel
from vreid.data.sample import Sample
from vreid.distributed import (
    any_true,
    barrier,
    is_main,
    local_device,
    process_group,
    rank,
    world_size,
)
from vreid.features import IntArray
from vreid.finite import finite_losses
from vreid.journal import Journal
from vreid.keeper import Keeper
from vreid.learner import Learner
from vreid.options import Config
from vreid.precision import choose_precision
from vreid.runs import (
    choose_device,
    finish_run,
    finished_facts,
    is_finished,
    open_run,
    run_log,
    seed_torch,
)
from vreid.stopping import stop_requests
from vreid.validate import Evaluate


def fit(
    config: Config,
    samples: Sequence[Sample],
    labels: IntArray,
    *,
    evaluate: Evaluate | None,
    run_dir: Path,
    more: bool = False,
    mirrored: IntArray | None = None,
) -> Path:
    """Train one model.

    Args:
        config: The options of this training.
        samples: N training images.
        labels: (N,) int64, any numbers; they become classes 0..C-1 here, in sorted order.
        evaluate: Called with the model in eval mode after every ``solver.eval_period`` epochs;
            without it the last checkpoint is also the best.
        run_dir: Where the run is written, or goes on; a finished run returns at once.
        more: Let a run of fewer ``solver.max_epochs`` go on to as many as there are now.
        mirrored: (N,) labels of the images when ``input.flip`` mirrors them, None for the same; the
            classes are then those of both.

    Returns:
        The path of ``best.pt``.

    Raises:
        TrainingError: When the loss is not finite; the last good checkpoint stays.
        ConfigError: When the folder holds a run of other options.
    """
    with process_group(choose_device(config.device).type):
        if is_main():
            open_run(run_dir, config, more=more)
        barrier()
        with run_log(run_dir if is_main() else None, quiet=not is_main()) as log:
            if is_finished(run_dir):
                log.info("%s is finished: %s", run_dir, finished_facts(run_dir))
                return run_dir / "best.pt"
            _Training(config, samples, labels, mirrored, evaluate, run_dir, log).run()
        barrier()
    return run_dir / "best.pt"


class _Training:
    """The state of one `fit`."""

    def __init__(
        self,
        config: Config,
        samples: Sequence[Sample],
        labels: IntArray,
        mirrored: IntArray | None,
        evaluate: Evaluate | None,
        run_dir: Path,
        log: logging.Logger,
    ) -> None:
        num_classes, self.classes, self.mirrored = relabel(labels, mirrored)
        self.config, self.solver, self.samples = config, config.solver, samples
        self.evaluate, self.run_dir, self.log = evaluate, run_dir, log
        device = local_device(choose_device(config.device))
        precision = choose_precision(device, self.solver.precision)
        seed_torch(self.solver.seed)
        batches = build_batches(config, self.classes, synthetic_mask(samples), epoch=0)
        self.steps_per_epoch = len(batches)
        self.learner = Learner(
            config,
            num_classes,
            np.array([sample.camid for sample in samples], dtype=np.int64),
            precision=precision,
            steps_per_epoch=self.steps_per_epoch,
        )
        best_of, period = self.solver.best_of, self.solver.keep_period
        self.keeper = Keeper(run_dir, recipe=config.name, best_of=best_of, period=period)
        self.progress = Progress()
        self.stop_requested = False
        self.swap = build_swap(config, samples)
        self.log.info(
            f"{len(samples)} images of {num_classes} classes, {self.solver.max_epochs} epochs of"
            f" {self.steps_per_epoch} batches, {precision.name} on {precision.device}"
            + (f", {world_size()} processes" if world_size() > 1 else "")
        )
        if self.swap is not None:
            self.log.info(self.swap.describe())

    def run(self) -> None:
        last = self.run_dir / "last.pt"
        if last.exists():
            self.progress = load_state(last, self.learner.parts)
            self.log.info(f"going on after epoch {self.progress.epoch}, step {self.progress.step}")
        for note in self.learner.notes:
            self.log.info(note)
        if rank() > 0:  # else its drop-out would leave out the same places as the first one's
            seed_torch(self.solver.seed, rank(), self.progress.step)
        self.journal = None
        if is_main():
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
            if self.journal is not None:
                self.journal.close()
        facts = {
            "epochs": self.progress.epoch,
            "best_epoch": self.progress.best_epoch,
            "best_score": self.progress.best_score if self.progress.best_epoch else None,
            "seconds_of_last_start": round(time.monotonic() - started, 1),
        }
        if is_main():
            finish_run(self.run_dir, facts)
        self.log.info("finished: %s", self.run_dir / "best.pt")

    def _request_stop(self) -> None:
        self.stop_requested = True
        self.log.info("stopping after this batch")

    def _epoch(self) -> None:
        progress = self.progress
        self.learner.begin_epoch(progress.epoch)
        loader = build_loader(
            self.config,
            self.samples,
            self.classes,
            epoch=progress.epoch,
            first_batch=progress.batch,
            swap=self.swap,
            mirrored=self.mirrored,
        )
        saved = logged = time.monotonic()
        images_done = 0
        for batch in loader:
            losses = self.learner.learn(batch, step=progress.step, number=progress.batch)
            progress.batch += 1
            progress.step += 1
            images_done += world_size() * len(batch.labels)
            now = time.monotonic()
            ends = progress.batch == self.steps_per_epoch
            if progress.step % self.solver.log_period == 0 or ends:
                self._report(self._checked(losses), rate=images_done / (now - logged))
                logged, images_done = now, 0
            stops = any_true(self.stop_requested)  # the processes must stop at the same step
            wanted = stops or (now - saved > self.solver.checkpoint_seconds and not ends)
            if wanted and self.learner.has_updated(progress.batch - 1):
                self._checked(losses)  # a checkpoint must be worth going on from
                self._save()
                saved = now
                if stops:
                    barrier()  # torchrun ends the others once one has left
                    raise KeyboardInterrupt
        self.learner.end_epoch(progress.epoch)
        progress.epoch += 1
        progress.batch = 0
        self.keeper.epoch_ended(self.learner.best, progress.epoch)
        self._validate()
        self._save()

    def _report(self, losses: Mapping[str, float], *, rate: float) -> None:
        if self.journal is not None:
            epoch, step, lr = self.progress.epoch, self.progress.step, self.learner.rate
            self.journal.train(losses, epoch=epoch, step=step, lr=lr, rate=rate)

    def _checked(self, losses: Mapping[str, torch.Tensor]) -> dict[str, float]:
        place = f"epoch {self.progress.epoch + 1}, step {self.progress.step}"
        last = self.run_dir / "last.pt"
        return finite_losses(losses, last=last, place=place, solver=self.solver)

    def _validate(self) -> None:
        progress, solver = self.progress, self.solver
        last = progress.epoch == solver.max_epochs
        due = last or (solver.eval_period > 0 and progress.epoch % solver.eval_period == 0)
        model = self.learner.best
        if self.evaluate is None and last:
            self.keeper.keep("best", model, progress.epoch)
        if self.evaluate is None or not due:
            return
        model.eval()
        with torch.random.fork_rng(devices=[]):  # a validation must not move the training's dice
            found = self.evaluate(model)
        if self.journal is not None:
            self.journal.validation(
                found.values, epoch=progress.epoch, step=progress.step, protocol=found.protocol
            )
        self.keeper.validated(model, found.score, found.values, progress)

    def _save(self) -> None:
        if is_main():
            save_state(self.run_dir / "last.pt", self.learner.parts, progress=self.progress)
