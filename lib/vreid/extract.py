"""From images to `Features`, in parts that survive a stop."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vreid.data.loader import Batch, extract_loader
from vreid.data.sample import Sample
from vreid.distance import normalize
from vreid.distributed import gather_in_order, is_main, own_share
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

    Under torchrun each process embeds its share of the images, and all of them get the whole.

    A model that embeds cameras and views gets those of the samples; one that its training has not
    met counts as unknown.

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
    # The bar is the main process's, which has every n-th image.
    bar = tqdm(
        total=len(own_share(samples)),
        desc=title,
        unit="img",
        disable=None if is_main() else True,
        leave=False,
    )
    for first in range(0, len(samples), PART_SIZE):
        chunk = samples[first : first + PART_SIZE]
        path = None if parts is None else parts / f"{_key(facts, chunk, model.uses_side)}.npz"
        if path is not None and path.exists():
            pieces.append(Features.load(path).feats)
            bar.update(len(own_share(chunk)))
            continue
        loader = extract_loader(
            own_share(chunk),
            size=size,
            batch_size=batch_size,
            workers=workers,
            num_views=model.num_views,
        )
        rows = [
            _embed(model, batch, flip=flip, precision=precision) for batch in _counted(loader, bar)
        ]
        pieces.append(normalize(gather_in_order(join_rows(rows), len(chunk))))
        if path is not None and len(samples) > PART_SIZE and is_main():
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


def join_rows(rows: Sequence[FloatArray]) -> FloatArray:
    """The rows of several batches, (n, D); (0, 0) where a process had no batch."""
    return np.concatenate(rows) if rows else np.zeros((0, 0), dtype=np.float32)


def _embed(model: Embedder, batch: Batch, *, flip: bool, precision: Precision) -> FloatArray:
    device = next(model.parameters()).device
    images = batch.images.to(device, non_blocking=True)
    side = batch.side.to(device, non_blocking=True) if model.uses_side else None
    with precision.autocast():
        feats = embed(model, images, flip=flip, side=side)
    return np.asarray(feats.cpu().numpy(), dtype=np.float32)


def _counted(loader: Any, bar: Any) -> Iterator[Any]:
    for batch in loader:
        yield batch
        bar.update(len(batch.images))


def _key(facts: Mapping[str, Any], chunk: Sequence[Sample], uses_side: bool) -> str:
    names = "\n".join(
        f"{sample.name} {sample.camid} {sample.angle}" if uses_side else sample.name
        for sample in chunk
    )
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
