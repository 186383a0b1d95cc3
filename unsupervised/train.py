"""Adapt vehicle models to the target: ``python -m unsupervised.train CONFIG [key value …]``.

The second stage of the winner of the AI City Challenge 2021: the images of query and gallery are
clustered, without their identities, and the trained model is trained on the clusters for a short
while. The run of member NAME becomes NAME-adapted, an ordinary run beside it.

This trains on the images of the test, so it is off until ``adapt.enabled true``. What challenges
allow differs from year to year: in the AI City Challenge the winner of 2021 and the third of 2020
trained on labels they had found for test images as this program does, labels made by hand were
forbidden, and later rules discourage any use of test images. Read the rules of yours first, and say
of a result that it was adapted: results with and without are not comparable.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from unsupervised.cluster import pseudo_labels
from unsupervised.record import is_recorded, read_labels, write_labels
from unsupervised.report import compare_with_truth, describe_labels, true_pids, write_found
from unsupervised.settings import settings_of
from unsupervised.start import write_start
from unsupervised.target import target_features
from vreid.build_data import build_split
from vreid.cli import recipe_parser
from vreid.clusters import cluster_means
from vreid.config import load_config
from vreid.data.sample import UNKNOWN, Split
from vreid.distributed import barrier, is_main, process_group
from vreid.engine import fit
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import hash_file
from vreid.options import AdaptOptions, Config
from vreid.runs import choose_device, is_finished

_TRAINING = ("optimizer", "base_lr", "max_epochs", "ims_per_batch", "num_instance")
_ELSEWHERE = ("enabled", "source", "suffix", "rounds", *_TRAINING)  # what labels do not depend on


def main(recipe: Path, overrides: Sequence[str] = (), *, members: Sequence[str] = ()) -> list[Path]:
    """Adapt each member of a recipe to its query and gallery, one after the other.

    Args:
        recipe: The YAML file. Its data set is the target; ``adapt.source`` names the folder of the
            runs when they were trained by another recipe.
        overrides: ``key, value, …``.
        members: Names of the members to adapt; empty for all.

    Returns:
        The run directories.

    Raises:
        ConfigError: While ``adapt.enabled`` is false, and for a member that the recipe lacks.
        DataError: When a source run is not finished, or too few vehicles are found.
    """
    config = load_config(recipe, overrides)
    if not config.adapt.enabled:
        raise ConfigError(
            f"{recipe}: adapt.enabled is false; adapting trains on the test's images, so set"
            " adapt.enabled true where the rules allow that"
        )
    names = list(members) or list(config.members) or [""]
    unknown = [name for name in names if name and name not in config.members]
    if unknown:
        known = ", ".join(config.members) or "none"
        raise ConfigError(f"{recipe}: no member {unknown[0]!r}; it has {known}")
    with process_group(choose_device(config.device).type):
        split = build_split(config.data)
        return [
            adapt_member(load_config(recipe, overrides, part=name), name, split, config.adapt)
            for name in names
        ]


def adapt_member(config: Config, name: str, split: Split, shared: AdaptOptions) -> Path:
    """Adapt one model in as many rounds as asked for and return its run directory.

    Args:
        config: The member's options; what is in its own ``adapt`` holds for it.
        name: Of the member; empty for the model of a recipe without members.
        split: The target.
        shared: The recipe's own ``adapt``, which names the runs of all members.
    """
    name = name or "vehicle"
    base = Path(config.output) / config.name
    source = Path(shared.source or base) / name
    run_dir = base / f"{name}-{shared.suffix}"
    for number in range(1, config.adapt.rounds + 1):
        last = number == config.adapt.rounds
        target = run_dir if last else run_dir / "rounds" / str(number)
        print(f"adapting {source} to {split.name}, round {number} of {config.adapt.rounds}")
        source = _adapt_once(config, source, split, target)
    return run_dir


def _adapt_once(config: Config, source: Path, split: Split, run_dir: Path) -> Path:
    """Cluster the target with one run and train on the clusters as another, which is returned."""
    weights = source / f"{config.test.checkpoint}.pt"
    if not is_finished(source) or not weights.exists():
        raise DataError(f"the run {source} is not finished; train it first")
    samples = (*split.query, *split.gallery)
    names = [sample.name for sample in samples]
    inputs = _inputs(config.adapt, weights)
    begun = is_finished(run_dir) or (run_dir / "start.pt").exists()
    ready = is_recorded(run_dir, inputs) and begun
    barrier()  # all have looked before the first one writes
    settings = settings_of(config, config.adapt, start=run_dir / "start.pt")
    if not ready:
        query, gallery = target_features(config, weights, split, run_dir / "target")
        if is_main():
            labels = pseudo_labels(query, gallery, config.adapt)
            means = cluster_means(np.concatenate([query.feats, gallery.feats]), labels)
            write_start(run_dir / "start.pt", settings, weights=weights, means=means)
            write_labels(run_dir, names, labels, inputs)
        barrier()
    labels = read_labels(run_dir, names)
    print(describe_labels(labels))
    pids = true_pids(samples, config.test.truth)
    print(compare_with_truth(labels, pids))
    if is_main():
        write_found(run_dir, labels, pids)
    kept = np.flatnonzero(labels != UNKNOWN)
    trained_on = [replace(samples[idx], pid=UNKNOWN) for idx in kept]  # by labels, not by truth
    fit(settings, trained_on, labels[kept], evaluate=None, run_dir=run_dir)
    if is_main():
        (run_dir / "start.pt").unlink(missing_ok=True)  # as large as best.pt, and not needed again
    return run_dir


def _inputs(options: AdaptOptions, weights: Path) -> dict[str, Any]:
    """What the labels follow from, besides the images; as plain as it is in a file."""
    chosen = {
        key: [list(one) for one in value] if key == "groups" else value
        for key, value in asdict(options).items()
        if key not in _ELSEWHERE
    }
    return {"source": str(weights), "weights_sha256": hash_file(weights), **chosen}


def _command() -> None:
    parser = recipe_parser("unsupervised.train", __doc__)
    parser.add_argument("--member", action="append", default=[], help="adapt only this member")
    parser.add_argument(
        "--optional", action="store_true", help="do nothing while adapt.enabled is false"
    )
    parsed = parser.parse_intermixed_args()
    if parsed.optional and not load_config(parsed.config, parsed.overrides).adapt.enabled:
        print(f"{parsed.config}: adapt.enabled is false: nothing to adapt")
        return
    main(parsed.config, parsed.overrides, members=parsed.member)


if __name__ == "__main__":
    sys.exit(run_command(_command))
