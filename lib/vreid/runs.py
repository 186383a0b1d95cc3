"""The run directory of one training: configuration, log, metrics, checkpoints.

``runs/<recipe>/<member>/{config.yml, log.txt, metrics.jsonl, last.pt, best.pt, finished.json}``
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vreid.config import diff_configs, dump_config, load_config
from vreid.errors import ConfigError
from vreid.files import read_json, write_json, write_text
from vreid.options import Config

# These say how a run is carried out, not what it computes: they may change between two starts.
_FREE_KEYS = (
    "output",
    "device",
    "solver.num_workers",
    "solver.log_period",
    "solver.checkpoint_seconds",
    "solver.best_of",
    "solver.keep_period",
    "test.",
    "fusion.",
    "rerank.",
    "chain",
    "adapt.",
)


def open_run(run_dir: Path, config: Config, *, more: bool = False) -> None:
    """Make the run directory, or see that it holds a run of the same configuration.

    Args:
        run_dir: The folder.
        config: The options.
        more: Whether a run of fewer epochs may go on to ``solver.max_epochs``.

    Raises:
        ConfigError: When it holds a run of another one, with the differences.
    """
    written = run_dir / "config.yml"
    if written.exists() and (run_dir / "last.pt").exists():
        old = load_config(written)
        longer = config.solver.max_epochs > old.solver.max_epochs
        free = (*_FREE_KEYS, "solver.max_epochs") if more and longer else _FREE_KEYS
        differences = [line for line in diff_configs(old, config) if not line.startswith(free)]
        if differences:
            hint = " (--more trains it for more epochs)" if longer and not more else ""
            raise ConfigError(
                f"{run_dir} holds a run with other options ({'; '.join(differences)});"
                f" remove that folder or choose another with output DIR{hint}"
            )
        if more and longer:
            (run_dir / "finished.json").unlink(missing_ok=True)
    write_text(written, dump_config(config))


def is_finished(run_dir: Path) -> bool:
    """Whether the training of this run has ended."""
    return (run_dir / "finished.json").exists()


def finish_run(run_dir: Path, facts: Mapping[str, Any]) -> None:
    """Mark the run as ended, with facts about it."""
    write_json(run_dir / "finished.json", dict(facts))


def finished_facts(run_dir: Path) -> dict[str, Any]:
    """The facts of `finish_run`."""
    return dict(read_json(run_dir / "finished.json"))


@contextmanager
def run_log(run_dir: Path | None, *, quiet: bool = False) -> Iterator[logging.Logger]:
    """Log to the console and, for a run, to its ``log.txt``; the handlers go with the block.

    Args:
        run_dir: The run's folder; None for the console alone.
        quiet: Log nothing at all, as all processes but the first do.
    """
    logger = logging.getLogger("vreid")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    console = logging.NullHandler() if quiet else logging.StreamHandler(sys.stdout)
    handlers: list[logging.Handler] = [console]
    if run_dir is not None:
        run_dir.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(run_dir / "log.txt", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
        logger.addHandler(handler)
    try:
        yield logger
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class MetricsFile:
    """``metrics.jsonl``: one JSON object a line, each with its ``step``."""

    def __init__(self, path: Path, *, step: int) -> None:
        """Open for appending; lines after ``step`` (from a run cut off later) are dropped."""
        self.path = path
        kept = [line for line in read_metrics(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))

    def write(self, **values: Any) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file; a torn last line is left out, a missing file is empty."""
    lines: list[dict[str, Any]] = []
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break
    return lines


def seed_torch(seed: int, *more: int) -> None:
    """Seed torch's global generator, from which new models and drop-out draw.

    Further numbers, such as that of a process, give another seed.
    """
    state = np.random.SeedSequence([seed, *more]).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state) if more else seed)


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one.

    Raises:
        ConfigError: When CUDA is asked for and there is none, or for an unknown name.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device is {name!r}; auto, cpu or cuda is needed") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device is {name!r}, but torch finds no CUDA device; use cpu")
    return device


def device_of(run_dir: Path, overrides: Sequence[str]) -> str:
    """Kind of the device that a run computes on; a run that is not there is found out later."""
    file = run_dir / "config.yml"
    return choose_device(load_config(file, overrides).device if file.exists() else "cpu").type
