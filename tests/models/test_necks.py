import pytest
import torch
from torch import nn

from vreid.errors import ConfigError
from vreid.models.heads import BNNeck
from vreid.models.necks import LNNeck, build_neck


def test_ln_normalises_every_feature_alone() -> None:
    neck = build_neck("ln", 6)
    assert isinstance(neck, LNNeck) and not neck.bias.requires_grad
    feats = torch.randn(4, 6) * 3 + 2
    for feat, found in zip(feats, neck(feats), strict=True):
        expected = (feat - feat.mean()) / (feat.var(correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["bn", "ln"])
def test_float32_under_autocast(name: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert build_neck(name, 6)(torch.randn(4, 6).bfloat16()).dtype == torch.float32


def test_the_shift_is_trained_only_when_asked() -> None:
    for name in ("bn", "ln"):
        for shift in (False, True):
            neck = build_neck(name, 6, shift=shift)
            assert isinstance(neck, BNNeck | LNNeck)
            assert neck.bias.requires_grad == shift and neck.weight.requires_grad


def test_names() -> None:
    feats = torch.randn(4, 6)
    assert isinstance(build_neck("none", 6), nn.Identity)
    assert build_neck("none", 6)(feats) is feats
    with pytest.raises(ConfigError, match="'in'; expected one of bn, ln, none"):
        build_neck("in", 6)
