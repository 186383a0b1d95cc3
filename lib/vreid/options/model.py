"""Options of the network."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


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
            require(value in (1, 2), f"model.{key}", value, "1 or 2 is needed")
        for key in ("patch_stride", "side_cameras", "side_views", "groups", "group_dim"):
            require(getattr(self, key) >= 0, f"model.{key}", getattr(self, key), ">= 0 needed")
        rates = ("drop_path", "token_dropout", "attention_dropout", "embedding_dropout")
        for key in (*rates, "neck_dropout"):
            value = getattr(self, key)
            require(0 <= value < 1, f"model.{key}", value, "a probability in [0, 1) is needed")
        prob = self.mixstyle_prob
        require(0 <= prob <= 1, "model.mixstyle_prob", prob, "a probability in [0, 1] is needed")
        alpha = self.mixstyle_alpha
        require(alpha > 0, "model.mixstyle_alpha", alpha, "a number above 0 is needed")
        require(self.gate_dim >= 1, "model.gate_dim", self.gate_dim, "at least 1 is needed")
        require(self.embedding_dim >= 0, "model.embedding_dim", self.embedding_dim, ">= 0 needed")
        require(self.gem_p > 0, "model.gem_p", self.gem_p, "a positive exponent is needed")
