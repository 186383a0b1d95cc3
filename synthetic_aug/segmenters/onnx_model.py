"""Any ONNX model that gives a map of the picture: saliency, matting or segmentation.

Made for U2-Net (Qin et al., "U2-Net: Going Deeper with Nested U-Structure for Salient Object
Detection", Pattern Recognition 2020, arXiv:2005.09007) and its like, and for semantic segmentation
such as DeepLab's. The first output counts:

- whole numbers (1, H, W) are a class map,
- (1, C, H, W) with C of 2 and more are the classes' logits or probabilities,
- one channel is a saliency map, probabilities or logits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from vreid.data.images import ImageArray, resize
from vreid.errors import ConfigError, DataError
from vreid.masks import BoolArray

Output = Literal["probabilities", "logits"]
_SIDE = 320  # pixels of an input whose size the model leaves open


@dataclass(frozen=True)
class OnnxOptions:
    """What a model's file does not say.

    Attributes:
        mean, std: Of red, green and blue in [0, 1], by which the input is normalised; ImageNet's.
        output: Of a model with one channel: probabilities in [0, 1], or logits.
        classes: Numbers of the vehicles' classes; empty: all but 0, the background.
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    output: Output = "probabilities"
    classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ConfigError(
                f"--mean is {self.mean} and --std {self.std}; three numbers each are needed, those"
                " of --std above 0"
            )
        if self.output not in get_args(Output):
            choices = ", ".join(get_args(Output))
            raise ConfigError(f"--output is {self.output!r}; choose one of {choices}")


class OnnxModel:
    """Finds the vehicle with an ONNX model; see `Segmenter`.

    Attributes:
        path: The model's file.
        session: The model, loaded by onnxruntime.
        options: How it is fed and read.
        size: Height and width of its input.
        channels_last: Whether its input is (1, H, W, 3).
    """

    def __init__(self, path: Path, session: Any, options: OnnxOptions) -> None:
        self.path, self.session, self.options = path, session, options
        given = session.get_inputs()
        shape = list(given[0].shape) if given else []
        self.channels_last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
        channels = shape[3 if self.channels_last else 1] if len(shape) == 4 else None
        if len(given) != 1 or channels != 3 or given[0].type != "tensor(float)":
            found = ", ".join(f"{one.name} {one.shape} {one.type}" for one in given)
            raise DataError(
                f"{path}: its input is {found}; a model with one input of float (1, 3, H, W) or"
                " (1, H, W, 3) is needed"
            )
        sides = shape[1:3] if self.channels_last else shape[2:4]
        height, width = (side if isinstance(side, int) and side > 0 else _SIDE for side in sides)
        self.size = height, width

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Find the vehicle in a crop."""
        pixels = resize(image, self.size).astype(np.float32) / 255
        mean, std = (np.array(one, np.float32) for one in (self.options.mean, self.options.std))
        pixels = (pixels - mean) / std
        fed = (pixels if self.channels_last else pixels.transpose(2, 0, 1))[None]
        name = self.session.get_inputs()[0].name
        try:
            output = self.session.run(None, {name: np.ascontiguousarray(fed)})[0]
        except Exception as error:  # onnxruntime's errors have no class in common but this
            reason = str(error).splitlines()[0][:160]
            raise DataError(
                f"{self.path}: the model fails on an input of {self.size[1]} x {self.size[0]}"
                f" pixels ({reason}); use another model"
            ) from None
        soft = read_output(np.asarray(output), self.options, path=self.path)  # (h, w) in [0, 1]
        fitted = cv2.resize(soft, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(fitted > 0.5, dtype=np.bool_)


def read_output(
    output: npt.NDArray[Any], options: OnnxOptions, *, path: Path
) -> npt.NDArray[np.float32]:
    """Read a model's output as a map (h, w) in [0, 1], above one half on the vehicle.

    Raises:
        DataError: When it has a shape that is no map, or a number that is not finite.
    """
    squeezed = output[0] if output.ndim > 2 and output.shape[0] == 1 else output
    if squeezed.ndim == 3 and 1 in (squeezed.shape[0], squeezed.shape[2]):
        squeezed = squeezed[0] if squeezed.shape[0] == 1 else squeezed[:, :, 0]
    if squeezed.ndim not in (2, 3) or 0 in squeezed.shape:
        raise DataError(
            f"{path}: its first output has the shape {output.shape}; (1, 1, H, W), (1, C, H, W) or"
            " (1, H, W) is needed: is it a model that finds boxes or names classes?"
        )
    if not np.isfinite(squeezed).all():
        raise DataError(f"{path}: its output holds numbers that are not finite; use another model")
    if squeezed.ndim == 3:  # (C, h, w)
        squeezed = squeezed.argmax(axis=0)
    if np.issubdtype(squeezed.dtype, np.integer):
        chosen = np.isin(squeezed, options.classes) if options.classes else squeezed != 0
        return np.asarray(chosen, dtype=np.float32)
    if options.output == "logits":
        squeezed = 1 / (1 + np.exp(-np.clip(squeezed, -50, 50)))
    return np.asarray(squeezed, dtype=np.float32)


def build_onnx(
    path: Path | None, options: OnnxOptions | None = None, *, providers: Sequence[str] = ()
) -> OnnxModel:
    """Load a model.

    Args:
        path: The model's file.
        options: How it is fed and read.
        providers: Of onnxruntime; empty for those that are there.

    Raises:
        DataError: When no file is given, onnxruntime is not installed, or the file is no model.
    """
    if path is None:
        raise DataError("the backend onnx needs a model; name its file with --model")
    if not path.is_file():
        raise DataError(f"{path}: no such model; name a file that ends in .onnx")
    try:
        runtime = import_module("onnxruntime")
    except ImportError:
        raise DataError(
            f"{path}: onnxruntime, which runs such models, is not installed; install it, or use"
            " --backend grabcut, which needs nothing"
        ) from None
    settings = runtime.SessionOptions()
    settings.log_severity_level = 4  # what is wrong comes as an exception; once is enough
    try:
        session = runtime.InferenceSession(
            str(path), settings, providers=list(providers) or runtime.get_available_providers()
        )
    except Exception as error:  # onnxruntime's errors have no class in common but this
        reason = str(error).splitlines()[0][:160]
        raise DataError(
            f"{path}: not a model that onnxruntime can load ({reason}); export it again or name"
            " another file"
        ) from None
    return OnnxModel(path, session, options or OnnxOptions())
