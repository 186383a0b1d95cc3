"""Mask R-CNN from detectron2, where it is installed (Wu et al., "Detectron2", 2019)."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_aug.segmenters.instances import Instances, choose_vehicle
from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.masks import BoolArray

_CONFIG = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
_SIDE = 400  # pixels that a crop's shorter side is scaled to
_NAMES = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}


class Detectron:
    """Finds the vehicle with a predictor of detectron2; see `Segmenter`."""

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor

    def __call__(self, image: ImageArray, path: Path) -> BoolArray:
        """Find the vehicle in a crop."""
        found = self.predictor(np.ascontiguousarray(image[..., ::-1]))["instances"].to("cpu")
        names = tuple(_NAMES.get(int(label), "") for label in found.pred_classes.numpy())
        masks = np.asarray(found.pred_masks.numpy(), dtype=np.bool_)
        return choose_vehicle(Instances(names, found.scores.numpy(), masks))


def build_detectron(weights: Path | None = None, *, device: str = "cpu") -> Detectron:
    """Build the predictor; without a file of weights they are downloaded from its model zoo.

    Raises:
        DataError: When detectron2 is not installed, or the weights cannot be had.
    """
    try:
        engine, configs = import_module("detectron2.engine"), import_module("detectron2.config")
        zoo = import_module("detectron2.model_zoo")
    except ImportError as error:
        raise DataError(
            f"detectron2 is not installed ({error}); install it from its own site, or use"
            " --backend maskrcnn, the same network from torchvision"
        ) from None
    config = configs.get_cfg()
    config.merge_from_file(zoo.get_config_file(_CONFIG))
    config.MODEL.WEIGHTS = str(weights) if weights else zoo.get_checkpoint_url(_CONFIG)
    config.MODEL.DEVICE = device
    config.INPUT.MIN_SIZE_TEST = _SIDE
    if weights is not None and not weights.is_file():
        raise DataError(f"{weights}: no such file of weights; leave it out to download them")
    try:
        return Detectron(engine.DefaultPredictor(config))
    except (OSError, RuntimeError, AssertionError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise DataError(
            f"detectron2 cannot load {config.MODEL.WEIGHTS} ({reason}); name a file of weights of"
            f" {_CONFIG} with --weights"
        ) from None
