"""A whole folder through a trained UNIT."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synthetic_aug.picture_files import FINE, write_picture
from synthetic_aug.translated import begin, finish, progress
from synthetic_aug.unit.images import to_bytes, to_unit_range
from synthetic_aug.unit.learner import build_translator
from synthetic_aug.unit.networks import Translator
from synthetic_aug.unit.options import UnitOptions, load_options
from vreid.checkpoint import load_model
from vreid.data.image_folder import list_images
from vreid.data.images import ImageArray, read_image, resize
from vreid.errors import ConfigError, DataError
from vreid.files import hash_file
from vreid.precision import choose_precision
from vreid.runs import choose_device


def apply(
    run: Path,
    source: Path,
    *,
    out: Path,
    batch_size: int = 8,
    keep_detail: bool = False,
    device: str = "auto",
) -> Path:
    """Translate a folder of source images and return the new folder.

    The network sees each image as a square of the training's size; the result is resized to the
    image's own.

    Args:
        run: Directory of a training.
        source: Folder of images.
        out: Folder for the results; one of the same translation goes on.
        batch_size: Images a forward pass, at least 1.
        keep_detail: Add the change, enlarged, to the source image at its own size instead of
            enlarging the result: sharp where images are larger than the training's size, at the
            price of the source's fine texture.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ConfigError: When the run's options cannot be read or ``batch_size`` is out of range.
        DataError: When the checkpoint is missing or of another architecture, an image cannot be
            read, or ``out`` holds something else.
    """
    if batch_size < 1:
        raise ConfigError(f"--batch-size is {batch_size}; give at least 1")
    options, checkpoint = load_options(run / "config.yml"), run / "last.pt"
    if not checkpoint.exists():
        raise DataError(
            f"{checkpoint}: no such checkpoint; train first: python -m synthetic_aug.translate"
            f" train {run / 'config.yml'}"
        )
    place = choose_precision(choose_device(device), "fp32").device
    net = build_translator(options).to(place).eval()
    load_model(checkpoint, net)
    facts = {"run": str(run), "weights": hash_file(checkpoint), "keep_detail": keep_detail}
    translation = begin(source, out, facts=facts)
    names = translation.missing()
    with progress(len(names), "translate") as bar:
        for first in range(0, len(names), batch_size):
            batch = names[first : first + batch_size]
            images = [read_image(source / name) for name in batch]
            results = translate_images(net, images, size=options.size, keep_detail=keep_detail)
            for name, result in zip(batch, results, strict=True):
                write_picture(out / name, result, quality=FINE)
            bar.update(len(batch))
    return finish(translation, _targets(options))


def translate_images(
    net: Translator, images: Sequence[ImageArray], *, size: int, keep_detail: bool
) -> list[ImageArray]:
    """Translate images of any sizes, (H, W, 3) each."""
    device = next(net.parameters()).device
    squares = torch.stack([torch.from_numpy(resize(one, (size, size))) for one in images])
    squares = squares.permute(0, 3, 1, 2)  # (B, 3, size, size)
    with torch.inference_mode():
        made = to_bytes(net.translate(to_unit_range(squares, device)))
    return [
        _with_change(image, before, after) if keep_detail else _back(after, image)
        for image, before, after in zip(images, squares, made, strict=True)
    ]


def _back(made: Tensor, image: ImageArray) -> ImageArray:
    """A translated square in its image's size."""
    return resize(made.permute(1, 2, 0).contiguous().numpy(), (image.shape[0], image.shape[1]))


def _with_change(image: ImageArray, before: Tensor, after: Tensor) -> ImageArray:
    change = (after.float() - before.float())[None]  # (1, 3, size, size)
    shape = (image.shape[0], image.shape[1])
    large = torch.nn.functional.interpolate(
        change, size=shape, mode="bilinear", antialias=True, align_corners=False
    )[0]
    changed = image + large.permute(1, 2, 0).numpy()
    return np.asarray(np.rint(np.clip(changed, 0, 255)), np.uint8)


def _targets(options: UnitOptions) -> list[Path]:
    """Target images for the sample sheet; none where the folder is on another machine."""
    folder = Path(options.target)
    return [folder / name for name in list_images(folder)] if folder.is_dir() else []
