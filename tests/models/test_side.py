import numpy as np
import pytest
import torch

from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, embed
from vreid.models.side import SideEmbedding, side_indices


def _model(*, side_cameras: int = 0, side_views: int = 0) -> Embedder:
    torch.manual_seed(0)
    backbone = build_backbone(
        "test_vit",
        last_stride=2,
        weights="none",
        image_size=(64, 64),
        side_cameras=side_cameras,
        side_views=side_views,
    )
    return Embedder(backbone, num_classes=3, pooling="token")


def _images(batch: int = 4) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_the_vector_is_added_to_every_token() -> None:
    embedding = SideEmbedding(torch.nn.Identity(), dim=5, num_cameras=2, num_views=3, weight=3.0)
    tokens = torch.randn(2, 4, 5)
    embedding.choose(torch.tensor([[0, 2], [1, 0]]))
    found = embedding(tokens)
    for image, (camera, view) in enumerate([(0, 2), (1, 0)]):
        for token in range(4):
            expected = tokens[image, token] + 3.0 * embedding.table[camera, view]
            torch.testing.assert_close(found[image, token], expected)
    grid = torch.randn(2, 2, 2, 5)  # as VOLO has its tokens
    embedding.choose(torch.tensor([[0, 2], [1, 0]]))
    torch.testing.assert_close(embedding(grid)[1, 0, 1], grid[1, 0, 1] + 3 * embedding.table[1, 0])


def test_the_unknown_get_the_mean() -> None:
    embedding = SideEmbedding(torch.nn.Identity(), dim=5, num_cameras=2, num_views=3, weight=1.0)
    table = embedding.table
    found = embedding.vectors(torch.tensor([[1, -1], [-1, 2], [-1, -1]]))
    torch.testing.assert_close(found[0], table[1].mean(dim=0))
    torch.testing.assert_close(found[1], table[:, 2].mean(dim=0))
    torch.testing.assert_close(found[2], table.mean(dim=(0, 1)))


def test_cameras_change_features_and_learn() -> None:
    model = _model(side_cameras=4).eval()
    side = torch.tensor([[0, -1], [1, -1], [2, -1], [-1, -1]])
    first = embed(model, _images(), flip=True, side=side)
    other = embed(model, _images(), flip=True, side=side.roll(1, dims=0))
    assert not torch.allclose(first, other)
    found = model.train()(_images(), side)
    (found.feat * torch.randn_like(found.feat)).sum().backward()
    table = model.backbone.net.pos_drop.table
    assert table.shape == (4, 1, 64)
    assert table.grad is not None and (table.grad[:3].abs().sum(dim=(1, 2)) > 0).all()


def test_alone_cameras_ignore_views_and_the_other_way_round() -> None:
    images = _images()
    cameras, views = _model(side_cameras=2).eval(), _model(side_views=3).eval()
    one, other = torch.tensor([[1, 0]] * 4), torch.tensor([[1, 2]] * 4)
    assert torch.equal(
        embed(cameras, images, flip=False, side=one), embed(cameras, images, flip=False, side=other)
    )
    assert not torch.equal(
        embed(views, images, flip=False, side=one), embed(views, images, flip=False, side=other)
    )


def test_forgotten_or_unwanted_side_information_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="needs the cameras and views: pass side="):
        _model(side_cameras=2)(_images())
    with pytest.raises(AssertionError, match="no embedding of cameras and views"):
        _model()(_images(), torch.zeros(4, 2, dtype=torch.int64))


def test_checkpoints_carry_the_table() -> None:
    model = _model(side_cameras=2)
    again = _model(side_cameras=2)
    torch.nn.init.normal_(model.backbone.net.pos_drop.table)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.backbone.net.pos_drop.table, model.backbone.net.pos_drop.table)


@pytest.mark.parametrize(
    ("name", "size"), [("eva02_tiny_patch14_224", 56), ("vit_small_patch16_dinov3", 64)]
)
def test_rotary_transformers(name: str, size: int) -> None:
    backbone = build_backbone(
        name, last_stride=2, weights="none", image_size=(size, size), side_cameras=2
    ).eval()
    with torch.no_grad():
        images = torch.rand(1, 3, size, size)
        found = [backbone.forward_token(images, torch.tensor([[cam, 0]])) for cam in (0, 1)]
    assert not torch.allclose(found[0], found[1])


def test_compiled_it_is_the_same() -> None:
    model = _model(side_cameras=2).eval()
    compiled = torch.compile(model, backend="eager")
    for cameras in ([0, 1, 0, 1], [1, 1, 0, -1]):
        side = torch.tensor([[camera, -1] for camera in cameras])
        with torch.no_grad():
            found, expected = compiled(_images(), side), model(_images(), side)
        torch.testing.assert_close(found.feat_bn, expected.feat_bn)


def test_networks_without_tokens() -> None:
    with pytest.raises(ConfigError, match=r"model\.side_cameras, .*test_resnet has no tokens"):
        build_backbone("test_resnet", weights="none", side_cameras=2)


def test_indices() -> None:
    found = side_indices(np.array([0, 1, -1]), np.array([7, -1, 0]), num_cameras=2, num_views=0)
    assert found.tolist() == [[0, 0], [1, 0], [-1, 0]]
    with pytest.raises(ConfigError, match=r"model\.side_cameras is 2, .*has the index 2, counted"):
        side_indices(np.array([0, 2]), np.array([0, 0]), num_cameras=2, num_views=0)
    assert side_indices(
        np.array([]).astype(int), np.array([]).astype(int), num_cameras=2, num_views=2
    ).shape == (0, 2)
