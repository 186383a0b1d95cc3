"""From images to `Features`, in parts that survive a stop."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from vreid.data.loader import extract_loader
from vreid.data.sample import Sample
from vreid.distance import normalize
from vreid.errors import DataError
from vreid.features import Features, FloatArray
from vreid.files import hash_text
from vreid.models.embedder import Embedder, embed
from vreid.precision import Precision

PART_SIZE = 2048  # images a part: about a minute of a large network on two cores


def extract(
    model: Embedder,
    samples: Sequence[Sample],
    *,
    size: tuple[int, int],
    batch_size: int,
    flip: bool,
    precision: Precision,
    workers: int = 0,
    meta: Mapping[str, Any] | None = None,
    parts: Path | None = None,
    title: str = "extract",
) -> Features:
    """Embed images with a model in eval mode; rows are L2-normalised.

    Args:
        model: On its device.
        samples: N images; their order is the order of the rows.
        size: Height and width in pixels.
        batch_size: Images a forward pass.
        flip: Whether to average with the mirror image's feature before normalising.
        precision: See `vreid.precision`.
        workers: Processes that decode images.
        meta: Facts for the file.
        parts: Folder for finished parts, so that a stopped extraction goes on; removed at the end.
        title: Of the progress bar.

    Returns:
        N rows; (N, D) float32.

    Raises:
        DataError: When there are no images or one of them cannot be read.
    """
    if not samples:
        raise DataError(f"{title}: there are no images to extract features from")
    was_training = model.training
    model.eval()
    pieces: list[FloatArray] = []
    facts = {**(meta or {}), "normalized": True, "flip": flip, "size": list(size)}
    bar = tqdm(total=len(samples), desc=title, unit="img", disable=None, leave=False)
    for first in range(0, len(samples), PART_SIZE):
        chunk = samples[first : first + PART_SIZE]
        path = None if parts is None else parts / f"{_key(facts, chunk)}.npz"
        if path is not None and path.exists():
            pieces.append(Features.load(path).feats)
            bar.update(len(chunk))
            continue
        loader = extract_loader(chunk, size=size, batch_size=batch_size, workers=workers)
        rows = [
            _embed(model, batch.images, flip=flip, precision=precision)
            for batch in _counted(loader, bar)
        ]
        pieces.append(normalize(np.concatenate(rows)))
        if path is not None and len(samples) > PART_SIZE:
            _features(chunk, pieces[-1], {}).save(path)
    bar.close()
    model.train(was_training)
    features = _features(samples, np.concatenate(pieces), facts)
    return features


def remove_parts(parts: Path) -> None:
    """Remove the folder of finished parts once the whole was saved."""
    for path in parts.glob("*.npz"):
        path.unlink()
    if parts.exists():
        parts.rmdir()


def _embed(
    model: Embedder, images: torch.Tensor, *, flip: bool, precision: Precision
) -> FloatArray:
    device = next(model.parameters()).device
    with precision.autocast():
        feats = embed(model, images.to(device, non_blocking=True), flip=flip)
    return np.asarray(feats.cpu().numpy(), dtype=np.float32)


def _counted(loader: Any, bar: Any) -> Iterator[Any]:
    for batch in loader:
        yield batch
        bar.update(len(batch.images))


def _key(facts: Mapping[str, Any], chunk: Sequence[Sample]) -> str:
    names = "\n".join(sample.name for sample in chunk)
    return hash_text(f"{sorted(facts.items(), key=str)}\n{names}")[:24]


def _features(samples: Sequence[Sample], feats: FloatArray, meta: Mapping[str, Any]) -> Features:
    def column(key: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([getattr(sample, key) for sample in samples], dtype=np.int64)

    return Features(
        names=tuple(sample.name for sample in samples),
        feats=feats,
        pids=column("pid"),
        camids=column("camid"),
        trackids=column("trackid"),
        meta=meta,
    )
