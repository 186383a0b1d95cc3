"""The command line that the verbs of a recipe share: ``CONFIG [key value …]``."""

import argparse
from collections.abc import Sequence
from pathlib import Path


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


def parse_recipe(module: str, description: str | None) -> tuple[Path, Sequence[str]]:
    """Parse a command line of a recipe and overrides alone."""
    arguments = recipe_parser(module, description).parse_intermixed_args()
    return arguments.config, arguments.overrides
