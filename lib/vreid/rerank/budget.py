"""What a re-ranking will take, before it starts, and how to stay within a budget of memory."""

from dataclasses import dataclass

import numpy as np
import torch

from vreid import product
from vreid.blocks import block_bytes
from vreid.errors import ConfigError
from vreid.neighbours.operand import padded_width
from vreid.neighbours.search import FAR_ROOM, Plan, again_bytes, plan_for, room_for
from vreid.neighbours.sets import FeatureSets

_SMALLEST = 256  # rows of the smallest tile worth a product
_LIBRARIES = 1 << 26  # what torch and the allocator hold on to; measured 30 to 55 MB
_ENTRIES = 160  # of an averaged encoding; measured 90 to 150 at k1 20, k2 6
_MEASURED_AT = 20 * 6


@dataclass(frozen=True)
class Estimate:
    """What a re-ranking takes.

    Attributes:
        num_bytes: Memory at its peak beyond the inputs, the result included.
        seconds: Wall time on the CPU, from the rate of matrix products here; half to twice as much
            is to be expected.
        plan: The plan they belong to.
    """

    num_bytes: int
    seconds: float
    plan: Plan

    def __str__(self) -> str:
        """One line, such as ``about 3 s and 0.52 GiB``."""
        time = "less than 1 s" if self.seconds < 1 else f"about {self.seconds:.0f} s"
        return f"{time} and {self.num_bytes / 2**30:.2f} GiB"


def estimate(
    feats: FeatureSets,
    *,
    k1: int = 20,
    k2: int = 6,
    top_k: int | None = None,
    plan: Plan | None = None,
) -> Estimate:
    """Time and memory of re-ranking features on the CPU; measures the machine's rate once.

    Args:
        feats: The features.
        k1, k2, top_k: See `k_reciprocal`.
        plan: How memory is used; the fastest by default.
    """
    plan = plan or plan_for(feats.num_all, torch.get_num_threads())
    rates = product.rates()
    exact = max(rate for name, rate in rates.items() if name != "bfloat16")
    rough = rates["bfloat16"] if product.bfloat16_pays() else exact
    width, num_all = padded_width(feats), feats.num_all
    work = num_all * num_all * width / rough
    if top_k is None:
        work += 2 * feats.num_query * feats.num_gallery * width / exact
    seconds = 1.4 * work / 1e9 + 2e-9 * num_all * feats.width * k1
    return Estimate(_num_bytes(feats, plan, k1, k2, top_k), seconds, plan)


def fit(feats: FeatureSets, budget: int | None, *, k1: int, k2: int, top_k: int | None) -> Plan:
    """The fastest plan that stays within a budget.

    Raises:
        ConfigError: When not even the smallest blocks fit.
    """
    fastest = plan_for(feats.num_all, torch.get_num_threads())
    if budget is None:
        return fastest
    steps = [fastest.step]
    while steps[-1] > _SMALLEST:
        steps.append(max(_SMALLEST, steps[-1] // 2))
    plans = [Plan(step, stored) for stored in (True, False) for step in steps]
    needs = [_num_bytes(feats, plan, k1, k2, top_k) for plan in plans]
    for plan, need in zip(plans, needs, strict=True):
        if need <= budget:
            return plan
    whole = "" if top_k is not None else "; with top_k= the (Q, G) result is not held"
    raise ConfigError(
        f"the memory budget is {budget / 2**30:.3f} GiB; re-ranking {feats.num_query} queries and"
        f" {feats.num_gallery} gallery images of width {feats.width} needs at least"
        f" {min(needs) / 2**30:.3f} GiB with the smallest blocks{whole}"
    )


def _num_bytes(feats: FeatureSets, plan: Plan, k1: int, k2: int, top_k: int | None) -> int:
    """The larger one of searching and of encoding, with the result."""
    num_all, num_query = feats.num_all, feats.num_query
    size = 2 if product.bfloat16_pays() else 4
    width, threads = padded_width(feats), torch.get_num_threads()
    k = min(max(k1 + 1, k2), num_all)
    wanted = k if top_k is None else max(k, min(num_all, top_k + 32))
    places = int(room_for(np.array(k))) + FAR_ROOM
    extra = int(room_for(np.array(wanted))) - int(room_for(np.array(k)))
    lists = 8 * (places * num_all + extra * num_query) + 80 * num_all
    tiles = threads * plan.step * (size * plan.step + 2 * size * width)
    if not plan.stored:
        tiles += threads * plan.step * size * width
    stored = size * num_all * width if plan.stored else 0
    found = 12 * k * num_all + 12 * wanted * num_query
    entries = min(num_all, round(_ENTRIES * max(1.0, k1 * k2 / _MEASURED_AT)))
    encoded = 8 * num_all * (2 * entries + 3 * k1) + threads * 16 * num_all
    result = 12 * num_query * top_k if top_k else 4 * num_query * feats.num_gallery
    # The candidates of the queries that are handled together, or blocks of distances.
    chosen = 24 * 256 * min(feats.num_gallery, 4096)
    block = chosen if top_k else block_bytes(max(one.width for one in feats.sets))
    again = again_bytes(num_all) + 4 * width * (512 + threads * plan.step)
    searched = stored + lists + max(tiles, again) + found
    return _LIBRARIES + max(searched, found + encoded + result + block)
