"""Where in an image a trained network is active: the energy of its last feature map.

VOC-ReID (Zhu and others, "VOC-ReID: Vehicle Re-identification based on Vehicle-Orientation-Camera",
CVPR Workshops 2020, arXiv:2004.09164) crops vehicles by it, and the AI City 2021 systems built upon
it do. Its maps are of one size, and it blanks their border; maps of any size come here as they are.
"""

import torch
from torch import Tensor

from vreid.models.embedder import Embedder


def activation_map(model: Embedder, images: Tensor, side: Tensor | None = None) -> Tensor:
    """The sum of squares over the channels of the last map, behind its attention.

    Convolutional networks have that map by nature, transformers as their patch tokens.

    Args:
        model: In evaluation mode.
        images: (B, 3, H, W) uint8 on its device.
        side: See `Embedder.forward`.

    Returns:
        (B, h, w) float32, 0 or more.
    """
    assert not model.training, "batch statistics would leak between images; call model.eval()"
    with torch.inference_mode():
        normalized = (images.float() / 255 - model.mean) / model.std
        feats: Tensor = model.attention(model.backbone(normalized, side))  # (B, C, h, w)
        return feats.float().square().sum(dim=1)
