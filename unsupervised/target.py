"""Features of the target's queries and gallery with the model that is to be adapted.

They are taken from the run where `scripts.extract` has left them and they are still true, that is,
were made of these images by these weights; else they are made here.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vreid.data.fingerprint import fingerprint
from vreid.data.sample import Sample, Split
from vreid.distributed import barrier, is_main, local_device
from vreid.extract import extract, remove_parts
from vreid.features import Features
from vreid.files import hash_file
from vreid.options import Config
from vreid.precision import choose_precision
from vreid.runs import choose_device
from vreid.trained import restore

PARTS = ("query", "gallery")


def target_features(
    config: Config, weights: Path, split: Split, folder: Path
) -> tuple[Features, Features]:
    """Features behind the neck, where the classifier will look at them, of queries and gallery.

    Args:
        config: The member's options.
        weights: Its checkpoint.
        split: The target.
        folder: Where features made here are kept.
    """
    sides = {"query": split.query, "gallery": split.gallery}
    query, gallery = (_part(config, weights, part, sides[part], folder) for part in PARTS)
    return query, gallery


def _part(
    config: Config, weights: Path, part: str, samples: Sequence[Sample], folder: Path
) -> Features:
    meta = {
        "weights_sha256": hash_file(weights),
        "images_sha256": fingerprint(samples),
        "flip": config.test.flip,
        "size": list(config.input.size),
    }
    made_by_extract = weights.parent / "features" / f"{part}.npz"
    known = [made_by_extract] if config.model.retrieval_feat == "feat_bn" else []
    for path in (folder / f"{part}.npz", *known):
        if path.exists() and _is_current(found := Features.load(path), samples, meta):
            print(f"{path}: up to date")
            return found
    barrier()  # before anyone writes what another may still look at
    options = replace(config, model=replace(config.model, retrieval_feat="feat_bn"))
    device = local_device(choose_device(config.device))
    features = extract(
        restore(options, weights),
        samples,
        size=config.input.size,
        batch_size=config.test.batch_size,
        flip=config.test.flip,
        precision=choose_precision(device, config.solver.precision),
        workers=config.solver.num_workers,
        meta=meta,
        parts=folder / "parts",
        title=f"{weights.parent.name} {part}",
    )
    if is_main():
        features.save(folder / f"{part}.npz")
        remove_parts(folder / "parts")
    return features


def _is_current(found: Features, samples: Sequence[Sample], meta: dict[str, Any]) -> bool:
    names = tuple(sample.name for sample in samples)
    whole = "views" not in found.meta  # one look at the whole image, as training has
    return whole and found.names == names and all(found.meta.get(key) == meta[key] for key in meta)
