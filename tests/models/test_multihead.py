import pytest
import torch

from vreid.models.multihead import MultiHead


def test_by_its_formula() -> None:
    torch.manual_seed(0)
    head = MultiHead(7, dim=5, groups=3, gate_dim=4)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
        feats = torch.randn(2, 7)
        found = head(feats)
        state = dict(head.named_parameters())
        weights, biases = state["heads.0.weight"].view(3, 5, 7), state["heads.0.bias"].view(3, 5)

        def prelu(values: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
            return torch.where(values > 0, values, slope * values)

        for feat, result in zip(feats, found, strict=True):
            instance = prelu(
                state["instance.0.weight"] @ feat + state["instance.0.bias"],
                state["instance.1.weight"],
            )
            hidden = prelu(
                state["gate.0.weight"] @ instance + state["gate.0.bias"], state["gate.1.weight"]
            )
            gates = prelu(
                state["gate.2.weight"] @ hidden + state["gate.2.bias"], state["gate.3.weight"]
            ).softmax(dim=0)
            expected = instance.clone()
            for group in range(3):
                head_feat = weights[group] @ feat + biases[group]
                expected += gates[group] * prelu(head_feat, state["heads.2.weight"][group])
            torch.testing.assert_close(result, expected)


def test_every_weight_is_used() -> None:
    head = MultiHead(8, dim=6, groups=4, gate_dim=5)
    head(torch.randn(3, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


def test_full_size_by_count() -> None:
    with torch.device("meta"):
        head = MultiHead(2048, dim=2048)
    branches = 33 * (2048 * 2048 + 2048 + 1)  # with a slope each
    gate = 2048 * 256 + 256 + 1 + 256 * 32 + 32 + 1
    assert sum(parameter.numel() for parameter in head.parameters()) == branches + gate


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision(dtype: torch.dtype) -> None:
    head = MultiHead(8, dim=6, groups=4)
    with torch.autocast("cpu", dtype):
        assert head(torch.randn(3, 8) * 30).isfinite().all()
