"""The backends by name, and the best of those that can run here."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from synthetic_aug.segmenters.detectron import build_detectron
from synthetic_aug.segmenters.grabcut import segment_grabcut
from synthetic_aug.segmenters.maskrcnn import build_maskrcnn
from synthetic_aug.segmenters.onnx_model import OnnxOptions, build_onnx
from synthetic_aug.segmenters.rendered import RenderedMasks
from synthetic_aug.segmenters.segmenter import Segmenter
from vreid.data.images import ImageArray
from vreid.errors import ConfigError, DataError
from vreid.masks import BoolArray, mask_quality

BACKENDS = ("grabcut", "maskrcnn", "detectron2", "onnx", "rendered", "best")


def build_segmenter(
    backend: str, model: Path | None = None, *, onnx: OnnxOptions | None = None
) -> Segmenter:
    """Build a backend.

    Args:
        backend: One of `BACKENDS`.
        model: The ONNX model; a file of weights for ``maskrcnn`` and ``detectron2``, which
            download theirs without one; the folder of masks for ``rendered``.
        onnx: How an ONNX model is fed and read.

    Raises:
        ConfigError: For a name that is no backend's.
        DataError: When the backend or its model cannot be had.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    builders: Mapping[str, Callable[[], Segmenter]] = {
        "grabcut": lambda: segment_grabcut,
        "maskrcnn": lambda: build_maskrcnn(model, device=device),
        "detectron2": lambda: build_detectron(model, device=device),
        "onnx": lambda: build_onnx(model, onnx),
        "rendered": lambda: RenderedMasks(_folder(model)),
        "best": lambda: build_best(model, onnx=onnx),
    }
    if backend not in builders:
        raise ConfigError(f"--backend is {backend!r}; choose one of {', '.join(builders)}")
    return builders[backend]()


def _folder(model: Path | None) -> Path:
    if model is None:
        raise DataError("the backend rendered needs a folder of masks; name it with --model")
    return model


class WithFallback:
    """Asks a second backend where the first one finds nothing that can be a vehicle."""

    def __init__(self, first: Segmenter, second: Segmenter) -> None:
        self.first, self.second = first, second

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Find the vehicle in a crop."""
        mask = self.first(image, path)
        return self.second(image, path) if mask_quality(mask) else mask


def build_best(model: Path | None = None, *, onnx: OnnxOptions | None = None) -> Segmenter:
    """The best backend that can run here, with GrabCut for the images in which it finds nothing.

    An ONNX model where one is given (its name ends in ``.onnx``), else Mask R-CNN with the given
    weights or downloaded ones, else, without weights and network, GrabCut alone.
    """
    if model is not None and model.suffix == ".onnx":
        return WithFallback(build_onnx(model, onnx), segment_grabcut)
    try:
        network = build_maskrcnn(model, device="cuda" if torch.cuda.is_available() else "cpu")
    except DataError as error:
        if model is not None:
            raise
        print(f"note: {error}; going on with grabcut", file=sys.stderr)
        return segment_grabcut
    return WithFallback(network, segment_grabcut)
