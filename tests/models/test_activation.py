import pytest
import torch

from vreid.models.activation import activation_map
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_the_map_is_the_energy_of_the_last_features(name: str) -> None:
    torch.manual_seed(0)
    size = (160, 160) if name == "test_vit" else (96, 64)
    backbone = build_backbone(name, weights="none", last_stride=2, image_size=size)
    model = Embedder(backbone, num_classes=3).eval()
    images = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    found = activation_map(model, images)
    with torch.no_grad():
        feats = backbone((images / 255 - model.mean) / model.std)
    height, width = feats.shape[2:]
    assert found.shape == (2, height, width) and found.dtype == torch.float32
    assert height == size[0] // backbone.stride and width == size[1] // backbone.stride
    for row in range(height):
        for column in range(width):
            expected = (feats[:, :, row, column] ** 2).sum(dim=1)
            torch.testing.assert_close(found[:, row, column], expected)
    assert (found >= 0).all()


def test_attention_on_the_map_counts() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("test_resnet", weights="none", last_stride=2)
    model = Embedder(backbone, num_classes=3, attention="cbam").eval()
    images = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        feats = model.attention(backbone((images / 255 - model.mean) / model.std))
    torch.testing.assert_close(activation_map(model, images), feats.square().sum(dim=1))
