from pathlib import Path

import numpy as np
import pytest
import torch

from vreid.checkpoint import load_model, save_model
from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, embed
from vreid.models.side import SideEmbedding

CAMIDS = np.array([7, 3, 7, 12, -1, 3])  # as a data set has them: cameras 3, 7 and 12


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
    model = Embedder(backbone, num_classes=3, pooling="token")
    if side_cameras:
        model.learn_cameras(CAMIDS)
    return model


def _images(batch: int = 4) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def _embedding(*, num_cameras: int = 3, num_views: int = 3, weight: float = 1.0) -> SideEmbedding:
    torch.manual_seed(0)
    embedding = SideEmbedding(
        torch.nn.Identity(), dim=5, num_cameras=num_cameras, num_views=num_views, weight=weight
    )
    embedding.learn_cameras(CAMIDS)
    return embedding


def _sides(*cameras: int) -> torch.Tensor:
    return torch.tensor([[camera, -1] for camera in cameras])


def test_the_vector_is_added_to_every_token() -> None:
    embedding = _embedding(weight=3.0)
    tokens = torch.randn(2, 4, 5)
    embedding.choose(torch.tensor([[3, 2], [12, 0]]))
    found = embedding(tokens)
    for image, (place, view) in enumerate([(0, 2), (2, 0)]):
        for token in range(4):
            expected = tokens[image, token] + 3.0 * embedding.table[place, view]
            torch.testing.assert_close(found[image, token], expected)
    grid = torch.randn(2, 2, 2, 5)  # as VOLO has its tokens
    embedding.choose(torch.tensor([[3, 2], [12, 0]]))
    torch.testing.assert_close(embedding(grid)[1, 0, 1], grid[1, 0, 1] + 3 * embedding.table[2, 0])


def test_the_unknown_get_the_mean_of_the_known() -> None:
    embedding = _embedding(num_cameras=5)
    table = embedding.table[:3]  # two places are free
    sides = torch.tensor([[7, -1], [-1, 2], [-1, -1], [5, 2], [0, 1]])
    found = embedding.vectors(sides)
    torch.testing.assert_close(found[0], table[1].mean(dim=0))
    torch.testing.assert_close(found[1], table[:, 2].mean(dim=0))
    torch.testing.assert_close(found[2], table.mean(dim=(0, 1)))
    torch.testing.assert_close(found[3], table[:, 2].mean(dim=0))
    torch.testing.assert_close(found[4], table[:, 1].mean(dim=0))
    for image in range(5):
        torch.testing.assert_close(embedding.vectors(sides[[image]])[0], found[image])


def test_a_model_that_has_learnt_no_cameras_gives_the_mean_of_all_places() -> None:
    embedding = SideEmbedding(torch.nn.Identity(), dim=5, num_cameras=4, num_views=0, weight=1.0)
    for found in embedding.vectors(_sides(0, 3, -1)):
        torch.testing.assert_close(found, embedding.table.mean(dim=(0, 1)))


def test_cameras_take_places_in_order_and_keep_them() -> None:
    embedding = _embedding(num_cameras=4)
    assert embedding.camera_ids.tolist() == [3, 7, 12, -1]
    embedding.learn_cameras(CAMIDS[::-1].copy())
    assert embedding.camera_ids.tolist() == [3, 7, 12, -1]
    embedding.learn_cameras(np.array([12, 5, 3, 0, 12]))  # another data set: 7 is not in it
    assert embedding.camera_ids.tolist() == [3, 0, 12, 5]
    views = _embedding(num_cameras=0)
    assert views.camera_ids.tolist() == []


def test_wrong_numbers_of_cameras() -> None:
    with pytest.raises(
        ConfigError,
        match=r"model\.side_cameras is 2, but the training images come from 3 known cameras; set"
        r" it to 3",
    ):
        _embedding(num_cameras=2)
    embedding = _embedding()
    with pytest.raises(ConfigError, match=r"from 0 known cameras; set it to 0"):
        embedding.learn_cameras(np.array([-1, -1]))
    assert embedding.camera_ids.tolist() == [3, 7, 12]
    _model().learn_cameras(CAMIDS)  # nothing to learn without side information


def test_what_a_model_says_of_itself() -> None:
    plain, cameras, views = _model(), _model(side_cameras=3), _model(side_views=8)
    assert [model.uses_side for model in (plain, cameras, views)] == [False, True, True]
    assert [model.num_views for model in (plain, cameras, views)] == [0, 0, 8]


def test_cameras_change_features_and_learn() -> None:
    model = _model(side_cameras=4).eval()
    side = _sides(3, 7, 12, -1)
    first = embed(model, _images(), flip=True, side=side)
    other = embed(model, _images(), flip=True, side=side.roll(1, dims=0))
    assert not torch.allclose(first, other)
    found = model.train()(_images(), side)
    (found.feat * torch.randn_like(found.feat)).sum().backward()
    table = model.backbone.net.pos_drop.table
    assert table.shape == (4, 1, 64)
    gradient = table.grad
    assert gradient is not None and (gradient[:3].abs().sum(dim=(1, 2)) > 0).all()
    assert (gradient[3] == 0).all()  # a free place


def test_cameras_trained_apart_give_other_features_and_the_unknown_their_mean(
    tmp_path: Path,
) -> None:
    model = _model(side_cameras=3)
    optimizer = torch.optim.SGD([model.backbone.net.pos_drop.table], lr=1.0)
    images = _images(2)[[0, 0, 1, 1]]
    side = _sides(3, 7, 3, 7)
    apart = []
    for _ in range(5):
        feat = model(images, side).feat
        apart.append((feat[0::2] - feat[1::2]).square().mean())
        optimizer.zero_grad()
        (-apart[-1]).backward()
        optimizer.step()
    assert apart[-1] > 2 * apart[0]
    trained = embed(model.eval(), images, flip=False, side=side)

    save_model(tmp_path / "best.pt", model, facts={})
    again = _model(side_cameras=3).eval()
    load_model(tmp_path / "best.pt", again)
    assert again.backbone.net.pos_drop.camera_ids.tolist() == [3, 7, 12]
    assert torch.equal(embed(again, images, flip=False, side=side), trained)

    order = torch.tensor([2, 0, 3, 1])
    shuffled = embed(again, images[order], flip=False, side=side[order])
    torch.testing.assert_close(shuffled, trained[order])

    unknown = embed(again, images, flip=False, side=_sides(99, -1, 0, 99))
    table = again.backbone.net.pos_drop.table
    with torch.no_grad():
        table[:] = table.mean(dim=0, keepdim=True)
    torch.testing.assert_close(unknown, embed(again, images, flip=False, side=side))


def test_alone_cameras_ignore_views_and_the_other_way_round() -> None:
    images = _images()
    cameras, views = _model(side_cameras=3).eval(), _model(side_views=3).eval()
    one, other = torch.tensor([[3, 0]] * 4), torch.tensor([[3, 2]] * 4)
    assert torch.equal(
        embed(cameras, images, flip=False, side=one), embed(cameras, images, flip=False, side=other)
    )
    assert not torch.equal(
        embed(views, images, flip=False, side=one), embed(views, images, flip=False, side=other)
    )
    elsewhere = torch.tensor([[7, 0]] * 4)
    assert torch.equal(
        embed(views, images, flip=False, side=one), embed(views, images, flip=False, side=elsewhere)
    )


def test_the_mirrored_image_has_the_mirrored_view() -> None:
    model = _model(side_cameras=3, side_views=4).eval()
    images, side = _images(), torch.tensor([[3, 0], [7, 2], [12, 3], [3, -1]])
    turned = torch.tensor([[3, 3], [7, 1], [12, 0], [3, -1]])
    plain = embed(model, images, flip=False, side=side)
    mirrored = embed(model, images.flip(-1), flip=False, side=turned)
    found = embed(model, images, flip=True, side=side)
    torch.testing.assert_close(found, (plain + mirrored) / 2)
    # Whichever of the two an image is, the mean is the same.
    torch.testing.assert_close(embed(model, images.flip(-1), flip=True, side=turned), found)


def test_forgotten_or_unwanted_side_information_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="needs the cameras and views: pass side="):
        _model(side_cameras=3)(_images())
    with pytest.raises(AssertionError, match="no embedding of cameras and views"):
        _model()(_images(), torch.zeros(4, 2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("name", "size"), [("eva02_tiny_patch14_224", 56), ("vit_small_patch16_dinov3", 64)]
)
def test_rotary_transformers(name: str, size: int) -> None:
    backbone = build_backbone(
        name, last_stride=2, weights="none", image_size=(size, size), side_cameras=2
    ).eval()
    assert backbone.side is not None
    backbone.side.learn_cameras(np.array([4, 9]))
    with torch.no_grad():
        images = torch.rand(1, 3, size, size)
        found = [backbone.forward_token(images, torch.tensor([[cam, 0]])) for cam in (4, 9)]
    assert not torch.allclose(found[0], found[1])


def test_compiled_it_is_the_same() -> None:
    model = _model(side_cameras=3).eval()
    compiled = torch.compile(model, backend="eager")
    for cameras in ([3, 7, 3, 7], [7, 7, 12, -1]):
        side = torch.tensor([[camera, -1] for camera in cameras])
        with torch.no_grad():
            found, expected = compiled(_images(), side), model(_images(), side)
        torch.testing.assert_close(found.feat_bn, expected.feat_bn)


def test_networks_without_tokens() -> None:
    with pytest.raises(ConfigError, match=r"model\.side_cameras, .*test_resnet has no tokens"):
        build_backbone("test_resnet", weights="none", side_cameras=2)
