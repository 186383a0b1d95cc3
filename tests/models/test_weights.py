import os
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.models import weights as weights_module
from vreid.models.backbone import build_backbone
from vreid.models.weights import fetch_pretrained, load_weights, read_weights


def _net() -> nn.Module:
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(3, 4, 1))
    net.add_module("norm", nn.BatchNorm2d(4))
    return net


def _state(**changes: Tensor) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in _net().state_dict().items()} | changes


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_torch_files_in_all_their_wrappings(
    tmp_path: Path, wrapper: str | None, prefix: str
) -> None:
    state = {prefix + key: value for key, value in _state().items()}
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "w.pth")
    net = _net()
    load_weights(net, tmp_path / "w.pth")
    for key, value in net.state_dict().items():
        assert torch.equal(value, state[prefix + key])


def test_float16_files_are_cast(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in _state().items() if "num_batches" not in key}
    save_file(state, tmp_path / "w.safetensors")
    net = _net()
    load_weights(net, tmp_path / "w.safetensors")
    weight = net.get_parameter("conv.weight")
    assert weight.dtype == torch.float32
    assert torch.equal(weight, state["conv.weight"].float())


def test_the_classifier_is_left_out(tmp_path: Path) -> None:
    extra = {"fc.weight": torch.zeros(10, 4), "classifier.bias": torch.zeros(10)}
    torch.save(_state(**extra), tmp_path / "w.pth")
    load_weights(_net(), tmp_path / "w.pth")


def test_a_layer_of_the_networks_own_is_no_classifier(tmp_path: Path) -> None:
    net = nn.Sequential()
    net.add_module("head", nn.Linear(2, 2))
    state = {"head.weight": torch.full((2, 2), 3.0), "head.bias": torch.full((2,), 4.0)}
    torch.save(state, tmp_path / "w.pth")
    load_weights(net, tmp_path / "w.pth")
    assert torch.equal(net.get_parameter("head.weight"), state["head.weight"])


@pytest.mark.parametrize("lacking", ["conv.weight", "norm.running_mean"])
def test_a_missing_tensor_alone_is_enough(tmp_path: Path, lacking: str) -> None:
    state = _state()
    del state[lacking]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=rf"1 missing \({lacking}\); 0 unknown; 0 of another"):
        load_weights(_net(), tmp_path / "w.pth")


def test_another_architecture_is_reported_in_full(tmp_path: Path) -> None:
    state = _state(**{"conv.weight": torch.zeros(8, 3, 1, 1), "attention.weight": torch.zeros(2)})
    del state["norm.bias"]
    torch.save(state, tmp_path / "w.pth")
    net = _net()
    before = net.get_parameter("norm.weight").clone()
    with pytest.raises(ConfigError) as caught:
        load_weights(net, tmp_path / "w.pth")
    message = str(caught.value)
    assert f"{tmp_path / 'w.pth'} holds the weights of another architecture" in message
    assert "1 missing (norm.bias)" in message
    assert "1 unknown (attention.weight)" in message
    assert "1 of another shape (conv.weight (8, 3, 1, 1) for (4, 3, 1, 1))" in message
    assert "set model.backbone to the network that the file was made for" in message
    assert torch.equal(net.get_parameter("norm.weight"), before)


def test_long_lists_are_cut(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"\d\d missing \(conv1\.weight, [^,]*, [^,]*, \.\.\.\)"):
        build_backbone("resnet18", weights=str(tmp_path / "w.pth"))


def test_ibn_weights_without_ibn_get_the_right_advice(tmp_path: Path) -> None:
    ibn = build_backbone("test_resnet", ibn=True, weights="none")
    torch.save(ibn.net.state_dict(), tmp_path / "ibn.pth")
    with pytest.raises(ConfigError, match=r"IBN-a network: set model\.ibn true"):
        build_backbone("test_resnet", weights=str(tmp_path / "ibn.pth"))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file .*w\.pth; .*'timm'.*'none'"):
        read_weights(tmp_path / "w.pth")


class _Surprise:
    """Something that only unpickling code could bring back."""


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x02garbage"])
def test_unreadable_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{name} cannot be read \(.+\).*download complete"):
        read_weights(tmp_path / name)


def test_a_truncated_file(tmp_path: Path) -> None:
    torch.save(_state(), tmp_path / "w.pth")
    held = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(held[: len(held) // 2])
    with pytest.raises(ConfigError, match="cannot be read"):
        read_weights(tmp_path / "w.pth")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    torch.save({"state_dict": _state(), "args": _Surprise()}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"w\.pth cannot be read"):
        read_weights(tmp_path / "w.pth")


def test_something_else_than_tensors(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "w.pth")
    with pytest.raises(ConfigError, match="holds list, not a dictionary of tensors"):
        read_weights(tmp_path / "w.pth")


def test_without_network_the_answer_is_immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(repo: str, file: str, **options: Any) -> str:
        asked.append(f"cache {repo}/{file}")
        assert options == {"local_files_only": True}, "the slow way was taken without a network"
        raise LocalEntryNotFoundError("not cached")

    def head(url: str, *, timeout: float) -> None:
        asked.append(f"hub {timeout:.0f} s")
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(weights_module, "hf_hub_download", download)
    monkeypatch.setattr(weights_module, "get_hf_file_metadata", head)
    with pytest.raises(ConfigError) as caught:
        build_backbone("resnet18")
    assert asked == ["cache timm/resnet18.a1_in1k/model.safetensors", "hub 5 s"]
    message = str(caught.value)
    assert "model.safetensors of timm/resnet18.a1_in1k" in message
    assert "could not be fetched from the model hub" in message
    assert "ConnectionError: Name or service not known" in message
    assert "set model.weights to a file" in message and "'none'" in message


def test_cached_weights_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(weights_module, "hf_hub_download", lambda *_, **__: "/cache/w.safetensors")
    monkeypatch.setattr(weights_module, "get_hf_file_metadata", no_network)
    assert fetch_pretrained("resnet18") == Path("/cache/w.safetensors")


def _folder_of_weights() -> Path:
    folder = os.environ.get("VREID_WEIGHTS")
    if folder is None:
        pytest.skip("VREID_WEIGHTS does not name a folder of pretrained weights")
    return Path(folder)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenetv2_100", "mobilenetv2_100.imagenet.safetensors"),
        ("resnet50", "resnet50.imagenet.fp16.safetensors"),
    ],
)
def test_real_weights(name: str, file: str) -> None:
    path = _folder_of_weights() / file
    backbone = build_backbone(name, weights=str(path)).eval()
    held = read_weights(path)
    ours = backbone.net.state_dict()
    assert all(torch.equal(ours[key], value.float()) for key, value in held.items())
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 96, 96))
    assert maps.isfinite().all() and maps.std() > 0


def test_real_weights_start_an_ibn_network() -> None:
    path = _folder_of_weights() / "resnet50.imagenet.fp16.safetensors"
    backbone = build_backbone("resnet50", ibn=True, weights=str(path)).eval()
    with torch.no_grad():
        assert backbone(torch.randn(1, 3, 96, 96)).isfinite().all()
