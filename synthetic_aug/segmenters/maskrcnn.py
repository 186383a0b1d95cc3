"""Mask R-CNN trained on COCO, from torchvision.

He, Gkioxari, Dollár and Girshick, "Mask R-CNN", ICCV 2017, arXiv:1703.06870; weights and training
of the second version by Li et al., "Benchmarking Detection Transfer Learning with Vision
Transformers", arXiv:2111.11429. Crops are enlarged less than whole pictures would be and get a
margin: the network has seen few vehicles that fill their picture.
"""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import detection

from synthetic_aug.segmenters.instances import Instances, choose_vehicle
from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.masks import BoolArray

Predict = Callable[[list[Tensor]], list[dict[str, Tensor]]]

_LEAST_SIDE, _MOST_SIDE = 320, 640  # pixels that a crop's sides are scaled to
_MARGIN = 0.15  # of the longer side, on each side
_GREY = (124, 116, 104)  # ImageNet's mean, which the network sees as nothing
_NEW = "backbone.fpn.inner_blocks.0.1.weight"  # a key that only the second version has
_NAMES = {1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 6: "bus", 8: "truck"}


class MaskRCNN:
    """Finds the vehicle with a network; see `Segmenter`.

    Attributes:
        predict: From images (3, H, W) in [0, 1] to one dictionary each of ``labels`` (N,),
            ``scores`` (N,) and ``masks`` (N, 1, H, W) in [0, 1].
    """

    def __init__(self, predict: Predict) -> None:
        self.predict = predict

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Find the vehicle in a crop."""
        height, width = image.shape[:2]
        margin = round(_MARGIN * max(height, width))
        framed = np.empty((height + 2 * margin, width + 2 * margin, 3), dtype=np.uint8)
        framed[:] = _GREY
        inner = slice(margin, margin + height), slice(margin, margin + width)
        framed[inner] = image
        tensor = torch.from_numpy(framed).permute(2, 0, 1).float() / 255  # (3, H + 2m, W + 2m)
        with torch.inference_mode():
            found = self.predict([tensor])[0]
        masks = found["masks"][:, 0].cpu().numpy() > 0.5  # (N, H + 2m, W + 2m)
        names = tuple(_NAMES.get(int(label), "") for label in found["labels"])
        scores = found["scores"].cpu().numpy()
        return choose_vehicle(Instances(names, scores, masks[:, inner[0], inner[1]]))


def build_maskrcnn(weights: Path | None = None, *, device: str = "cpu") -> MaskRCNN:
    """Build the network.

    Args:
        weights: A file of torchvision's weights, of either version; None downloads the second
            version's, once.
        device: Where it runs.

    Raises:
        DataError: When the weights cannot be downloaded or are those of another network.
    """
    state = _download() if weights is None else read_state(weights)
    build = detection.maskrcnn_resnet50_fpn_v2 if _NEW in state else detection.maskrcnn_resnet50_fpn
    network: nn.Module = build(
        weights=None, weights_backbone=None, min_size=_LEAST_SIDE, max_size=_MOST_SIDE
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise DataError(
            f"{weights}: not the weights of torchvision's Mask R-CNN on COCO ({reason[:120]}); give"
            " a file of maskrcnn_resnet50_fpn or maskrcnn_resnet50_fpn_v2"
        ) from None
    network.eval().to(device)

    def predict(images: list[Tensor]) -> list[dict[str, Tensor]]:
        found: list[dict[str, Tensor]] = network([image.to(device) for image in images])
        return found

    return MaskRCNN(predict)


def read_state(weights: Path) -> dict[str, Tensor]:
    """Read a file of weights.

    Raises:
        DataError: When it is missing or holds something else.
    """
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(
            f"{weights}: cannot be read ({error.strerror}); name another file"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        state = None
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise DataError(f"{weights}: not a file of a network's weights; name one saved by torch")
    return state


def _download() -> dict[str, Tensor]:
    source = detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1
    try:
        state: dict[str, Tensor] = source.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError, a wrong hash the other
        raise DataError(
            f"the weights of Mask R-CNN cannot be downloaded from {source.url} ({error}); fetch the"
            " file elsewhere and name it with --weights, or use --backend grabcut, which needs none"
        ) from None
    return state
