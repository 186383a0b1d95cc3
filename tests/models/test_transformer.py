"""Transformers: VOLO by published sizes, positions, overlapping patches, drop path, file names."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers.drop import DropPath

from vreid.errors import ConfigError
from vreid.models import network
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, embed
from vreid.models.transformer import fit_state

# Name: blocks, widths, heads, ratio of the perceptron, channels of the stem.
VOLO = {
    "volo_d1_224": ((4, 4, 8, 2), (192, 384), (6, 12), 3, 64),
    "volo_d2_224": ((6, 4, 10, 4), (256, 512), (8, 16), 3, 64),
    "volo_d3_224": ((8, 8, 16, 4), (256, 512), (8, 16), 3, 64),
    "volo_d4_224": ((8, 8, 16, 4), (384, 768), (12, 16), 3, 64),
    "volo_d5_224": ((12, 12, 20, 4), (384, 768), (12, 16), 4, 128),
}


def _volo_parameters(name: str) -> int:
    """From the paper's table, layer by layer."""
    (outlook, *others), (first, dim), (heads, _), ratio, hidden = VOLO[name]

    def perceptron(width: int) -> int:
        return 2 * ratio * width * width + ratio * width + width

    stem = 3 * 49 * hidden + 2 * (9 * hidden * hidden) + 3 * 2 * hidden
    patches = hidden * first * 4 * 4 + first
    # Outlook attention: values, 9 x 9 weights for each head, projection.
    weights = first * 81 * heads + 81 * heads
    outlooker = first * first + weights + first * first + first + 4 * first + perceptron(first)
    joining = first * dim * 4 + dim
    # Attention without biases but the projection's; class attention has the same matrices.
    block = 4 * dim * dim + dim + 4 * dim + perceptron(dim)
    positions, token, norm = 14 * 14 * dim, dim, 2 * dim
    blocks = (sum(others) + 2) * block
    return stem + patches + outlook * outlooker + joining + positions + blocks + token + norm


@pytest.mark.parametrize("name", VOLO)
def test_volo_counts(name: str) -> None:
    with torch.device("meta"):
        backbone = build_backbone(name, last_stride=2, weights="none")
    assert sum(parameter.numel() for parameter in backbone.parameters()) == _volo_parameters(name)
    published = {"1": 26.6, "2": 58.7, "3": 86.3, "4": 193, "5": 296}[name[6]]  # with classifiers
    classifiers = 2 * (backbone.num_features * 1000 + 1000)
    total = _volo_parameters(name) + classifiers
    assert total / 1e6 == pytest.approx(published, rel=0.01)
    assert backbone.num_features == {"1": 384, "2": 512, "3": 512}.get(name[6], 768)


@pytest.mark.parametrize(
    "name", ["volo_d1_224", pytest.param("volo_d3_224", marks=pytest.mark.slow)]
)
def test_volo_gives_its_class_token(name: str) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name, last_stride=2, weights="none", image_size=(64, 96)).eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        token, maps = backbone.forward_token(images), backbone(images)
        tokens = backbone.net.forward_features(images)
    assert torch.equal(token, tokens[:, 0]) and tokens.shape[1] == 1 + 4 * 6
    assert maps.shape == (2, backbone.num_features, 4, 6)
    assert torch.equal(maps[:, :, 1, 2], tokens[:, 1 + 6 + 2])


def test_full_size_volo_trains_one_step() -> None:
    torch.manual_seed(0)
    backbone = build_backbone(
        "volo_d1_224", last_stride=2, weights="none", image_size=(96, 96), drop_path=0.1
    )
    model = Embedder(
        backbone, num_classes=3, pooling="token", neck="none", bias=True, retrieval_feat="feat"
    )
    found = model(torch.rand(2, 3, 96, 96))
    assert found.logits is not None and found.logits.shape == (2, 3)
    found.logits.square().mean().backward()
    unused = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused


def test_positions_of_a_file_are_resampled(tmp_path: Path) -> None:
    published: Any = timm.create_model("volo_d1_224")  # 14 x 14, two classifiers of 1000
    gradient = torch.linspace(0, 1, 14).view(1, 14, 1, 1).expand(1, 14, 14, 384)
    published.pos_embed.data.copy_(gradient)
    file = tmp_path / "d1_224.pth.tar"
    torch.save({"state_dict": published.state_dict()}, file)
    backbone = build_backbone(
        "volo_d1_224", last_stride=2, weights=str(file), image_size=(112, 448)
    )
    found = backbone.net.pos_embed
    assert found.shape == (1, 7, 28, 384)
    assert torch.equal(backbone.net.norm.weight, published.norm.weight)
    # A gradient over the rows stays one, in half the steps, and the same in every column.
    middles = (gradient[0, ::2, 0, 0] + gradient[0, 1::2, 0, 0]) / 2
    torch.testing.assert_close(found[0, 1:-1, 3, 0], middles[1:-1], atol=0.01, rtol=0)
    torch.testing.assert_close(found[0, :, 0, 5], found[0, :, 27, 5])
    same = build_backbone("volo_d1_224", last_stride=2, weights=str(file))
    assert torch.equal(same.net.pos_embed, published.pos_embed)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("volo_d1_224", (64, 96)),
        ("test_vit", (64, 96)),
        ("eva02_tiny_patch14_224", (56, 84)),  # normalises the mean of its tokens
        ("vit_small_patch14_dinov2", (56, 84)),
        ("vit_small_patch16_dinov3", (64, 96)),  # rotary positions, four registers
    ],
)
def test_hub_and_file_give_the_same(
    name: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: Any = timm.create_model(name)
    hub_file = tmp_path / "model.safetensors"
    save_file(published.state_dict(), hub_file)
    monkeypatch.setattr(network, "fetch_pretrained", lambda name: hub_file)
    images = torch.rand(1, 3, *size)
    found = []
    for weights in ("timm", str(hub_file)):
        backbone = build_backbone(name, last_stride=2, weights=weights, image_size=size).eval()
        with torch.no_grad():
            found.append((backbone.forward_token(images), backbone(images)))
    for hub, file in zip(*found, strict=True):
        torch.testing.assert_close(hub, file)
    if name == "eva02_tiny_patch14_224":
        assert torch.equal(backbone.net.norm.weight, published.fc_norm.weight)


def test_clip_tower() -> None:
    with torch.device("meta"):
        backbone = build_backbone(
            "vit_base_patch16_clip_224", last_stride=2, weights="none", image_size=(256, 128)
        )
        assert backbone.forward_token(torch.zeros(2, 3, 256, 128)).shape == (2, 768)


def test_what_does_not_fit_stays_for_the_strict_loader() -> None:
    net: Any = timm.create_model("test_vit", num_classes=0, img_size=64)
    for shape in ((1, 18, 64), (1, 17, 32), (1, 4, 4, 64)):  # no square, another width, a grid
        state = {"pos_embed": torch.zeros(shape)}
        assert fit_state(net, state)["pos_embed"].shape == shape


def test_overlapping_patches_of_a_vit() -> None:
    torch.manual_seed(0)
    size = (64, 96)
    plain = build_backbone("test_vit", last_stride=2, weights="none", image_size=size).eval()
    fine = build_backbone(
        "test_vit", last_stride=2, weights="none", image_size=size, patch_stride=12
    ).eval()
    assert fine.grid == (5, 7)  # (64 - 16) // 12 + 1, (96 - 16) // 12 + 1
    assert fine.net.pos_embed.shape == (1, 1 + 5 * 7, 64)
    images = torch.rand(2, 3, *size)
    assert fine(images).shape == (2, 64, 5, 7)
    # The same projection: the first patch of both is the same.
    fine.net.patch_embed.load_state_dict(plain.net.patch_embed.state_dict())
    with torch.no_grad():
        patches, overlapping = plain.net.patch_embed(images), fine.net.patch_embed(images)
    torch.testing.assert_close(patches[:, 0, 0], overlapping[:, 0, 0])  # (B, h, w, C)
    torch.testing.assert_close(patches[:, 3, 3], overlapping[:, 4, 4])  # both at pixel (48, 48)


def test_overlapping_patches_of_rotary_transformers() -> None:
    backbone = build_backbone(
        "vit_small_patch16_dinov3",
        last_stride=2,
        weights="none",
        image_size=(64, 64),
        patch_stride=10,  # 64 // 10 = 6, but only 5 patches fit
    )
    assert backbone(torch.rand(1, 3, 64, 64)).shape == (1, 384, 5, 5)


def test_overlapping_patches_of_volo() -> None:
    backbone = build_backbone(
        "volo_d1_224", last_stride=2, weights="none", image_size=(64, 96), patch_stride=5
    )
    conv, norm = backbone.net.patch_embed
    assert (conv.kernel_size, conv.stride, conv.out_channels) == ((8, 8), (5, 5), 192)
    assert norm.num_features == 192
    assert backbone.grid == (6, 9)  # 12 x 18 patches, joined by twos
    assert backbone.eval()(torch.rand(1, 3, 64, 96)).shape == (1, 384, 6, 9)


@pytest.mark.parametrize(
    ("name", "stride", "message"),
    [
        ("test_resnet", 5, "does not cut its image into patches"),
        ("test_vit", 17, r"model\.patch_stride is 17; .*16 pixels a side, so 1 to 16"),
        ("volo_d1_224", 9, r"model\.patch_stride is 9; .*so 1 to 8"),
    ],
)
def test_patches_that_cannot_overlap(name: str, stride: int, message: str) -> None:
    with torch.device("meta"), pytest.raises(ConfigError, match=message):
        build_backbone(name, last_stride=2, weights="none", patch_stride=stride)


def test_drop_path_rises_through_every_block_of_volo() -> None:
    with torch.device("meta"):
        net = build_backbone("volo_d1_224", last_stride=2, weights="none", drop_path=0.17).net
    rates = [
        (module.drop_path1.drop_prob, module.drop_path2.drop_prob)
        for module in net.modules()
        if hasattr(module, "drop_path1")
    ]
    # 18 blocks (four of them outlookers), then two of class attention.
    assert [rate for rate, _ in rates] == pytest.approx([*(i / 100 for i in range(18)), 0.17, 0.17])
    assert all(first == second for first, second in rates)


def test_no_drop_path_by_default() -> None:
    with torch.device("meta"):
        net = build_backbone("volo_d1_224", last_stride=2, weights="none").net
    assert not any(isinstance(module, DropPath) for module in net.modules())


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_convnext"])
def test_drop_path_of_other_networks_is_timms(name: str) -> None:
    net = build_backbone(name, last_stride=2, weights="none", drop_path=0.3).net
    rates = [module.drop_prob for module in net.modules() if isinstance(module, DropPath)]
    assert max(rates) == pytest.approx(0.3)


def test_drop_outs_of_a_transformer() -> None:
    net = build_backbone(
        "test_vit", last_stride=2, weights="none", token_dropout=0.1, attention_dropout=0.2
    ).net
    assert net.pos_drop.p == 0.1
    assert all(block.attn.attn_drop.p == 0.2 for block in net.blocks)
    with pytest.raises(ConfigError, match=r"timm cannot build test_resnet .*attn_drop_rate"):
        build_backbone("test_resnet", weights="none", attention_dropout=0.2)


def test_dropping_follows_the_seed() -> None:
    torch.manual_seed(0)
    backbone = build_backbone(
        "test_vit", last_stride=2, weights="none", drop_path=0.5, token_dropout=0.5
    )
    images = torch.rand(2, 3, 160, 160)
    state = torch.get_rng_state()
    first = backbone(images)
    assert not torch.equal(first, backbone(images))
    torch.set_rng_state(state)
    assert torch.equal(first, backbone(images))


def test_swin_has_no_class_token() -> None:
    with torch.device("meta"):
        backbone = build_backbone("swin_tiny_patch4_window7_224", last_stride=2, weights="none")
    assert not backbone.has_token
    with pytest.raises(ConfigError, match=r"no class token; set model\.pooling gem or avg"):
        Embedder(backbone, num_classes=0, pooling="token")


def test_the_token_is_what_is_searched_with() -> None:
    backbone = build_backbone("test_vit", last_stride=2, weights="none", image_size=(64, 64))
    model = Embedder(
        backbone, num_classes=3, pooling="token", neck="bn", retrieval_feat="feat"
    ).eval()
    images = torch.rand(2, 3, 64, 64)
    normalized = (images - model.mean) / model.std
    with torch.no_grad():
        expected = backbone.net.forward_features(normalized)[:, 0]
    torch.testing.assert_close(embed(model, images, flip=False), expected)
