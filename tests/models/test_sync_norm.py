import io
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from tests.processes import run_processes
from vreid.distributed import own_share
from vreid.errors import ConfigError
from vreid.models.backbone import build_backbone
from vreid.models.heads import BNNeck
from vreid.models.ibn import IBN
from vreid.models.reduction import build_reduction
from vreid.models.sync_norm import _synchronized, synchronize_norms

STEPS = 2  # the second shows whether running statistics moved
Case = tuple[Callable[[], nn.Module], tuple[int, ...], torch.dtype, float]
CASES: dict[str, Case] = {
    "vectors": (lambda: nn.BatchNorm1d(5), (6, 5), torch.float32, 1e-5),
    "vectors in float64": (lambda: nn.BatchNorm1d(5).double(), (6, 5), torch.float64, 1e-12),
    "sequences": (lambda: nn.BatchNorm1d(5), (6, 5, 3), torch.float32, 1e-5),
    "maps in float64": (lambda: nn.BatchNorm2d(5).double(), (6, 5, 3, 4), torch.float64, 1e-12),
    "maps in bfloat16": (lambda: nn.BatchNorm2d(5), (6, 5, 3, 4), torch.bfloat16, 2e-2),
    "maps in float16": (lambda: nn.BatchNorm2d(5), (6, 5, 3, 4), torch.float16, 3e-3),
    "unequal shares": (lambda: nn.BatchNorm2d(5), (5, 5, 3, 4), torch.float32, 1e-5),
    "an image each": (lambda: nn.BatchNorm1d(5), (2, 5), torch.float32, 1e-4),
    "no momentum": (lambda: nn.BatchNorm2d(5, momentum=None), (6, 5, 2, 2), torch.float32, 1e-5),
    "no scale": (lambda: nn.BatchNorm2d(5, affine=False), (6, 5, 2, 2), torch.bfloat16, 2e-2),
    "no running statistics": (
        lambda: nn.BatchNorm2d(5, eps=1e-3, track_running_stats=False),
        (6, 5, 2, 2),
        torch.float32,
        1e-5,
    ),
    "with activation": (lambda: BatchNormAct2d(5), (6, 5, 3, 4), torch.float32, 1e-5),
    "BNNeck": (lambda: BNNeck(5), (6, 5), torch.float32, 1e-5),
    "BNNeck of bfloat16": (lambda: BNNeck(5), (6, 5), torch.bfloat16, 1e-2),
    "reduction": (lambda: build_reduction("bn_dropout_fc", 5, dim=4), (6, 5), torch.float32, 1e-5),
    "IBN": (lambda: IBN(nn.BatchNorm2d(6)), (6, 6, 3, 4), torch.float32, 1e-5),
    "IBN with activation": (lambda: IBN(BatchNormAct2d(6)), (6, 6, 3, 4), torch.float32, 1e-5),
    "frozen": (lambda: nn.BatchNorm2d(5).eval(), (6, 5, 3, 4), torch.float32, 1e-6),
}


def made(name: str) -> tuple[nn.Module, list[Tensor], list[Tensor]]:
    """A norm whose weights show when one is forgotten; maps and gradients of some steps."""
    make, shape, dtype, _ = CASES[name]
    torch.manual_seed(1)
    norm = make()
    for parameter in norm.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    maps = [torch.randn(shape, dtype=torch.float64) * 2 + 3 for _ in range(STEPS)]
    grads = [torch.randn(shape, dtype=torch.float64) for _ in range(STEPS)]
    return norm, [x.to(dtype) for x in maps], grads


def steps(norm: nn.Module, maps: list[Tensor], grads: list[Tensor]) -> dict[str, Any]:
    """Results and gradients of this process's share."""
    found: dict[str, Any] = {"out": [], "grad": []}
    for whole, grad in zip(maps, grads, strict=True):
        share = list(own_share(range(len(whole))))
        x = whole[share].requires_grad_(True)
        out = norm(x)
        width = out.shape[1]
        out.backward(grad[share][:, :width].to(out.dtype))
        found["out"].append(out.detach())
        found["grad"].append(x.grad)
    found["parameters"] = [parameter.grad for parameter in norm.parameters()]
    found["state"] = norm.state_dict()
    return found


def in_a_process() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in CASES:
        norm, maps, grads = made(name)
        synchronize_norms(norm)
        found[name] = steps(norm, maps, grads)
    norm, maps, grads = made("maps in float64")
    synchronize_norms(norm)
    found["copy"] = steps(deepcopy(norm), maps, grads)
    norm = nn.BatchNorm2d(5)
    synchronize_norms(norm)
    maps = [x.float().contiguous(memory_format=torch.channels_last) for x in maps]
    found["channels_last"] = steps(norm, maps, grads)
    norm = nn.BatchNorm2d(5)
    synchronize_norms(norm)
    found["large mean"] = norm(maps[0][list(own_share(range(6)))] + 1000).detach()
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes found."""
    return run_processes(in_a_process, tmp_path_factory.mktemp("processes"))


def joined(parts: list[Tensor]) -> Tensor:
    """The rows of two shares in the order of the whole."""
    whole = torch.cat(parts)
    order = torch.cat([torch.arange(len(whole))[start::2] for start in range(2)])
    return whole[order.argsort()]


def assert_like_one(
    found: list[dict[str, Any]], expected: dict[str, Any], tolerance: float
) -> None:
    close = partial(torch.testing.assert_close, rtol=tolerance, atol=tolerance)
    for key in ("out", "grad"):
        for step in range(STEPS):
            together = joined([one[key][step] for one in found])
            close(together, expected[key][step])
    for parts in zip(*(one["parameters"] for one in found), expected["parameters"], strict=True):
        if parts[-1] is not None:
            close(parts[0] + parts[1], parts[2])
    for one in found:
        assert one["state"].keys() == expected["state"].keys()
        for key, value in one["state"].items():
            torch.testing.assert_close(value, expected["state"][key], rtol=1e-5, atol=1e-6)
            assert torch.equal(value, found[0]["state"][key])


@pytest.mark.parametrize("name", CASES)
def test_two_processes_normalise_like_one(found: list[dict[str, Any]], name: str) -> None:
    expected = steps(*made(name))
    assert_like_one([one[name] for one in found], expected, CASES[name][-1])


def test_a_copy_is_synchronised_too(found: list[dict[str, Any]]) -> None:
    expected = steps(*made("maps in float64"))
    assert_like_one([one["copy"] for one in found], expected, 1e-12)


def test_the_layout_of_the_maps_is_kept(found: list[dict[str, Any]]) -> None:
    _, maps, grads = made("maps in float64")
    expected = steps(nn.BatchNorm2d(5), [x.float() for x in maps], grads)
    assert_like_one([one["channels_last"] for one in found], expected, 1e-5)
    for one in found:
        for tensor in one["channels_last"]["out"] + one["channels_last"]["grad"]:
            assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_a_large_mean_takes_no_digits(found: list[dict[str, Any]]) -> None:
    _, maps, _ = made("maps in float64")
    shifted = (maps[0].float() + 1000).double()
    expected = nn.BatchNorm2d(5).double()(shifted).float()
    torch.testing.assert_close(
        joined([one["large mean"] for one in found]), expected, rtol=1e-3, atol=1e-3
    )


def test_every_norm_of_a_model_is_converted_and_stays_what_it_was() -> None:
    backbone = build_backbone("test_resnet", ibn=True, weights="none", last_stride=2)
    model = nn.Sequential(backbone, nn.Flatten(), BNNeck(4), nn.LayerNorm(4))
    before, keys = dict(model.named_modules()), list(model.state_dict())
    norms = [m for m in before.values() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    kinds = [type(norm) for norm in norms]
    assert synchronize_norms(model) == len(norms) > 5
    assert synchronize_norms(model) == len(norms)
    assert all(module is before[name] for name, module in model.named_modules())
    assert list(model.state_dict()) == keys
    for norm, kind in zip(norms, kinds, strict=True):
        assert isinstance(norm, kind) and type(norm) is not kind
    assert any(isinstance(module, IBN) for module in model.modules())


def test_weights_are_saved_and_loaded_as_ever() -> None:
    norm, plain = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    norm(torch.randn(4, 3, 2, 2))
    synchronize_norms(norm)
    stream = io.BytesIO()
    torch.save(norm.state_dict(), stream)
    stream.seek(0)
    plain.load_state_dict(torch.load(stream, weights_only=True))
    assert norm.running_mean is not None and plain.running_mean is not None
    assert torch.equal(norm.running_mean, plain.running_mean)


@pytest.mark.parametrize("name", CASES)
def test_one_process_computes_what_it_did_before(name: str) -> None:
    expected = steps(*made(name))
    norm, maps, grads = made(name)
    synchronize_norms(norm)
    torch.testing.assert_close(steps(norm, maps, grads), expected, rtol=0, atol=0)


class OtherNorm(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:
        return input


def test_an_unknown_kind_is_refused_before_anything_changes() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), OtherNorm(3))
    with pytest.raises(ConfigError, match="normalises by OtherNorm, which cannot be synchronised"):
        synchronize_norms(model)
    assert type(model[0]) is nn.BatchNorm2d


@pytest.fixture
def group_of_one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    device: str = request.param
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    torch.distributed.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        init_method=f"file://{tmp_path / 'store'}",
        rank=0,
        world_size=1,
    )
    yield device
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    "group_of_one", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 3e-2), (torch.float16, 4e-3)]
)
def test_the_kernels_of_each_device(
    group_of_one: str, layout: torch.memory_format, dtype: torch.dtype, tolerance: float
) -> None:
    norm, plain = (nn.BatchNorm2d(5).to(group_of_one) for _ in range(2))
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    plain.load_state_dict(norm.state_dict())
    maps = (torch.randn(6, 5, 8, 9) + 3).to(group_of_one, dtype).contiguous(memory_format=layout)
    grad = torch.randn(6, 5, 8, 9).to(group_of_one, dtype)
    ours, theirs = (maps.clone().requires_grad_(True) for _ in range(2))
    _synchronized(norm, ours).backward(grad)
    plain(theirs.float()).backward(grad.float())
    assert theirs.grad is not None and ours.grad is not None and ours.grad.dtype == dtype
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=tolerance, atol=tolerance)
    for mine, reference in zip(norm.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, reference.grad, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(norm.running_var, plain.running_var, rtol=1e-4, atol=1e-5)
