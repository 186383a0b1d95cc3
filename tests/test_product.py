"""Matrix products: every way is exact enough, and the choice is by speed among those that are."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.neighbours.made import threads
from vreid import product
from vreid.product import (
    bfloat16_pays,
    float32_product,
    rates,
    sum_error,
    unit_roundoff,
)

WAYS = {**product._FLOAT32, **product._WHOLE_MACHINE}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer of an earlier test, and short self-tests."""
    monkeypatch.setattr(product, "_SIZE", 192)
    monkeypatch.setattr(product, "_ROUNDS", 2)
    for name in ("_all_rates", "_fastest", "_bfloat16_pays"):
        wrapped = getattr(product, name).__wrapped__
        monkeypatch.setattr(product, name, cache(wrapped))


@pytest.mark.parametrize("name", list(WAYS))
@pytest.mark.parametrize("shape", [(1, 1, 1), (33, 20, 7), (64, 64, 64), (5, 200, 130)])
def test_every_way_is_the_product_within_its_bound(name: str, shape: tuple[int, int, int]) -> None:
    way = WAYS[name]
    if not product._works(way, *product._operands(torch.float32)):
        pytest.skip(f"this machine has no product {name}")
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(rows, shape[2])).astype(np.float32) for rows in shape[:2])
    out = torch.empty(shape[0], shape[1])
    found = way(torch.from_numpy(left), torch.from_numpy(right), out)
    assert found.shape == shape[:2]
    true = left.astype(np.float64) @ right.T.astype(np.float64)
    magnitude = np.abs(left).astype(np.float64) @ np.abs(right).T
    assert (np.abs(found.double().numpy() - true) <= sum_error(shape[2]) * magnitude).all()


def test_roundoffs_are_those_of_the_types() -> None:
    for dtype, bits in ((torch.bfloat16, 8), (torch.float32, 24), (torch.float64, 53)):
        assert unit_roundoff(dtype) == 2.0**-bits
    # The next number after 1 is 1 + 2 u: half-way is the farthest from any.
    assert torch.tensor(1 + 2**-8 - 2**-12).bfloat16() == 1
    assert torch.tensor(1 + 2**-8 + 2**-12).bfloat16() == 1 + 2**-7


def test_sum_errors_hold_for_sums_one_after_the_other() -> None:
    rng = np.random.default_rng(0)
    for num in (2, 50, 5000):
        left, right = rng.random((2, num)).astype(np.float32)  # all errors of one sign's size
        total = np.float32(0)
        for one, other in zip(left, right, strict=True):
            total = np.float32(total + np.float32(one * other))
        true = float(left.astype(np.float64) @ right)
        assert abs(float(total) - true) <= sum_error(num) * true
    assert sum_error(1000) == pytest.approx(1008 * 2**-24, rel=1e-3)


def truncated(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    return (left.bfloat16() @ right.bfloat16().t()).float()


def absent(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    raise NotImplementedError("not built in")


def test_a_way_that_errs_is_not_used_however_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        return out.zero_()

    ways = {"torch": product._default, "zero": at_once, "rough": truncated, "none": absent}
    monkeypatch.setattr(product, "_FLOAT32", ways)
    assert float32_product(all_threads=False) is product._default
    found = rates()
    assert (found["zero"], found["rough"], found["none"]) == (0, 0, 0)
    assert found["torch"] > 0


def test_the_fastest_way_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def thrice(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        for _ in range(3):
            torch.mm(left, right.t(), out=out)
        return torch.mm(left, right.t(), out=out)

    monkeypatch.setattr(product, "_SIZE", 512)
    monkeypatch.setattr(product, "_ROUNDS", 5)
    monkeypatch.setattr(product, "_FLOAT32", {"slow": thrice, "torch": product._default})
    assert float32_product(all_threads=False) is product._default


def test_torch_remains_when_all_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "_FLOAT32", {"torch": product._default, "none": absent})
    monkeypatch.setattr(product, "_exact_enough", lambda *sides: False)
    assert float32_product(all_threads=False) is product._default
    assert not bfloat16_pays()


def test_ways_of_the_whole_machine_are_kept_from_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "_FLOAT32", {"torch": product._default})
    monkeypatch.setattr(product, "_rates", lambda ways: dict.fromkeys(ways, 1.0) | {"numpy": 9.0})
    assert float32_product() is product._numpy
    monkeypatch.setattr(product, "_rates", lambda ways: dict.fromkeys(ways, 1.0))
    assert float32_product(all_threads=False) is product._default


@pytest.mark.parametrize(("rate", "pays"), [(129.0, False), (131.0, True), (0.0, False)])
def test_bfloat16_has_to_be_clearly_faster(
    rate: float, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"float32": 100.0, "bfloat16": rate}
    monkeypatch.setattr(
        product, "_rates", lambda ways: {name: answers.get(name, 1.0) for name in ways}
    )
    assert bfloat16_pays() is pays


def test_tests_are_run_once_for_each_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(ways: dict[str, object]) -> dict[str, float]:
        calls.append(torch.get_num_threads())
        return dict.fromkeys(ways, 1.0)

    monkeypatch.setattr(product, "_rates", counted)
    for count in (1, 1, 2, 1, 2):
        with threads(count):
            float32_product()
    assert calls == [1, 2]


def test_rates_name_every_way() -> None:
    found = rates()
    assert set(found) == {*WAYS, "bfloat16"}
    assert found["torch"] > 0
    found["torch"] = 0.0  # the caller's own copy
    assert rates()["torch"] > 0


def test_bfloat16_results_are_rounded_and_not_summed_in_bfloat16() -> None:
    ones = torch.ones(4, 1024, dtype=torch.bfloat16)
    if not product._works(product._default, ones, ones):
        pytest.skip("this machine sums bfloat16 products in bfloat16")
    assert (ones @ ones.t() == 1024).all()
    assert not product._exact_enough(torch.full((4, 4), 1000.0).bfloat16(), ones, ones)
