"""Options of the losses."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require

METRICS = ("triplet", "circle", "contrastive", "supcon", "lifted", "instance")


@dataclass(frozen=True)
class LossOptions:
    """Which losses, their weights and their constants; weight 0 switches one off."""

    id: Literal["softmax", "arcface", "cosface", "amsoftmax", "circle", "sphereface"] = "softmax"
    id_weight: float = 1.0
    smoothing: float = 0.1  # label smoothing epsilon
    id_scale: float = 64.0  # of every ID loss but softmax
    id_margin: float = 0.35  # of these but SphereFace; ArcFace's paper has 0.5
    sphereface_margin: int = 4  # how many times SphereFace counts the angle
    metric: str = "triplet"  # one of METRICS, or some joined by "+"; or none
    metric_feat: Literal["feat", "feat_bn"] = "feat"  # what it acts on: before or behind the neck
    metric_normalize: bool = False  # whether at length 1; the centre loss and the memory as well
    triplet_weight: float = 1.0
    margin: float = 0.3  # of the triplet loss; 0: soft margin
    mining: Literal["batch_hard", "batch_sample", "batch_soft", "multi_similarity"] = "batch_hard"
    ms_epsilon: float = 0.1  # of multi_similarity; a difference of cosines
    circle_weight: float = 1.0
    circle_scale: float = 32.0  # gamma of the circle loss between pairs
    circle_margin: float = 0.25
    circle_form: Literal["batch", "anchor"] = "batch"  # one sum over all pairs, or one an anchor
    contrastive_weight: float = 1.0
    contrastive_form: Literal["similarity", "distance"] = "similarity"
    contrastive_margin: float = 0.3  # similarity: 0.3 to 0.5; distance: 1
    supcon_weight: float = 1.0
    temperature: float = 0.07  # of SupCon
    lifted_weight: float = 1.0
    lifted_margin: float = 1.0  # of the generalised lifted structure loss
    instance_weight: float = 1.0  # regob divides this loss by the batch size
    instance_scale: float = 32.0  # gamma of the instance loss
    center_weight: float = 0.0  # of the centre loss; V2ReID has 5e-4
    center_lr: float = 0.5  # rate of the centres' own SGD, constant
    memory_size: int = 0  # earlier features kept as further pairs of the metric losses (XBM)
    memory_start: int = 1000  # step from which on they are kept
    balance: Literal["fixed", "malw", "malw_paper"] = "fixed"  # of ID loss and metric losses
    malw_interval: int = 500  # steps between changes of the ID loss's weight
    malw_momentum: float = 0.9  # share of the old weight in the new

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names in ``metric``."""
        return () if self.metric == "none" else tuple(self.metric.split("+"))

    def __post_init__(self) -> None:
        names = self.metrics
        is_known = set(names) <= set(METRICS) and len(set(names)) == len(names)
        rule = f"none, or one or several of {', '.join(METRICS)} joined by + are needed"
        require(is_known, "loss.metric", self.metric, rule)
        weights = {key: getattr(self, f"{key}_weight") for key in ("id", *names, "center")}
        title = f"loss weights ({', '.join(weights)})"
        found = tuple(weights.values())
        require(min(found) >= 0, title, found, "none may be negative")
        require(max(found) > 0, title, found, "one must be positive")
        require(0 <= self.smoothing < 1, "loss.smoothing", self.smoothing, "[0, 1) is needed")
        margins = ("margin", "circle_margin", "id_margin", "contrastive_margin", "lifted_margin")
        for key in (*margins, "ms_epsilon", "center_lr", "memory_size", "memory_start"):
            require(getattr(self, key) >= 0, f"loss.{key}", getattr(self, key), ">= 0 is needed")
        scales = ("id_scale", "circle_scale", "instance_scale")
        for key in (*scales, "sphereface_margin", "temperature", "malw_interval"):
            require(getattr(self, key) > 0, f"loss.{key}", getattr(self, key), "> 0 is needed")
        momentum = self.malw_momentum
        require(0 <= momentum <= 1, "loss.malw_momentum", momentum, "[0, 1] is needed")
        any_metric = any(weights[name] > 0 for name in names)
        rule = "the features kept need a metric loss that uses them; set loss.metric, or 0 here"
        require(any_metric or self.memory_size == 0, "loss.memory_size", self.memory_size, rule)
        off = "the ID loss is off" if self.id_weight == 0 else "the metric loss is off"
        rule = f"it weighs an ID loss against a metric loss, but {off}; set loss.balance fixed here"
        both = self.id_weight > 0 and any_metric
        require(self.balance == "fixed" or both, "loss.balance", self.balance, rule)
