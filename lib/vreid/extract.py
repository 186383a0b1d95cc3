"""From images to `Features`, in parts that survive a stop."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vreid.data.boxes import Box
from vreid.data.look_loader import LookBatch, look_loader
from vreid.data.looks import Crop, Look, make_looks
from vreid.data.sample import Sample
from vreid.distance import normalize
from vreid.distributed import gather_in_order, is_main, own_share
from vreid.errors import ConfigError, DataError
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
    scales: Sequence[float] = (1.0,),
    crops: Sequence[Crop] = ("whole",),
    boxes: Mapping[str, Box] | None = None,
    workers: int = 0,
    meta: Mapping[str, Any] | None = None,
    parts: Path | None = None,
    title: str = "extract",
) -> Features:
    """Embed images with a model in eval mode; rows are L2-normalised.

    With several scales or crops an image's feature is the mean of those of its looks, every crop at
    every scale, each of length 1 before; the image is decoded once for all of them.

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
        scales: Factors of the size, see `vreid.data.looks.make_looks`.
        crops: Parts of the image.
        boxes: Name of an image -> its box, for the crop ``boxes``; without one it is taken whole.
        workers: Processes that decode images.
        meta: Facts for the file.
        parts: Folder for finished parts, so that a stopped extraction goes on; removed at the end.
        title: Of the progress bar.

    Returns:
        N rows; (N, D) float32.

    Raises:
        DataError: When there are no images or one of them cannot be read.
        ConfigError: When two scales come to one size, or the model takes no other size.
    """
    if not samples:
        raise DataError(f"{title}: there are no images to extract features from")
    looks = looks_for(model, size, scales=scales, crops=crops)
    was_training = model.training
    model.eval()
    pieces: list[FloatArray] = []
    facts = {**(meta or {}), "normalized": True, "flip": flip, "size": list(size)}
    if looks != (Look("whole", size),):
        facts["views"] = [str(look) for look in looks]
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
        key = _key(facts, chunk, uses_side=model.uses_side, boxes=boxes or {})
        path = None if parts is None else parts / f"{key}.npz"
        if path is not None and path.exists():
            pieces.append(Features.load(path).feats)
            bar.update(len(own_share(chunk)))
            continue
        batches = look_loader(
            own_share(chunk),
            looks,
            boxes=boxes,
            batch_size=batch_size,
            workers=workers,
            num_views=model.num_views,
        )
        embedded = _embed_all(model, _counted(batches, bar), flip=flip, precision=precision)
        pieces.append(normalize(gather_in_order(embedded, len(chunk))))
        if path is not None and len(samples) > PART_SIZE and is_main():
            _features(chunk, pieces[-1], {}).save(path)
    bar.close()
    model.train(was_training)
    return _features(samples, np.concatenate(pieces), facts)


def looks_for(
    model: Embedder, size: tuple[int, int], *, scales: Sequence[float], crops: Sequence[Crop]
) -> tuple[Look, ...]:
    """The looks at an image that a model can be shown.

    Sides are multiples of the pixels that a step of its map stands for: networks that join maps of
    several resolutions need that, and the others lose no margin.

    Raises:
        ConfigError: When two scales come to one size, or the model, as most transformers, has
            learned positions for its own size and takes no other.
    """
    backbone = model.backbone
    looks = make_looks(size, scales=scales, crops=crops, multiple=backbone.stride)
    known = getattr(backbone.net, "pretrained_cfg", None) or {}
    other = next((look.size for look in looks if look.size != size), None)
    if other is not None and (known.get("fixed_input_size") or backbone.grid is not None):
        raise ConfigError(
            f"test.scales {[*scales]} needs images of {other[0]} x {other[1]} pixels, but"
            f" {known.get('architecture', 'this network')} is built for {size[0]} x {size[1]}"
            " alone; set test.scales [1.0]"
        )
    return looks


def remove_parts(parts: Path) -> None:
    """Remove the folder of finished parts once the whole was saved."""
    for path in parts.glob("*.npz"):
        path.unlink()
    if parts.exists():
        parts.rmdir()


def join_rows(rows: Sequence[FloatArray]) -> FloatArray:
    """The rows of several batches, (n, D); (0, 0) where a process had no batch."""
    return np.concatenate(rows) if rows else np.zeros((0, 0), dtype=np.float32)


def _embed_all(
    model: Embedder, batches: Iterator[LookBatch], *, flip: bool, precision: Precision
) -> FloatArray:
    return join_rows([_embed(model, batch, flip=flip, precision=precision) for batch in batches])


def _embed(model: Embedder, batch: LookBatch, *, flip: bool, precision: Precision) -> FloatArray:
    """Features (B, D) of a batch, of any length."""
    device = next(model.parameters()).device
    side = batch.side.to(device, non_blocking=True) if model.uses_side else None
    rows: list[FloatArray] = []
    for images in batch.images:
        with precision.autocast():
            feats = embed(model, images.to(device, non_blocking=True), flip=flip, side=side)
        rows.append(np.asarray(feats.cpu().numpy(), dtype=np.float32))
    if len(rows) == 1:
        return rows[0]
    # A feature's length says nothing about how well its look tells vehicles apart.
    return np.asarray(np.mean([normalize(feats) for feats in rows], axis=0), dtype=np.float32)


def _counted(loader: Any, bar: Any) -> Iterator[Any]:
    for batch in loader:
        yield batch
        bar.update(len(batch.side))


def _key(
    facts: Mapping[str, Any],
    chunk: Sequence[Sample],
    *,
    uses_side: bool,
    boxes: Mapping[str, Box],
) -> str:
    names = "\n".join(
        f"{sample.name} {sample.camid} {sample.angle}" if uses_side else sample.name
        for sample in chunk
    )
    cut = [f"\n{name} {boxes[name]}" for name in (sample.name for sample in chunk) if name in boxes]
    names += "".join(cut)
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
