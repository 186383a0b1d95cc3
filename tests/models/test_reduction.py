import pytest
import torch
from torch import nn

from vreid.errors import ConfigError
from vreid.models.reduction import build_reduction


@pytest.mark.parametrize(
    ("name", "layers", "num_parameters"),
    [
        ("fc", ["Linear"], 12 * 5 + 5),
        ("dropout_fc", ["Dropout", "Linear"], 12 * 5 + 5),
        ("bn_dropout_fc", ["FloatBatchNorm", "Dropout", "Linear"], 12 * 5 + 5 + 24),
        ("mlp", ["Linear", "ReLU", "Linear"], 12 * 5 + 5 + 5 * 5 + 5),
    ],
)
def test_layers(name: str, layers: list[str], num_parameters: int) -> None:
    reduction = build_reduction(name, 12, dim=5, dropout=0.4)
    steps = list(reduction) if isinstance(reduction, nn.Sequential) else [reduction]
    assert [type(step).__name__ for step in steps] == layers
    assert sum(parameter.numel() for parameter in reduction.parameters()) == num_parameters
    assert all(step.p == 0.4 for step in steps if isinstance(step, nn.Dropout))
    with torch.autocast("cpu", torch.bfloat16):
        assert reduction(torch.randn(4, 12).bfloat16()).shape == (4, 5)


def test_drop_out_follows_the_seed_and_rests_in_evaluation() -> None:
    reduction = build_reduction("dropout_fc", 12, dim=5, dropout=0.5)
    feats = torch.randn(4, 12)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(reduction(feats))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert torch.equal(reduction.eval()(feats), reduction[1](feats))  # type: ignore[index]


def test_unknown_name() -> None:
    with pytest.raises(ConfigError, match="'conv'; expected one of fc, dropout_fc, bn_dropout_fc"):
        build_reduction("conv", 12, dim=5)
