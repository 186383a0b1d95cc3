"""The command line that the verbs of a recipe share: ``CONFIG [key value …]``."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from vreid.config import load_config
from vreid.distributed import process_group
from vreid.errors import DataError, run_command
from vreid.runs import choose_device

MORE = "let finished runs go on to a solver.max_epochs that has grown since"


def recipe_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser for ``python -m MODULE CONFIG [key value …]``; add options to it as needed.

    Parse with ``parse_intermixed_args``: options may stand between the pairs.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="a recipe, such as configs/recipes/toycity.yml")
    parser.add_argument(
        "overrides", nargs="*", metavar="key value", help="options, such as solver.seed 1"
    )
    return parser


def run_recipe(
    module: str, description: str | None, main: Callable[[Path, Sequence[str]], object]
) -> int:
    """Run a verb that takes a recipe and overrides alone, and return its exit code."""
    parsed = recipe_parser(module, description).parse_intermixed_args()
    return run_command(lambda: main(parsed.config, parsed.overrides))


def split_words(
    words: Sequence[str], is_source: Callable[[str], bool], *, wanted: str
) -> tuple[list[Path], list[str]]:
    """Split ``SOURCE … [key value …]``: the first word that is no source begins the pairs.

    Raises:
        DataError: When the first word is no source; ``wanted`` says what is.
    """
    count = next((idx for idx, word in enumerate(words) if not is_source(word)), len(words))
    if count == 0:
        raise DataError(f"{words[0]}: {wanted}")
    return [Path(word) for word in words[:count]], list(words[count:])


class TrainClassifier(Protocol):
    """The training of a classifier."""

    def __call__(self, recipe: Path, overrides: Sequence[str], *, more: bool) -> object:
        """Train; see `vreid.engine.fit` for ``more``."""


def run_classifier(part: str, description: str | None, main: TrainClassifier) -> int:
    """Run the training of a classifier; ``--optional`` passes over recipes that have none.

    The processes of a ``torchrun`` train it together.
    """
    parser = recipe_parser(f"{part}.train", description)
    parser.add_argument(
        "--optional", action="store_true", help=f"do nothing when the recipe has no {part} section"
    )
    parser.add_argument("--more", action="store_true", help=MORE)
    parsed = parser.parse_intermixed_args()

    def command() -> None:
        config = load_config(parsed.config, parsed.overrides)
        with process_group(choose_device(config.device).type):
            if parsed.optional and not getattr(config, part):
                print(f"{parsed.config} has no {part} classifier: nothing to train")
                return
            main(parsed.config, parsed.overrides, more=parsed.more)

    return run_command(command)
