"""A guard for the speed and the memory of re-ranking, cheap enough to run with every change.

N = 8,000 images of width 256: at least 8 times as fast as the dense form that most programs of the
field carry, in under 0.25 GiB beyond the features; on two cores it is 24 times and 78 MiB, and the
test takes 10 s. Both ways take turns in one process, so that the
ratio holds on a busy machine; the memory is that of the first run in a fresh process.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import dense
from benchmarks.features_made import find_size, make_features
from benchmarks.harness import measure
from vreid.rerank import k_reciprocal

NUM, DIM = 8000, 256
FACTOR, PEAK = 8.0, 0.25 * 2**30


def ways(num: int) -> dict[str, Callable[[], Any]]:
    made = make_features(find_size(str(num)), dim=DIM, offset=True)
    return {
        "ours": partial(k_reciprocal, made.query, made.gallery),
        "dense": partial(dense.original, made.query, made.gallery, stable=False),
    }


def test_re_ranking_is_faster_and_smaller_than_the_dense_way() -> None:
    found = measure(partial(ways, NUM), warm=partial(ways, 1000), limit=300)
    assert found.note == ""
    ratio = found.seconds["dense"] / found.seconds["ours"]
    assert ratio >= FACTOR, f"{ratio:.1f} times as fast: {found.seconds}"
    assert found.peak < PEAK, f"{found.peak / 2**20:.0f} MiB"
