from pathlib import Path

import pytest
import torch

from vreid import precision as precision_module
from vreid.errors import ConfigError
from vreid.precision import Precision, choose_precision, has_bf16_units

CPU = torch.device("cpu")
CUDA = torch.device("cuda")  # a name; nothing here runs on it


@pytest.mark.parametrize(("has_units", "name"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_cpu(has_units: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_module, "has_bf16_units", lambda: has_units)
    assert choose_precision(CPU).name == name


def test_auto_elsewhere() -> None:
    assert choose_precision(CUDA).name == "fp16"
    assert choose_precision(torch.device("mps")).name == "fp32"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("Features\t: fp asimd sve bf16 i8mm", True),
        ("flags\t\t: fpu avx2 avx512f avx512bw", False),
        ("model name\t: bf16less avx512_bf16x", False),
        ("", False),
    ],
)
def test_bf16_units_from_the_kernels_list(tmp_path: Path, line: str, expected: bool) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\n{line}\n")
    assert has_bf16_units(info) is expected


def test_no_list_means_no_units(tmp_path: Path) -> None:
    assert has_bf16_units(tmp_path / "cpuinfo") is False


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast_on_a_cpu(name: str, dtype: torch.dtype) -> None:
    precision = choose_precision(CPU, name)
    assert precision.dtype == dtype
    layer = torch.nn.Linear(3, 3)
    for _ in range(2):  # a fresh context each time
        with precision.autocast():
            assert layer(torch.randn(2, 3)).dtype == dtype
    assert layer(torch.randn(2, 3)).dtype == torch.float32


def test_the_scaler_passes_everything_through_without_fp16() -> None:
    scaler = choose_precision(CPU, "bf16").scaler()
    loss = torch.tensor(3.0)
    assert not scaler.is_enabled()
    assert scaler.scale(loss) is loss
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == 0.5


def test_fp16_asks_for_a_scaler(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        torch.amp, "GradScaler", lambda device, *, enabled: asked.append((device, enabled))
    )
    for name in ("fp16", "bf16", "fp32"):
        Precision(name, CUDA).scaler()
    assert asked == [("cuda", True), ("cuda", False), ("cuda", False)]


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="fp16 needs a CUDA device, found cpu; use auto or bf16"):
        choose_precision(CPU, "fp16")
    with pytest.raises(ConfigError, match=r"'half'; expected one of auto, fp32, bf16, fp16"):
        choose_precision(CPU, "half")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="the device cuda lacks it"):
        choose_precision(CUDA, "bf16")


@pytest.mark.gpu
def test_fp16_on_cuda() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    precision = choose_precision(CUDA)
    assert precision == Precision("fp16", CUDA)
    layer = torch.nn.Linear(3, 3, device=CUDA)
    with precision.autocast():
        loss = layer(torch.randn(2, 3, device=CUDA)).float().sum()
    scaler = precision.scaler()
    assert scaler.is_enabled()
    scaler.scale(loss).backward()
    assert layer.weight.grad is not None
