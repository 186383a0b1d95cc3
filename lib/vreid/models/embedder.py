"""The embedder: images to features, and to logits while training."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.features import IntArray
from vreid.models.attention import build_attention
from vreid.models.backbone import Backbone
from vreid.models.heads import build_classifier
from vreid.models.multihead import MultiHead
from vreid.models.necks import build_neck
from vreid.models.pooling import build_pooling
from vreid.models.reduction import build_reduction


class Embedding(NamedTuple):
    """What an `Embedder` makes of B images, all float32 but the logits.

    Attributes:
        feat: (B, D) before the neck, for metric losses.
        feat_bn: (B, D) behind the neck and its drop-out, for the classifier and for retrieval.
        logits: (B, C), in the type of the matrix product; None in evaluation mode.
    """

    feat: Tensor
    feat_bn: Tensor
    logits: Tensor | None


class Embedder(nn.Module):
    """Normalise, backbone, (attention,) pooling, (heads, reduction,) neck, classifier.

    The normalisation travels with the weights: a checkpoint brings the mean and deviation that it
    was trained with.

    Args:
        backbone: Images to maps.
        num_classes: C, the number of training labels; 0 leaves the classifier out.
        pooling: ``gem``, ``avg``, ``gem_avg`` their sum, ``token`` the class token.
        gem_p: Exponent of GeM.
        gem_learnable: Whether it is trained along.
        levels: 2 pools the stage before the last as well and puts the vectors side by side.
        attention: On the last map: ``cbam``, ``affinity`` or ``none``.
        groups: Branches of a `MultiHead` on the pooled vector; 0 leaves it out.
        group_dim: Width of its branches; 0 takes the vector's.
        gate_dim: Width of its gate's hidden layer.
        embedding_dim: Width D of the feature; 0 leaves the reduction out.
        embedding: Kind of the reduction, see `build_reduction`.
        embedding_dropout: Its drop-out.
        neck: ``bn``, ``ln`` or ``none``.
        neck_shift: Whether the neck's shift is trained.
        neck_dropout: Drop-out behind the neck.
        retrieval_feat: ``feat`` or ``feat_bn``, which of them `embed` gives.
        bias: Whether the classifier has a shift.
        cosine: Whether the logits are cosines, as margin softmax and circle loss want them.

    Attributes:
        dim: D.

    Raises:
        ConfigError: When the backbone has no class token or no stage before the last, or a name is
            unknown.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: Backbone,
        *,
        num_classes: int,
        pooling: str = "gem",
        gem_p: float = 3.0,
        gem_learnable: bool = False,
        levels: int = 1,
        attention: str = "none",
        groups: int = 0,
        group_dim: int = 0,
        gate_dim: int = 256,
        embedding_dim: int = 0,
        embedding: str = "fc",
        embedding_dropout: float = 0.0,
        neck: str = "bn",
        neck_shift: bool = False,
        neck_dropout: float = 0.0,
        retrieval_feat: str = "feat_bn",
        bias: bool = False,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = build_pooling(pooling, p=gem_p, learnable=gem_learnable)
        self.from_token, self.levels = pooling == "token", levels
        self.retrieval_feat = retrieval_feat
        _check_backbone(backbone, self.from_token, levels, attention)
        self.attention = build_attention(attention, backbone.num_features)
        width = backbone.num_features + (backbone.lower_features if levels == 2 else 0)
        self.multihead: nn.Module = nn.Identity()
        if groups:
            dim = group_dim or width
            self.multihead = MultiHead(width, dim=dim, groups=groups, gate_dim=gate_dim)
            width = dim
        self.reduction: nn.Module = nn.Identity()
        if embedding_dim:
            self.reduction = build_reduction(
                embedding, width, dim=embedding_dim, dropout=embedding_dropout
            )
        self.dim = embedding_dim or width
        self.neck = build_neck(neck, self.dim, shift=neck_shift)
        self.neck_dropout = nn.Dropout(neck_dropout)
        self.classifier: nn.Linear | None = None
        if num_classes:
            self.classifier = build_classifier(self.dim, num_classes, cosine=cosine, bias=bias)
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))

    @property
    def uses_side(self) -> bool:
        """Whether `forward` wants the cameras and views of the images."""
        return self.backbone.side is not None

    @property
    def num_views(self) -> int:
        """Views that the model tells apart; 0 for none."""
        return 0 if self.backbone.side is None else self.backbone.side.num_views

    def learn_cameras(self, camids: IntArray) -> None:
        """Tell the model the cameras of its training, see `SideEmbedding.learn_cameras`.

        It does nothing where the model does not embed cameras.
        """
        if self.backbone.side is not None:
            self.backbone.side.learn_cameras(camids)

    def forward(self, images: Tensor, side: Tensor | None = None) -> Embedding:
        """Embed images.

        Args:
            images: (B, 3, H, W) uint8 in [0, 255] or float in [0, 1]; the memory format is kept.
            side: (B, 2) int64 camera numbers and views, `Batch.side`, where the model `uses_side`;
                None elsewhere.
        """
        pooled = self._pooled(self._normalize(images), side)
        feat = self.reduction(self.multihead(pooled)).float()
        feat_bn = self.neck_dropout(self.neck(feat))
        logits = None
        if self.training and self.classifier is not None:
            logits = self.classifier(feat_bn)
        return Embedding(feat, feat_bn, logits)

    def _pooled(self, images: Tensor, side: Tensor | None) -> Tensor:
        if self.from_token:
            pooled: Tensor = self.pooling(self.backbone.forward_token(images, side))
            return pooled
        if self.levels == 1:
            pooled = self.pooling(self.attention(self.backbone(images, side)))
            return pooled
        last, before = self.backbone.forward_levels(images)
        return torch.cat([self.pooling(self.attention(last)), self.pooling(before)], dim=1)

    def _normalize(self, images: Tensor) -> Tensor:
        scaled = images.float() / 255 if images.dtype == torch.uint8 else images
        return (scaled - self.mean) / self.std


def _check_backbone(backbone: Backbone, from_token: bool, levels: int, attention: str) -> None:
    if from_token and not backbone.has_token:
        raise ConfigError(
            "model.pooling is 'token', but the backbone has no class token; set model.pooling gem"
            " or avg, or take a ViT or a VOLO"
        )
    if from_token and (levels != 1 or attention != "none"):
        raise ConfigError(
            f"model.levels is {levels} and model.attention {attention!r}, but the class token is no"
            " map; set model.pooling gem or avg"
        )
    if levels == 2 and not backbone.lower_features:
        raise ConfigError(
            "model.levels is 2, but the backbone has no stage of finer maps before its last; take a"
            " convolutional network or set model.levels 1"
        )


def embed(model: Embedder, images: Tensor, *, flip: bool, side: Tensor | None = None) -> Tensor:
    """Features of images for retrieval.

    Args:
        model: An `Embedder` in evaluation mode, compiled or not.
        images: (B, 3, H, W), see `Embedder.forward`.
        flip: Whether to average with the features of the mirrored images, which show the mirrored
            views.
        side: See `Embedder.forward`.

    Returns:
        (B, D) float32, not normalised to length 1; behind the neck unless the model says otherwise.
    """
    assert not model.training, "batch statistics would leak between images; call model.eval()"
    with torch.inference_mode():
        feats = _retrieved(model, images, side)
        if flip:
            mirrored = None if side is None else _mirrored(side, num_views=model.num_views)
            feats = (feats + _retrieved(model, images.flip(-1), mirrored)) / 2
    return feats


def _mirrored(side: Tensor, *, num_views: int) -> Tensor:
    """The same cameras with the views of mirrored images, see `vreid.data.views`."""
    camera, view = side.unbind(dim=1)
    return torch.stack([camera, torch.where(view < 0, view, num_views - 1 - view)], dim=1)


def _retrieved(model: Embedder, images: Tensor, side: Tensor | None) -> Tensor:
    found: Embedding = model(images, side)
    feats = found.feat if model.retrieval_feat == "feat" else found.feat_bn
    return feats.float()
