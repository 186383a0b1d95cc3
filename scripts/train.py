"""Train the vehicle models of a recipe: ``python -m scripts.train CONFIG [key value …]``."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vreid.build import build_holdout, build_split
from vreid.cli import recipe_parser
from vreid.config import load_config
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.engine import fit
from vreid.errors import ConfigError, run_command
from vreid.options import Config
from vreid.validate import Evaluate, retrieval


def main(recipe: Path, overrides: Sequence[str] = (), *, members: Sequence[str] = ()) -> list[Path]:
    """Train each member of a recipe, one after the other; finished ones return at once.

    Args:
        recipe: The YAML file.
        overrides: ``key, value, …``.
        members: Names of the members to train; empty for all. A recipe without members is one
            training named ``vehicle``.

    Returns:
        The run directories.
    """
    config = load_config(recipe, overrides)
    names = members or list(config.members) or [""]
    unknown = [name for name in names if name and name not in config.members]
    if unknown:
        raise ConfigError(
            f"{recipe}: no member {unknown[0]!r}; it has {', '.join(config.members) or 'none'}"
        )
    return [train_member(load_config(recipe, overrides, part=name), name) for name in names]


def train_member(config: Config, name: str) -> Path:
    """Train one vehicle model and return its run directory."""
    run_dir = Path(config.output) / config.name / (name or "vehicle")
    split = build_split(config.data)
    print(f"training {run_dir}\n{split!r}")
    samples, evaluate = choose_validation(config, split)
    labels = np.array([sample.pid for sample in samples], dtype=np.int64)
    fit(config, samples, labels, evaluate=evaluate, run_dir=run_dir)
    return run_dir


def choose_validation(config: Config, split: Split) -> tuple[Sequence[Sample], Evaluate | None]:
    """Held-out training vehicles where the recipe asks for them, else the test part if labelled."""
    held_out = build_holdout(config.data, split.train)
    if held_out is not None:
        print(f"validation on held-out training vehicles\n{held_out!r}")
        return held_out.train, retrieval(config, held_out)
    labelled = all(sample.pid != UNKNOWN for sample in (*split.query, *split.gallery))
    if split.query and labelled:
        return split.train, retrieval(config, split)
    return split.train, None


def _command() -> None:
    parser = recipe_parser("scripts.train", __doc__)
    parser.add_argument("--member", action="append", default=[], help="train only this member")
    parsed = parser.parse_intermixed_args()
    main(parsed.config, parsed.overrides, members=parsed.member)


if __name__ == "__main__":
    sys.exit(run_command(_command))
