import pytest
import torch

from vreid.errors import ConfigError
from vreid.models.backbone import Backbone, build_backbone
from vreid.models.embedder import Embedder, embed


@pytest.fixture
def backbone() -> Backbone:
    torch.manual_seed(0)
    return build_backbone("test_resnet", weights="none")


def _images(batch: int = 4, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8, generator=generator)


def test_training_gives_logits_and_evaluation_none(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7)
    feat, feat_bn, logits = model(_images())
    assert feat.shape == feat_bn.shape == (4, 96)
    assert logits is not None and logits.shape == (4, 7)
    assert model.eval()(_images()).logits is None
    assert Embedder(backbone, num_classes=0)(_images()).logits is None


def test_every_step_by_hand(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7, pooling="avg")
    images = _images()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = (images.float() / 255 - mean[:, None, None]) / std[:, None, None]
    backbone.eval()  # so that the batch normalisations give the same twice; the neck trains
    feat = backbone(normalized).mean(dim=(2, 3))
    feat_bn = (feat - feat.mean(dim=0)) / (feat.var(dim=0, correction=0) + 1e-5).sqrt()
    found = model(images)
    torch.testing.assert_close(found.feat, feat)
    torch.testing.assert_close(found.feat_bn, feat_bn)
    assert model.classifier is not None
    torch.testing.assert_close(found.logits, feat_bn @ model.classifier.weight.T)


def test_uint8_and_unit_floats_are_the_same(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=0).eval()
    images = _images()
    assert torch.equal(model(images).feat, model(images.float() / 255).feat)


def test_reduction(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7, embedding_dim=12)
    assert model.dim == 12
    found = model(_images())
    assert found.feat.shape == found.feat_bn.shape == (4, 12)


def test_normalisation_travels_with_the_weights(backbone: Backbone) -> None:
    backbone.mean = backbone.std = (0.5, 0.5, 0.5)
    trained = Embedder(backbone, num_classes=0)
    again = Embedder(build_backbone("test_resnet", weights="none"), num_classes=0)
    again.load_state_dict(trained.state_dict())
    assert torch.equal(again.eval()(_images()).feat, trained.eval()(_images()).feat)


def test_float32_features_under_autocast(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7, embedding_dim=12)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(_images())
    assert found.feat.dtype == found.feat_bn.dtype == torch.float32


def test_channels_last_gives_the_same(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=0).eval()
    expected = embed(model, _images(), flip=False)
    model = model.to(memory_format=torch.channels_last)
    images = _images().contiguous(memory_format=torch.channels_last)
    assert backbone(images.float()).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(embed(model, images, flip=False), expected, rtol=1e-3, atol=1e-4)


def test_flip_averages_two_views(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7)
    model(_images())  # gives the neck statistics
    model.eval()
    images = _images()
    plain, flipped = embed(model, images, flip=False), embed(model, images.flip(3), flip=False)
    both = embed(model, images, flip=True)
    assert both.dtype == torch.float32 and both.shape == (4, 96)
    torch.testing.assert_close(both, (plain + flipped) / 2)
    torch.testing.assert_close(embed(model, images.flip(3), flip=True), both)
    assert not torch.equal(plain, flipped)
    torch.testing.assert_close(plain, model(images).feat_bn)


def test_embedding_in_training_mode_is_our_own_mistake(backbone: Backbone) -> None:
    with pytest.raises(AssertionError, match=r"call model\.eval"):
        embed(Embedder(backbone, num_classes=0), _images(), flip=False)


def test_a_transformer_embeds() -> None:
    backbone = build_backbone("test_vit", last_stride=2, weights="none", image_size=(64, 64))
    model = Embedder(backbone, num_classes=3)
    assert model(_images()).feat.shape == (4, 64)


def test_unknown_pooling(backbone: Backbone) -> None:
    with pytest.raises(ConfigError, match="expected one of gem, avg"):
        Embedder(backbone, num_classes=0, pooling="max")


def test_default_names_are_those_of_old_checkpoints(backbone: Backbone) -> None:
    def names(model: Embedder) -> set[str]:
        return {name for name in model.state_dict() if not name.startswith("backbone.")}

    neck = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    plain = {"mean", "std", "classifier.weight", *(f"neck.{name}" for name in neck)}
    assert names(Embedder(backbone, num_classes=7)) == plain
    reduced = Embedder(backbone, num_classes=7, embedding_dim=12, gem_learnable=True)
    assert names(reduced) == plain | {"reduction.weight", "reduction.bias", "pooling.p"}


def test_two_levels(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=0, pooling="gem_avg", levels=2).eval()
    images = _images()
    assert model.dim == 96 + backbone.lower_features == 96 + 192
    net = backbone.net
    maps = model._normalize(images)
    maps = net.maxpool(net.act1(net.bn1(net.conv1(maps))))
    before = net.layer3(net.layer2(net.layer1(maps)))
    expected = []
    for level in (net.layer4(before), before):
        gem = level.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3)
        expected.append(gem + level.mean(dim=(2, 3)))
    torch.testing.assert_close(model(images).feat, torch.cat(expected, dim=1))


def test_attention_acts_on_the_last_map_only(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=0, attention="cbam", levels=2, pooling="avg").eval()
    images = _images()
    last, before = backbone.forward_levels(model._normalize(images))
    pooled = [model.attention(last).mean(dim=(2, 3)), before.mean(dim=(2, 3))]
    torch.testing.assert_close(model(images).feat, torch.cat(pooled, dim=1))
    assert not torch.equal(model.attention(last), last)


def test_heads_and_reduction_in_a_row(backbone: Backbone) -> None:
    model = Embedder(
        backbone, num_classes=7, groups=3, group_dim=20, gate_dim=8, embedding_dim=12
    ).eval()
    images = _images()
    pooled = model.pooling(backbone(model._normalize(images)))
    torch.testing.assert_close(model(images).feat, model.reduction(model.multihead(pooled)))
    assert model.reduction.weight.shape == (12, 20)
    assert Embedder(backbone, num_classes=7, groups=3).dim == 96


def test_drop_out_behind_the_neck(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7, neck_dropout=0.5, neck_shift=True, bias=True)
    assert model.classifier is not None
    torch.manual_seed(0)
    found = model(_images(16))
    dropped = found.feat_bn == 0
    assert 0.4 < dropped.float().mean() < 0.6
    torch.testing.assert_close(
        found.feat_bn[~dropped], 2 * model.neck(found.feat)[~dropped], rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(found.logits, model.classifier(found.feat_bn))
    torch.manual_seed(0)
    assert torch.equal(model(_images(16)).feat_bn == 0, dropped)
    assert not (model.eval()(_images(16)).feat_bn == 0).any()
    assert torch.equal(model.classifier.bias, torch.zeros(7))
    assert model.neck.bias.requires_grad


def test_retrieval_before_the_neck(backbone: Backbone) -> None:
    model = Embedder(backbone, num_classes=7, retrieval_feat="feat")
    model(_images())
    model.eval()
    found = model(_images())
    assert torch.equal(embed(model, _images(), flip=False), found.feat)
    assert not torch.equal(found.feat, found.feat_bn)


def test_no_neck(backbone: Backbone) -> None:
    found = Embedder(backbone, num_classes=7, neck="none")(_images())
    assert torch.equal(found.feat, found.feat_bn)


def test_a_backbone_that_cannot_do_it(backbone: Backbone) -> None:
    with pytest.raises(ConfigError, match=r"model\.pooling is 'token', but .* no class token"):
        Embedder(backbone, num_classes=0, pooling="token")
    vit = build_backbone("test_vit", last_stride=2, weights="none")
    with pytest.raises(ConfigError, match=r"model\.levels is 2, .*no stage of finer maps"):
        Embedder(vit, num_classes=0, levels=2)
    with pytest.raises(ConfigError, match=r"attention 'cbam', but the class token is no map"):
        Embedder(vit, num_classes=0, pooling="token", attention="cbam")
