"""UNIT's training: a run directory that goes on, bit for bit on a CPU, where it was stopped.

``<output>/<name>/{config.yml, images.json, log.txt, metrics.jsonl, last.pt, sheets/}``
"""

import logging
import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from synthetic_aug.translated import digest_of
from synthetic_aug.unit.images import DomainImages, split_folder, to_unit_range
from synthetic_aug.unit.learner import UnitLearner
from synthetic_aug.unit.options import UnitOptions, differences, dump_options, load_options
from synthetic_aug.unit.sheet import write_samples
from vreid.checkpoint import Progress, load_state, save_state
from vreid.errors import ConfigError, DataError, UserError
from vreid.files import read_json, write_json, write_text
from vreid.precision import choose_precision
from vreid.runs import MetricsFile, choose_device, run_log
from vreid.stopping import stop_requests

_DOMAINS = ("source", "target")


def train(options: UnitOptions) -> Path:
    """Train, or go on with a training that was stopped, and return its run directory.

    Raises:
        ConfigError: When ``source`` or ``target`` is not given, or the directory holds a run of
            other options.
        DataError: When a folder is empty or has changed since the start, or an image cannot be
            read.
        UserError: When the loss is not finite any more.
        KeyboardInterrupt: When it was asked to stop; a checkpoint was written.
    """
    for key in _DOMAINS:
        if not getattr(options, key):
            raise ConfigError(f"{key} is empty; give a folder of images: {key} FOLDER")
    run_dir = options.run_dir
    _open(run_dir, options)
    with run_log(run_dir) as log, ThreadPoolExecutor(options.workers) as pool:
        _Training(options, run_dir, log, pool).run()
    return run_dir


def _open(run_dir: Path, options: UnitOptions) -> None:
    written = run_dir / "config.yml"
    if written.exists() and (run_dir / "last.pt").exists():
        changed = differences(load_options(written), options)
        if changed:
            raise ConfigError(
                f"{run_dir} holds a run with other options ({'; '.join(changed)}); remove that"
                " folder or choose another with name NAME"
            )
    facts = {}
    for key in _DOMAINS:
        folder = Path(getattr(options, key))
        kept, out = split_folder(folder, held_out=options.held_out, seed=options.seed)
        names = sorted(path.name for path in (*kept, *out))
        facts[key] = {"trained_on": len(kept), "held_out": len(out)}
        facts[key]["files"] = digest_of(folder, names)  # type: ignore[assignment]
    record = run_dir / "images.json"
    if (run_dir / "last.pt").exists() and record.exists() and read_json(record) != facts:
        raise DataError(
            f"{record}: the images in {options.source} or {options.target} have changed since this"
            " run began; put them back, or begin another run with name NAME"
        )
    write_json(record, facts)
    write_text(written, dump_options(options))


class _Training:
    """The state of one `train`."""

    def __init__(
        self, options: UnitOptions, run_dir: Path, log: logging.Logger, pool: ThreadPoolExecutor
    ) -> None:
        self.options, self.run_dir, self.log = options, run_dir, log
        precision = choose_precision(choose_device(options.device), options.precision)
        self.device = precision.device
        self.learner = UnitLearner(options, precision)
        self.domains = []
        for number, key in enumerate(_DOMAINS):
            folder = Path(getattr(options, key))
            kept, out = split_folder(folder, held_out=options.held_out, seed=options.seed)
            images = DomainImages(
                kept,
                size=options.size,
                flip=options.flip,
                seed=(options.seed, number),
                cache_bytes=options.cache_mb * 2**20 // 2,
                pool=pool,
            )
            self.domains.append(images)
            log.info("%s %s: %d images, %d held out", key, folder, len(kept), len(out))
        counts = [
            sum(p.numel() for p in part.parameters()) / 1e6
            for part in (self.learner.net, self.learner.critics)
        ]
        log.info("%.2f M parameters, %.2f M of discriminators", *counts)
        log.info("%s on %s", precision.name, self.device)
        self.progress = Progress()
        self.stop_requested = False

    def run(self) -> None:
        last, options = self.run_dir / "last.pt", self.options
        if last.exists():
            self.progress = load_state(last, self.learner.parts)
            self.log.info("going on after step %d of %d", self.progress.step, options.steps)
        metrics = MetricsFile(self.run_dir / "metrics.jsonl", step=self.progress.step)
        logged, saved = (time.monotonic(), self.progress.step), self.progress.step
        with stop_requests(self._request_stop), ThreadPoolExecutor(1) as ahead:
            waiting = ahead.submit(self._batches, self.progress.step)
            while self.progress.step < options.steps:
                losses = self._step(waiting)
                step = self.progress.step
                if step < options.steps:
                    waiting = ahead.submit(self._batches, step)
                ends = step == options.steps
                due = ends or self.stop_requested or step % options.checkpoint_every == 0
                if due or step % options.log_every == 0:
                    values = self._checked(losses)
                    rate = (step - logged[1]) / max(1e-9, time.monotonic() - logged[0])
                    self._report(values, rate * options.batch_size, metrics)
                    logged = (time.monotonic(), step)
                if ends or step % options.sheet_every == 0:
                    self._sheet()
                if due:
                    save_state(last, self.learner.parts, progress=self.progress)
                    saved = step
                if self.stop_requested and not ends:
                    self.log.info("stopped after step %d; the same command goes on", saved)
                    raise KeyboardInterrupt
        self.log.info("finished: %s", last)
        self.log.info(
            "next: python -m synthetic_aug.translate apply %s %s --out FOLDER",
            self.run_dir,
            options.source,
        )

    def _request_stop(self) -> None:
        self.stop_requested = True
        self.log.info("stopping after this step")

    def _batches(self, step: int) -> tuple[Tensor, Tensor]:
        size = self.options.batch_size
        return self.domains[0].batch(step, size), self.domains[1].batch(step, size)

    def _step(self, waiting: "Future[tuple[Tensor, Tensor]]") -> Mapping[str, Tensor]:
        source, target = (to_unit_range(images, self.device) for images in waiting.result())
        losses = self.learner.learn(source, target, step=self.progress.step)
        self.progress.step += 1
        return losses

    def _checked(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        values = {name: float(loss) for name, loss in losses.items()}
        if all(math.isfinite(value) for value in values.values()):
            return values
        found = ", ".join(f"{name} {value}" for name, value in values.items())
        raise UserError(
            f"{self.run_dir}: the loss is not finite in step {self.progress.step} ({found}); lower"
            f" lr (now {self.options.lr}) or set precision fp32, in a run of another name"
        )

    def _report(self, values: Mapping[str, float], rate: float, metrics: MetricsFile) -> None:
        step, lr = self.progress.step, self.learner.rate(self.progress.step - 1)
        words = " ".join(f"{name} {value:.3f}" for name, value in values.items())
        place = f"step {step}/{self.options.steps}"
        self.log.info("%s %s lr %.1e %.1f img/s", place, words, lr, rate)
        metrics.write(step=step, lr=lr, images_per_second=round(rate, 1), **values)

    def _sheet(self) -> None:
        path = self.run_dir / "sheets" / f"step-{self.progress.step:06d}.jpg"
        with torch.inference_mode(), self.learner.precision.autocast():
            write_samples(
                path,
                self.learner.net,
                [domain.paths for domain in self.domains],
                options=self.options,
                device=self.device,
            )
