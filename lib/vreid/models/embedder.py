"""The embedder: images to features, and to logits while training."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vreid.models.backbone import Backbone
from vreid.models.heads import BNNeck, build_classifier
from vreid.models.pooling import build_pooling


class Embedding(NamedTuple):
    """What an `Embedder` makes of B images, all float32 but the logits.

    Attributes:
        feat: (B, D) before the neck, for metric losses.
        feat_bn: (B, D) behind the neck, for retrieval.
        logits: (B, C), in the type of the matrix product; None in evaluation mode.
    """

    feat: Tensor
    feat_bn: Tensor
    logits: Tensor | None


class Embedder(nn.Module):
    """Normalise, backbone, pooling, (reduction,) BNNeck, classifier.

    The normalisation travels with the weights: a checkpoint brings the mean and deviation that it
    was trained with.

    Args:
        backbone: Images to maps.
        num_classes: C, the number of training labels; 0 leaves the classifier out.
        pooling: ``gem`` or ``avg``.
        gem_p: Exponent of GeM.
        gem_learnable: Whether it is trained along.
        embedding_dim: Width D of the feature; 0 takes the backbone's, else a linear layer reduces.

    Attributes:
        dim: D.
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
        embedding_dim: int = 0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = build_pooling(pooling, p=gem_p, learnable=gem_learnable)
        self.dim = embedding_dim or backbone.num_features
        self.reduction: nn.Module = nn.Identity()
        if embedding_dim:
            self.reduction = nn.Linear(backbone.num_features, embedding_dim)
        self.neck = BNNeck(self.dim)
        self.classifier = build_classifier(self.dim, num_classes) if num_classes else None
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Embedding:
        """Embed (B, 3, H, W): uint8 in [0, 255] or float in [0, 1]; the memory format is kept."""
        feat = self.reduction(self.pooling(self.backbone(self._normalize(images)))).float()
        feat_bn = self.neck(feat)
        logits = None
        if self.training and self.classifier is not None:
            logits = self.classifier(feat_bn)
        return Embedding(feat, feat_bn, logits)

    def _normalize(self, images: Tensor) -> Tensor:
        scaled = images.float() / 255 if images.dtype == torch.uint8 else images
        return (scaled - self.mean) / self.std


def embed(model: nn.Module, images: Tensor, *, flip: bool) -> Tensor:
    """Features of images for retrieval.

    Args:
        model: An `Embedder` in evaluation mode, compiled or not.
        images: (B, 3, H, W), see `Embedder.forward`.
        flip: Whether to average with the features of the mirrored images.

    Returns:
        (B, D) float32, behind the neck, not normalised to length 1.
    """
    assert not model.training, "batch statistics would leak between images; call model.eval()"
    with torch.inference_mode():
        feats: Tensor = model(images).feat_bn.float()
        if flip:
            feats = (feats + model(images.flip(-1)).feat_bn.float()) / 2
    return feats
