"""Options of what follows a training: evaluation, fusion, re-ranking."""

import math
from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


@dataclass(frozen=True)
class EvaluationOptions:
    """Extraction and evaluation."""

    batch_size: int = 64
    flip: bool = True  # average the features of the image and of its mirror image
    checkpoint: Literal["best", "last"] = "best"
    protocol: Literal[  # see vreid.protocol
        "aicity",
        "aicity-min",
        "market",
        "market-trapezoid",
        "vehicleid",
        "veri-wild",
        "veri-wild-all",
        "vru",
        "vric",
        "vveri901",
    ] = "aicity"
    truth: str = ""  # folder with query.csv and gallery.csv, where the data set hides identities
    scales: tuple[float, ...] = (1.0,)  # of input.size; features at all of them are averaged
    crops: tuple[Literal["whole", "centre", "boxes"], ...] = ("whole",)  # and over these parts
    boxes: str = ""  # folder with query.csv and gallery.csv, boxes of the images, for that crop

    def __post_init__(self) -> None:
        scales, crops = list(self.scales), list(self.crops)
        positive = bool(scales) and all(0 < one < math.inf for one in scales)
        require(positive, "test.scales", scales, "a list of positive factors is needed")
        for key, values in (("scales", scales), ("crops", crops)):
            once = len(set(values)) == len(values)
            require(once, f"test.{key}", values, "list each of them once")
        require(bool(crops), "test.crops", crops, "at least one is needed, such as whole")
        rule = "the crop boxes needs the folder with query.csv and gallery.csv"
        require("boxes" not in crops or bool(self.boxes), "test.boxes", self.boxes, rule)


@dataclass(frozen=True)
class FusionOptions:
    """D = D_vehicle - orientation * D_orientation - camera * D_camera, before re-ranking."""

    orientation: float = 0.1
    camera: float = 0.1


@dataclass(frozen=True)
class RerankOptions:
    """k-reciprocal re-ranking (Zhong et al., CVPR 2017)."""

    enabled: bool = True
    k1: int = 20
    k2: int = 6
    lambda_: float = 0.3

    def __post_init__(self) -> None:
        for key in ("k1", "k2"):
            value = getattr(self, key)
            require(value >= 1, f"rerank.{key}", value, "at least 1 is needed")
        require(0 <= self.lambda_ <= 1, "rerank.lambda_", self.lambda_, "[0, 1] is needed")
