from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.processes import run_processes
from vreid import distributed
from vreid.build import build_model
from vreid.build_losses import build_loss, build_loss_solver
from vreid.distributed import (
    any_true,
    barrier,
    gather_in_order,
    gather_shares,
    is_main,
    local_device,
    own_share,
    process_group,
    rank,
    sum_gradients,
    world_size,
)
from vreid.errors import ConfigError
from vreid.models.embedder import Embedding
from vreid.models.sync_norm import synchronize_norms
from vreid.options import Config, InputOptions, LossOptions, ModelOptions

SMALL = Config(
    device="cpu",
    input=InputOptions(size=(32, 32)),
    model=ModelOptions(backbone="test_resnet", weights="none", last_stride=2),
)
CONFIGS = {
    "id and triplet": SMALL,
    "losses with a state": replace(
        SMALL,
        loss=LossOptions(
            metric="triplet+supcon",
            center_weight=5e-4,
            memory_size=20,  # no multiple of the batch: the order in it counts
            memory_start=1,
            balance="malw",
            malw_interval=2,
        ),
    ),
    "ibn": replace(
        SMALL,
        input=InputOptions(size=(64, 64)),  # below, instance normalisation sees maps of 2 x 2
        model=ModelOptions(backbone="resnet10t", weights="none", ibn=True, last_stride=2),
    ),
}
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool)


def train(config: Config) -> dict[str, Any]:
    """Three steps of this process's share of a made batch; of the whole where it is alone."""
    torch.manual_seed(0)
    model = build_model(config, num_classes=4).train()
    loss = build_loss(config.loss, 4, dim=model.dim)
    assert synchronize_norms(model) > 0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.9)
    loss_optimizer = build_loss_solver(config.loss, loss)
    images, labels = torch.rand(12, 3, *config.input.size), torch.arange(12) // 3
    own = list(own_share(range(12)))
    curve = []
    for _ in range(3):
        embedding = model(images[own])
        whole = Embedding(*(gather_shares(part, 12) for part in embedding))
        losses = loss(whole, gather_shares(labels[own], 12))
        model.zero_grad()
        loss.zero_grad()
        losses["total"].backward()
        sum_gradients(model.parameters())
        optimizer.step()
        if loss_optimizer is not None:
            loss_optimizer.step()
        curve.append(torch.stack([losses[name].detach() for name in sorted(losses)]))
    state = {key: value for key, value in loss.state_dict().items() if isinstance(value, Tensor)}
    return {"curve": torch.stack(curve), "model": model.state_dict(), "loss": state}


def numbers(dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).mul(9).to(dtype)


def in_a_process() -> dict[str, Any]:
    found: dict[str, Any] = {"who": (rank(), world_size(), is_main(), list(own_share("abcde")))}
    with process_group("cpu"):  # joined already: nothing begins, and nothing ends
        barrier()
    found["any"] = [any_true(rank() == 1), any_true(False), any_true(True)]
    for dtype in DTYPES:
        whole = numbers(dtype, 5, 2, 3)
        found[f"shares {dtype}"] = gather_shares(whole[rank() :: 2], 5)
    found["one row"] = gather_shares(torch.full((1 - rank(), 2), 7.0), 1)
    found["arrays"] = [
        torch.from_numpy(
            gather_in_order(numbers(torch.float32, total, 3).numpy()[rank() :: 2], total)
        )
        for total in (0, 1, 4, 5)
    ]
    empty = np.ones((1, 3), np.float32) if rank() == 0 else np.zeros((0, 0), np.float32)
    found["array of unknown width"] = torch.from_numpy(gather_in_order(empty, 1))
    rows = torch.ones(3 - rank(), 2, requires_grad=True)
    (gather_shares(rows, 5) * torch.arange(5.0).view(5, 1)).sum().backward()
    found["gradient"] = rows.grad
    found["sums"] = summed()
    for name, config in CONFIGS.items():
        found[name] = train(config)
    return found


def summed() -> list[Tensor | None]:
    kinds = (torch.float32, torch.float64, torch.float32, torch.bfloat16, torch.float16)
    parameters = [torch.zeros(2, 3, 4, 4, dtype=dtype, requires_grad=True) for dtype in kinds]
    for index, parameter in enumerate(parameters):
        if index != 2:
            grad = numbers(parameter.dtype, 2, 3, 4, 4) * (index + 1 + rank())
            parameter.grad = grad.contiguous(memory_format=torch.channels_last)
    limit, distributed.BUCKET = distributed.BUCKET, 100
    sum_gradients(parameters)
    distributed.BUCKET = limit
    return [parameter.grad for parameter in parameters]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes found."""
    return run_processes(in_a_process, tmp_path_factory.mktemp("processes"))


def test_every_process_knows_its_place(found: list[dict[str, Any]]) -> None:
    assert found[0]["who"] == (0, 2, True, ["a", "c", "e"])
    assert found[1]["who"] == (1, 2, False, ["b", "d"])


def test_processes_agree(found: list[dict[str, Any]]) -> None:
    assert [one["any"] for one in found] == [[True, False, True]] * 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_every_type_arrive_bit_for_bit(
    found: list[dict[str, Any]], dtype: torch.dtype
) -> None:
    for one in found:
        assert torch.equal(one[f"shares {dtype}"], numbers(dtype, 5, 2, 3))


def test_a_process_may_have_no_rows(found: list[dict[str, Any]]) -> None:
    for one in found:
        assert one["one row"].tolist() == [[7.0, 7.0]]
        assert one["array of unknown width"].tolist() == [[1.0, 1.0, 1.0]]


def test_arrays_come_back_in_their_order(found: list[dict[str, Any]]) -> None:
    for one in found:
        for total, array in zip((0, 1, 4, 5), one["arrays"], strict=True):
            assert torch.equal(array, numbers(torch.float32, total, 3))


def test_the_gradient_flows_through_the_own_rows_only(found: list[dict[str, Any]]) -> None:
    assert found[0]["gradient"].tolist() == [[0, 0], [2, 2], [4, 4]]
    assert found[1]["gradient"].tolist() == [[1, 1], [3, 3]]


def test_gradients_are_summed_and_missing_ones_left_out(found: list[dict[str, Any]]) -> None:
    for one in found:
        for index, grad in enumerate(one["sums"]):
            if index == 2:
                assert grad is None
                continue
            expected = numbers(grad.dtype, 2, 3, 4, 4).float() * (2 * index + 3)
            torch.testing.assert_close(grad.float(), expected, rtol=1e-2, atol=0)
            assert grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_step_of_two_processes_is_that_of_one(found: list[dict[str, Any]], name: str) -> None:
    alone = train(CONFIGS[name])
    assert alone["curve"][0].max() > 1
    assert not torch.allclose(alone["curve"][0], alone["curve"][2], rtol=1e-2)
    for one in found:
        torch.testing.assert_close(one[name], alone, rtol=1e-5, atol=1e-5)
    assert torch.equal(found[0][name]["curve"], found[1][name]["curve"])
    for key, value in found[0][name]["model"].items():
        assert torch.equal(value, found[1][name]["model"][key]), key


def test_one_process_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with process_group("cpu"):
        assert not torch.distributed.is_initialized()
        assert (rank(), world_size(), is_main()) == (0, 1, True)
        assert list(own_share(range(3))) == [0, 1, 2]
        rows = torch.ones(3, 2, requires_grad=True)
        assert gather_shares(rows, 3) is rows
        array = np.ones((3, 2), dtype=np.float32)
        assert gather_in_order(array, 3) is array
        rows.grad = torch.ones(3, 2)
        sum_gradients([rows])
        assert torch.equal(rows.grad, torch.ones(3, 2))
        assert (any_true(True), any_true(False)) == (True, False)
        barrier()
        assert local_device(torch.device("cuda")) == torch.device("cuda")


def test_other_programs_variables_start_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with process_group("cpu"):
        assert world_size() == 1


@pytest.mark.parametrize(
    ("variables", "device", "message"),
    [
        ({"WORLD_SIZE": "two"}, "cpu", "WORLD_SIZE is 'two'; torchrun sets a number"),
        ({}, "meta", "several processes on 'meta'; cpu or cuda is needed"),
        ({"LOCAL_RANK": "3"}, "cuda", "process 3 of this machine has no GPU of its own, found 2"),
    ],
)
def test_what_cannot_start_says_why(
    variables: dict[str, str], device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two: Callable[[], int] = lambda: 2  # noqa: E731
    monkeypatch.setattr(torch.cuda, "device_count", two)
    for name, value in {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "3", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message), process_group(device):
        pass


def test_wrong_shares_are_our_own_fault() -> None:
    with pytest.raises(AssertionError, match="2 rows of 3"):
        gather_shares(torch.zeros(2, 1), 3)
