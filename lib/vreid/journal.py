"""The journal of a training: console, log file, ``metrics.jsonl`` and TensorBoard."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from vreid.runs import MetricsFile


class Journal:
    """Writes what a training reports.

    Args:
        run_dir: The run directory.
        log: For the lines that a person reads.
        step: Step the training goes on from; later entries of an earlier start are dropped.
        max_epochs: Epochs in all.
        steps_per_epoch: Batches an epoch.
    """

    def __init__(
        self,
        run_dir: Path,
        log: logging.Logger,
        *,
        step: int,
        max_epochs: int,
        steps_per_epoch: int,
    ) -> None:
        self._log = log
        self._max_epochs = max_epochs
        self._steps_per_epoch = steps_per_epoch
        self._metrics = MetricsFile(run_dir / "metrics.jsonl", step=step)
        self._board = SummaryWriter(str(run_dir / "tensorboard"), purge_step=step + 1)

    def train(
        self, losses: Mapping[str, float], *, epoch: int, step: int, lr: float, rate: float
    ) -> None:
        """Report a training step: ``epoch`` counts from 0, ``rate`` is in images a second."""
        self._log.info(
            "epoch %d/%d step %d/%d %s lr %.1e %.0f img/s",
            epoch + 1,
            self._max_epochs,
            step - epoch * self._steps_per_epoch,
            self._steps_per_epoch,
            " ".join(f"{name} {value:.3f}" for name, value in losses.items()),
            lr,
            rate,
        )
        self._metrics.write(kind="train", epoch=epoch + 1, step=step, lr=lr, **losses)
        self._scalars("train", {**losses, "lr": lr}, step)

    def validation(
        self, values: Mapping[str, float], *, epoch: int, step: int, protocol: str
    ) -> None:
        """Report a validation after ``epoch`` finished epochs, always with its protocol."""
        found = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._log.info("epoch %d validation: %s [%s]", epoch, found, protocol)
        self._metrics.write(kind="eval", epoch=epoch, step=step, protocol=protocol, **values)
        self._scalars("eval", values, step)

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._board.close()

    def _scalars(self, group: str, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._board.add_scalar(f"{group}/{name}", value, step)
