"""The options, each declared once: name, type, default, meaning; choices as ``Literal``.

The dataclasses are frozen and hold only plain values, so a configuration can be hashed, written to
YAML and compared. `vreid.config` fills them from files and the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vreid.errors import ConfigError


def _require(holds: bool, key: str, value: object, rule: str) -> None:
    if not holds:
        raise ConfigError(f"{key} is {value!r}; {rule}")


@dataclass(frozen=True)
class DataOptions:
    """Which images are trained on, searched for and searched in."""

    dataset: Literal[
        "cityflow",
        "vehiclex",
        "veri776",
        "vehicleid",
        "veri-wild",
        "vru",
        "vric",
        "vveri901",
        "csv",
    ] = "cityflow"
    root: str = "data/aicity21"  # folder of the data set
    split: str = ""  # cityflow only: folder of a split's files, from root; empty: the challenge's
    images: str = "sys_image_train"  # vehiclex only: image folder; another one if translated
    test_size: str = "small"  # vehicleid, veri-wild, vru: small, medium or large; also 13164
    check_counts: bool = True  # say where a copy differs from the published counts
    table: str = ""  # csv only: the table of crops; empty means <root>/samples.csv
    test_fraction: float = 0.3  # csv without a split column: share of the vehicles held for testing
    query_camera: str = ""  # csv without a split column: camera of the queries; empty: the first
    holdout: float = 0.0  # share of the training vehicles held out to choose the best checkpoint
    split_seed: int = 0  # of the two splits above

    def __post_init__(self) -> None:
        for key in ("test_fraction", "holdout"):
            value = getattr(self, key)
            _require(0 <= value < 1, f"data.{key}", value, "a share in [0, 1) is needed")


@dataclass(frozen=True)
class InputOptions:
    """How an image becomes a tensor, and the augmentations of training (probability 0: off)."""

    size: tuple[int, int] = (320, 320)  # height, width in pixels
    flip: float = 0.5  # probability of a horizontal flip
    pad: int = 10  # pixels of border before the random crop back to `size`; 0: no crop
    zoom: float = 0.0  # probability of a random resized crop
    zoom_area: float = 0.75  # smallest share of the area that it keeps
    jitter: float = 0.25  # probability of a colour change
    brightness: float = 0.2  # strength of the colour change
    contrast: float = 0.15
    saturation: float = 0.0
    hue: float = 0.0
    augmix: float = 0.0  # probability of AugMix
    blur: float = 0.25  # probability of a 5x5 Gaussian blur
    erasing: float = 0.5  # probability of random erasing

    def __post_init__(self) -> None:
        _require(min(self.size) >= 16, "input.size", self.size, "at least 16 pixels are needed")
        for key in ("flip", "zoom", "jitter", "augmix", "blur", "erasing"):
            value = getattr(self, key)
            _require(0 <= value <= 1, f"input.{key}", value, "a probability in [0, 1] is needed")
        area = self.zoom_area
        _require(0 < area <= 1, "input.zoom_area", area, "a share in (0, 1] is needed")
        _require(self.pad >= 0, "input.pad", self.pad, "a number of pixels >= 0 is needed")


@dataclass(frozen=True)
class ModelOptions:
    """The network."""

    backbone: str = "resnet50"  # a timm name
    ibn: bool = False  # half InstanceNorm in stages 1-3 (IBN-a)
    last_stride: int = 1  # stride of the last stage, 1 or 2
    weights: str = "timm"  # "timm": its hub; "none": random; else a file
    patch_stride: int = 0  # transformers: pixels from patch to patch; 0: patches do not overlap
    drop_path: float = 0.0  # probability of leaving out a residual branch, at the last block
    token_dropout: float = 0.0  # transformers: drop-out behind the positions
    attention_dropout: float = 0.0  # transformers: drop-out of the attention weights
    side_cameras: int = 0  # transformers: cameras to embed as side information (SIE); 0: none
    side_views: int = 0  # transformers: views to embed as side information; 0: none
    side_weight: float = 3.0  # of the side information
    mixstyle: Literal["none", "halves", "shuffle"] = "none"  # partner: other half, or any image
    mixstyle_prob: float = 0.5  # probability of mixing, for each of two stages
    mixstyle_alpha: float = 0.1  # of the Beta distribution of the weights
    attention: Literal["none", "cbam", "affinity"] = "none"  # after the last stage
    pooling: Literal["gem", "avg", "gem_avg", "token"] = "gem"  # gem_avg: sum; token: class token
    gem_p: float = 3.0  # exponent of GeM
    gem_learned: bool = False  # whether the exponent is trained
    levels: int = 1  # 2: pool stage 3 beside stage 4
    groups: int = 0  # branches of the multi-head attention head (32 in its paper); 0: no such head
    group_dim: int = 0  # width of the branches; 0: that of the pooled vector
    gate_dim: int = 256  # width of the hidden layer of the gate
    embedding_dim: int = 0  # width of a reduction before the neck; 0: none
    embedding: Literal["fc", "dropout_fc", "bn_dropout_fc", "mlp"] = "fc"  # kind of reduction
    embedding_dropout: float = 0.0
    neck: Literal["bn", "ln", "none"] = "bn"
    neck_shift: bool = False  # whether the shift of the neck is trained
    neck_dropout: float = 0.0  # between neck and classifier
    retrieval_feat: Literal["feat", "feat_bn"] = "feat_bn"  # before or behind the neck
    classifier_bias: bool = False

    def __post_init__(self) -> None:
        for key in ("last_stride", "levels"):
            value = getattr(self, key)
            _require(value in (1, 2), f"model.{key}", value, "1 or 2 is needed")
        for key in ("patch_stride", "side_cameras", "side_views", "groups", "group_dim"):
            _require(getattr(self, key) >= 0, f"model.{key}", getattr(self, key), ">= 0 needed")
        rates = ("drop_path", "token_dropout", "attention_dropout", "embedding_dropout")
        for key in (*rates, "neck_dropout"):
            value = getattr(self, key)
            _require(0 <= value < 1, f"model.{key}", value, "a probability in [0, 1) is needed")
        prob = self.mixstyle_prob
        _require(0 <= prob <= 1, "model.mixstyle_prob", prob, "a probability in [0, 1] is needed")
        alpha = self.mixstyle_alpha
        _require(alpha > 0, "model.mixstyle_alpha", alpha, "a number above 0 is needed")
        _require(self.gate_dim >= 1, "model.gate_dim", self.gate_dim, "at least 1 is needed")
        _require(self.embedding_dim >= 0, "model.embedding_dim", self.embedding_dim, ">= 0 needed")
        _require(self.gem_p > 0, "model.gem_p", self.gem_p, "a positive exponent is needed")


@dataclass(frozen=True)
class LossOptions:
    """Which losses, their weights and their constants; weight 0 switches one off."""

    id: Literal["softmax", "arcface", "cosface", "amsoftmax", "circle"] = "softmax"
    id_weight: float = 1.0
    smoothing: float = 0.1  # label smoothing epsilon
    id_scale: float = 64.0  # of every ID loss but softmax
    id_margin: float = 0.35  # the same; ArcFace's paper has 0.5
    metric: str = "triplet"  # triplet, circle, contrastive, supcon, some joined by "+"; or none
    metric_feat: Literal["feat", "feat_bn"] = "feat"  # what it acts on: before or behind the neck
    triplet_weight: float = 1.0
    margin: float = 0.3  # of the triplet loss; 0: soft margin
    mining: Literal["batch_hard", "batch_sample", "batch_soft"] = "batch_hard"  # of triplets
    circle_weight: float = 1.0
    circle_scale: float = 32.0  # gamma of the circle loss between pairs
    circle_margin: float = 0.25
    circle_form: Literal["batch", "anchor"] = "batch"  # one sum over all pairs, or one an anchor
    contrastive_weight: float = 1.0
    contrastive_form: Literal["similarity", "distance"] = "similarity"
    contrastive_margin: float = 0.3  # similarity: 0.3 to 0.5; distance: 1
    supcon_weight: float = 1.0
    temperature: float = 0.07  # of SupCon
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
        known = ("triplet", "circle", "contrastive", "supcon")
        names = self.metrics
        is_known = set(names) <= set(known) and len(set(names)) == len(names)
        rule = f"none, or one or several of {', '.join(known)} joined by + are needed"
        _require(is_known, "loss.metric", self.metric, rule)
        weights = {key: getattr(self, f"{key}_weight") for key in ("id", *names, "center")}
        title = f"loss weights ({', '.join(weights)})"
        found = tuple(weights.values())
        _require(min(found) >= 0, title, found, "none may be negative")
        _require(max(found) > 0, title, found, "one must be positive")
        _require(0 <= self.smoothing < 1, "loss.smoothing", self.smoothing, "[0, 1) is needed")
        margins = ("margin", "circle_margin", "id_margin", "contrastive_margin")
        for key in (*margins, "center_lr", "memory_size", "memory_start"):
            _require(getattr(self, key) >= 0, f"loss.{key}", getattr(self, key), ">= 0 is needed")
        for key in ("id_scale", "circle_scale", "temperature", "malw_interval"):
            _require(getattr(self, key) > 0, f"loss.{key}", getattr(self, key), "> 0 is needed")
        momentum = self.malw_momentum
        _require(0 <= momentum <= 1, "loss.malw_momentum", momentum, "[0, 1] is needed")
        any_metric = any(weights[name] > 0 for name in names)
        rule = "the features kept need a metric loss that uses them; set loss.metric, or 0 here"
        _require(any_metric or self.memory_size == 0, "loss.memory_size", self.memory_size, rule)
        both = self.id_weight > 0 and any_metric
        rule = "an ID loss and a metric loss are needed, which it weighs against each other"
        _require(self.balance == "fixed" or both, "loss.balance", self.balance, rule)


@dataclass(frozen=True)
class SolverOptions:
    """Optimisation."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    base_lr: float = 3.5e-4
    backbone_lr_factor: float = 1.0
    momentum: float = 0.9  # sgd only
    weight_decay: float = 5e-4
    max_epochs: int = 12  # an epoch is num_samples // ims_per_batch batches
    warmup_epochs: float = 1.0
    warmup_factor: float = 0.01  # first learning rate / base_lr
    final_factor: float = 0.002  # last learning rate / base_lr
    sampler: Literal["pk", "shuffle"] = "pk"
    ims_per_batch: int = 64
    num_instance: int = 4  # K of P x K; P is ims_per_batch / K
    clip_norm: float = 0.0  # largest norm of the gradient; 0: no clipping
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    seed: int = 0
    num_workers: int = 0  # processes that decode images; 0: the training process itself
    eval_period: int = 1  # epochs between validations; 0: only after the last
    log_period: int = 10  # steps between log lines
    checkpoint_seconds: float = 300.0  # seconds between checkpoints inside an epoch

    def __post_init__(self) -> None:
        for key in ("max_epochs", "ims_per_batch", "num_instance", "log_period"):
            value = getattr(self, key)
            _require(value >= 1, f"solver.{key}", value, "at least 1 is needed")
        _require(self.base_lr > 0, "solver.base_lr", self.base_lr, "a positive rate is needed")
        if self.sampler == "pk":
            _require(
                self.ims_per_batch % self.num_instance == 0 and self.num_instance > 1,
                "solver.num_instance",
                self.num_instance,
                f"K > 1 that divides solver.ims_per_batch = {self.ims_per_batch} is needed",
            )


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
            _require(value >= 1, f"rerank.{key}", value, "at least 1 is needed")
        _require(0 <= self.lambda_ <= 1, "rerank.lambda_", self.lambda_, "[0, 1] is needed")


@dataclass(frozen=True)
class Config:
    """A recipe, or one of its trainings after its own options were merged in.

    Attributes:
        name: Of the recipe; results go to ``<output>/<name>``.
        output: Folder of the runs.
        device: ``cuda``, ``cpu``; ``auto`` is cuda where there is one.
        members: Name of each vehicle model -> the options in which it differs from the recipe.
        orientation, camera: The same for the two classifiers; empty when the recipe has none.
    """

    name: str = "vreid"
    output: str = "runs"
    device: str = "auto"
    data: DataOptions = DataOptions()
    input: InputOptions = InputOptions()
    model: ModelOptions = ModelOptions()
    loss: LossOptions = LossOptions()
    solver: SolverOptions = SolverOptions()
    test: EvaluationOptions = EvaluationOptions()
    fusion: FusionOptions = FusionOptions()
    rerank: RerankOptions = RerankOptions()
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    orientation: Mapping[str, Any] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)
