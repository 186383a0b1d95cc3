"""Options of what follows a training: evaluation, fusion, re-ranking."""

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
