"""Which weights of a training are kept as files: the best ones, and those of certain epochs."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from vreid.checkpoint import Progress, save_model
from vreid.distributed import is_main
from vreid.errors import ConfigError


class Keeper:
    """Keeps weights in a run directory; under torchrun only the main process writes.

    - ``best.pt``: the highest score of a validation, or the last where there is none.
    - ``best_<name>.pt``: the highest value of that number, for each name in ``best_of``.
    - ``epoch_<n>.pt``: every ``period`` epochs.

    Args:
        run_dir: The run directory.
        recipe: Name of the recipe, a fact in each file.
        best_of: Names of numbers that a validation gives, larger is better, such as ``rank1``.
        period: Epochs between weights that are kept in any case; 0 for none.
    """

    def __init__(
        self, run_dir: Path, *, recipe: str, best_of: tuple[str, ...], period: int
    ) -> None:
        self._run_dir, self._recipe = run_dir, recipe
        self._best_of, self._period = best_of, period

    def epoch_ended(self, model: nn.Module, epoch: int) -> None:
        """Keep the weights after ``epoch`` finished epochs, where they are to be kept."""
        if self._period and epoch % self._period == 0:
            self.keep(f"epoch_{epoch}", model, epoch)

    def validated(
        self, model: nn.Module, score: float, values: Mapping[str, float], progress: Progress
    ) -> None:
        """Keep the weights that are better than those before, and note it in the progress.

        Raises:
            ConfigError: When the validation does not give a number whose best is to be kept.
        """
        for name in self._best_of:
            if name not in values:
                raise ConfigError(
                    f"solver.best_of names {name!r}, which this validation does not give; it gives"
                    f" {', '.join(values)}"
                )
            if values[name] > progress.best_values.get(name, float("-inf")):
                progress.best_values[name] = values[name]
                self.keep(f"best_{name}", model, progress.epoch)
        if score > progress.best_score:
            progress.best_score, progress.best_epoch = score, progress.epoch
            self.keep("best", model, progress.epoch)

    def keep(self, name: str, model: nn.Module, epoch: int) -> None:
        """Write ``<name>.pt``."""
        if is_main():
            facts = {"epoch": epoch, "recipe": self._recipe}
            save_model(self._run_dir / f"{name}.pt", model, facts=facts)
