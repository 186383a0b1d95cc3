"""Estimates, budgets, and what is really allocated."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.neighbours.made import of_kind, threads
from vreid import product
from vreid.errors import ConfigError
from vreid.neighbours import search
from vreid.neighbours.search import Plan, plan_for
from vreid.neighbours.sets import FeatureSets, feature_sets
from vreid.rerank import Best, Estimate, budget, estimate, k_reciprocal
from vreid.rerank.budget import fit

GIB, MB = 1 << 30, 1_000_000


def sets_of(num: int, num_query: int, dim: int) -> FeatureSets:
    feats = np.zeros((num, dim), dtype=np.float32)
    return feature_sets(feats[:num_query], feats[num_query:])


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of known speed."""
    monkeypatch.setattr(product, "bfloat16_pays", lambda: True)
    monkeypatch.setattr(product, "rates", lambda: {"torch": 100.0, "bfloat16": 400.0})


def test_estimates_grow_with_the_work() -> None:
    sizes = [estimate(sets_of(num, 50, 64), top_k=10) for num in (10_000, 20_000, 40_000)]
    steps = [later.num_bytes - earlier.num_bytes for earlier, later in pairwise(sizes)]
    assert 1.7 < steps[1] / steps[0] < 2.3  # in proportion to the images, but for what is fixed
    assert 3 < sizes[2].seconds / sizes[1].seconds < 4
    best = estimate(sets_of(4000, 2000, 64), top_k=10)
    whole = estimate(sets_of(4000, 2000, 64))
    assert best.seconds < whole.seconds
    assert best.num_bytes < whole.num_bytes


def test_slower_machines_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = estimate(sets_of(20_000, 50, 64))
    monkeypatch.setattr(product, "rates", lambda: {"torch": 10.0, "bfloat16": 40.0})
    assert estimate(sets_of(20_000, 50, 64)).seconds > 4 * fast.seconds
    monkeypatch.setattr(product, "bfloat16_pays", lambda: False)
    monkeypatch.setattr(product, "rates", lambda: {"torch": 10.0, "bfloat16": 11.0})
    assert estimate(sets_of(20_000, 50, 64)).seconds > 8 * fast.seconds


def test_estimates_read_as_a_line() -> None:
    assert str(Estimate(GIB // 2, 3.14159, Plan(256))) == "about 3 s and 0.50 GiB"
    assert str(Estimate(GIB, 0.4, Plan(256))) == "less than 1 s and 1.00 GiB"


def test_without_a_budget_the_fastest_plan_is_taken() -> None:
    feats = sets_of(5000, 100, 32)
    plan = fit(feats, None, k1=20, k2=6, top_k=None)
    assert plan == plan_for(5000, torch.get_num_threads())
    assert plan == fit(feats, 100 * GIB, k1=20, k2=6, top_k=None) == estimate(feats).plan


def test_a_smaller_budget_means_smaller_tiles_and_then_rounding_again() -> None:
    feats = sets_of(20_000, 100, 1024)
    plans = []
    for mb in range(800, 50, -2):
        try:
            plans.append(fit(feats, mb * MB, k1=20, k2=6, top_k=10))
        except ConfigError:
            break
        assert estimate(feats, top_k=10, plan=plans[-1]).num_bytes <= mb * MB
    steps = [plan.step for plan in plans if plan.stored]
    assert steps == sorted(steps, reverse=True)
    assert len(set(steps)) > 1
    assert min(plan.step for plan in plans) == budget._SMALLEST
    stored = [plan.stored for plan in plans]
    assert stored == sorted(stored, reverse=True)
    assert not stored[-1]


def test_a_budget_too_small_is_refused_with_what_is_needed() -> None:
    feats = of_kind("clustered", 300)
    with pytest.raises(
        ConfigError,
        match=r"the memory budget is 0\.001 GiB; re-ranking 50 queries and 250 gallery images of"
        r" width 24 needs at least 0\.\d+ GiB with the smallest blocks; with top_k= the",
    ):
        k_reciprocal(feats[:50], feats[50:], memory_budget=MB)
    with pytest.raises(ConfigError, match=r"with the smallest blocks$"):
        k_reciprocal(feats[:50], feats[50:], memory_budget=MB, top_k=5)


@pytest.mark.parametrize("top_k", [None, 20])
def test_the_budget_changes_no_rank(top_k: int | None) -> None:
    feats = of_kind("copies", 1500)
    needs = [
        estimate(feature_sets(feats[:200], feats[200:]), top_k=top_k, plan=Plan(256, stored))
        for stored in (True, False)
    ]
    results = [
        k_reciprocal(feats[:200], feats[200:], top_k=top_k, memory_budget=budget)
        for budget in (None, *(need.num_bytes for need in needs))
    ]
    arrays = [np.hstack([one.idx, one.dist]) if isinstance(one, Best) else one for one in results]
    np.testing.assert_array_equal(arrays[1], arrays[0])
    np.testing.assert_array_equal(arrays[2], arrays[0])


# What is really allocated


class TorchLog(TorchDispatchMode):
    """Sizes in bytes of all tensors that operations return, wherever they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, str]] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor):
            self.sizes.append((found.numel() * found.element_size(), str(func)))
        return found


@contextmanager
def recorded() -> Iterator[tuple[list[tuple[int, str]], Callable[[], int]]]:
    """What torch makes, tensor by tensor, and NumPy's peak of live bytes."""
    log = TorchLog()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with log:
            yield log.sizes, lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("top_k", [None, 50])
def test_nothing_of_the_size_of_all_pairs_is_made(
    top_k: int | None, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # N x N float32 would be 36 MB, Q x G int64 8 x 200 x 2,800 = 4.5 MB. On one thread all
    # operations of torch run in this one, where they are seen.
    monkeypatch.setattr(product, "bfloat16_pays", lambda: bfloat16)
    monkeypatch.setattr(budget, "plan_for", lambda *sizes: Plan(256))
    num, num_query = 3000, 200
    feats = of_kind("offset", num, dim=32)
    with threads(1):
        with TorchLog():  # compiles, and torch imports what it needs to be watched
            k_reciprocal(feats[:20], feats[20:300], top_k=top_k)
        with recorded() as (made, peak):
            k_reciprocal(feats[:num_query], feats[num_query:], top_k=top_k)
            most = peak()
    assert any("mm" in name or "linear" in name or "conv" in name for _, name in made)
    # torch: blocks of the search, and of the result's distances when all are wanted
    largest = max(made)
    whole = 4 * num_query * (num - num_query)
    assert largest[0] <= max(4 * 256 * 256, 4 * num * 64, 0 if top_k else whole), largest
    # NumPy: lists (132 + 112 places), neighbours, encodings, each of some thousand bytes an image
    assert most < 7000 * num + (0 if top_k else whole), most / MB
    assert most < 4 * num * num


@pytest.mark.parametrize(("top_k", "factor"), [(None, 12), (20, 12)])  # a part is for overflows
def test_estimates_cover_what_is_used(top_k: int | None, factor: float) -> None:
    feats = of_kind("clustered", 3000, dim=256)
    sets = feature_sets(feats[:200], feats[200:])
    with threads(1):
        with TorchLog():
            k_reciprocal(feats[:20], feats[20:300], top_k=top_k)
        wanted = estimate(sets, top_k=top_k, plan=plan_for(3000, 1)).num_bytes
        with recorded() as (made, peak):
            k_reciprocal(feats[:200], feats[200:], top_k=top_k)
            most = peak()
    operand = max(size for size, name in made if "mm" not in name)
    assert most < wanted
    assert most + operand < 1.25 * wanted  # the operand is gone when encodings are made
    assert wanted - budget._LIBRARIES < factor * (most + operand)


def test_lists_that_overflow_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    # All images the same: every row is searched again, some hundred at a time.
    monkeypatch.setattr(search, "_AGAIN_ROWS", 64)
    feats = np.ones((2000, 8), dtype=np.float32)
    with threads(1), recorded() as (_, peak):
        found = k_reciprocal(feats[:100], feats[100:], top_k=5)
        most = peak()
    np.testing.assert_array_equal(found.idx, np.tile(np.arange(5), (100, 1)))
    assert most < 9000 * 2000 + 64 * 2000 * 2 * 8
