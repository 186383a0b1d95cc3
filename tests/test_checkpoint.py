from pathlib import Path

import pytest
import torch

from vreid.checkpoint import (
    Progress,
    Stateful,
    load_model,
    load_state,
    num_classes,
    save_model,
    save_state,
)
from vreid.errors import DataError
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder


def build(classes: int = 5, dim: int = 0) -> Embedder:
    backbone = build_backbone("test_resnet", weights="none", last_stride=2)
    return Embedder(backbone, num_classes=classes, embedding_dim=dim)


def scaler() -> torch.amp.GradScaler:
    return torch.amp.GradScaler("cpu", enabled=False)


def test_everything_comes_back(tmp_path: Path) -> None:
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.rand(4, 3, 32, 32)).logits.square().sum().backward()
    optimizer.step()
    progress = Progress(epoch=2, batch=3, step=17, best_score=0.5, best_epoch=1)
    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer, "scaler": scaler()}
    save_state(tmp_path / "last.pt", parts, progress=progress)
    dice = torch.rand(3)

    other = build()
    fresh = torch.optim.Adam(other.parameters(), lr=0.1)
    parts = {"model": other, "optimizer": fresh, "scaler": scaler()}
    found = load_state(tmp_path / "last.pt", parts)
    assert found == progress
    assert torch.equal(torch.rand(3), dice)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    moments = [state["exp_avg"] for state in optimizer.state_dict()["state"].values()]
    again = [state["exp_avg"] for state in fresh.state_dict()["state"].values()]
    assert all(torch.equal(left, right) for left, right in zip(moments, again, strict=True))


def test_the_number_of_classes_is_in_the_file(tmp_path: Path) -> None:
    assert num_classes(save_model(tmp_path / "best.pt", build(classes=7), facts={})) == 7


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (build(classes=6), "1 weights of another shape .*classifier.weight is"),
        (build(dim=8), "weights missing"),
    ],
)
def test_another_architecture_is_refused(tmp_path: Path, other: Embedder, found: str) -> None:
    path = save_model(tmp_path / "best.pt", build(classes=5), facts={})
    with pytest.raises(DataError, match=rf"best\.pt: .*another architecture: .*{found}"):
        load_model(path, other)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "owned",))

    torch.save({"schema": 1, "model": Evil()}, tmp_path / "best.pt")
    with pytest.raises(DataError, match="cannot be read"):
        load_model(tmp_path / "best.pt", build())
    assert not (tmp_path / "owned").exists()


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"best\.pt: no such checkpoint; train the run first"):
        load_model(tmp_path / "best.pt", build())


@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04", b"\x80\x02}q\x00.", b"<html>"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"best\.pt: (the checkpoint cannot be read|not a checkp)"):
        load_model(tmp_path / "best.pt", build())
