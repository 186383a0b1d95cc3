"""Matrix products: which of this machine's ways to multiply is the fastest, and how exact it is.

The same float32 product can be twice as fast through another library: torch's default on an AMD
processor is one, its oneDNN another, NumPy's BLAS a third. None of them is the best everywhere, so
a short self-test (a tenth of a second) measures speed *and error* once for the process, and a way
that errs by more than the rounding of its sums allows is not used, however fast it is.
"""

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

# (left (M, K), right (N, K), out (M, N)) -> left @ right.T, in `out` or in a matrix of its own.
Product = Callable[[Tensor, Tensor, Tensor], Tensor]

_SIZE = 1024  # rows and columns of the self-test: large enough to reach the full rate
_ROUNDS = 6
_WORTH = 1.3  # how much faster bf16 has to be, since its candidates take a second look


def unit_roundoff(dtype: torch.dtype) -> float:
    """Largest relative error of rounding to a type: 2⁻⁸ for bfloat16, 2⁻²⁴ for float32."""
    return torch.finfo(dtype).eps / 2


def sum_error(num_terms: int) -> float:
    """Largest error of a float32 sum of products, relative to the sum of their magnitudes.

    It holds for any order of summation (Higham, "Accuracy and Stability of Numerical Algorithms",
    2002, section 3.1).
    """
    spread = (num_terms + 8) * unit_roundoff(torch.float32)
    return spread / (1 - spread)


def _default(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    return torch.mm(left, right.t(), out=out)


def _numpy(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    np.matmul(left.numpy(), right.numpy().T, out=out.numpy())
    return out


def _onednn(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return product


def _convolution(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    # A 1 x 1 convolution over an image of M x 1 pixels is the same product, and oneDNN's as well.
    pixels = left.view(1, left.shape[0], 1, left.shape[1]).permute(0, 3, 1, 2)
    kernels = right.view(*right.shape, 1, 1)
    return torch.nn.functional.conv2d(pixels, kernels)[0, :, :, 0].t()


# Rounding the result in bfloat16 is up to the caller; float32 sums are expected inside.
_FLOAT32: dict[str, Product] = {"torch": _default, "onednn": _onednn, "conv": _convolution}
_WHOLE_MACHINE: dict[str, Product] = {"numpy": _numpy}  # takes all threads, whoever calls it


def float32_product(*, all_threads: bool = True) -> Product:
    """The fastest exact float32 product on as many threads as torch uses here.

    Args:
        all_threads: Whether ways count that use all threads of the machine for each call. False
            for a caller that runs one product on each thread.
    """
    return _fastest(torch.get_num_threads(), all_threads)[1]


def bfloat16_pays() -> bool:
    """Whether bfloat16 products are clearly faster here than float32 ones, and exact enough."""
    return _bfloat16_pays(torch.get_num_threads())


def rates() -> dict[str, float]:
    """Rate of each way in GFLOP/s on this process's threads, for benchmarks; errs too much: 0."""
    return dict(_all_rates(torch.get_num_threads()))


@cache
def _all_rates(num_threads: int) -> dict[str, float]:
    left, right = _operands(torch.float32)
    ways = {name: (way, left, right) for name, way in {**_FLOAT32, **_WHOLE_MACHINE}.items()}
    return _rates({**ways, "bfloat16": (_default, left.bfloat16(), right.bfloat16())})


@cache
def _fastest(num_threads: int, all_threads: bool) -> tuple[float, Product]:
    left, right = _operands(torch.float32)
    ways = {**_FLOAT32, **_WHOLE_MACHINE} if all_threads else _FLOAT32
    rated = _rates({name: (way, left, right) for name, way in ways.items()})
    best = max(rated, key=lambda name: rated[name])
    # torch's own product stands when all fail the test: it is at least the documented one.
    return (rated[best], ways[best]) if rated[best] > 0 else (rated["torch"], _default)


@cache
def _bfloat16_pays(num_threads: int) -> bool:
    exact = _fastest(num_threads, False)[1]
    rated = _rates(
        {
            "float32": (exact, *_operands(torch.float32)),
            "bfloat16": (_default, *_operands(torch.bfloat16)),
        }
    )
    return rated["bfloat16"] > _WORTH * rated["float32"]


def _operands(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(_SIZE, _SIZE, generator=generator)
    right = torch.randn(_SIZE, _SIZE, generator=generator)
    return left.to(dtype), right.to(dtype)


def _rates(ways: dict[str, tuple[Product, Tensor, Tensor]]) -> dict[str, float]:
    """GFLOP/s of each way; 0 when it is not there or errs by more than its sums may.

    Ways take turns and the best turn counts, so that what else runs here disturbs none for long.
    """
    best = {name: float("inf") for name, (way, *sides) in ways.items() if _works(way, *sides)}
    for _ in range(_ROUNDS):
        for name in best:
            way, left, right = ways[name]
            out = torch.empty(len(left), len(right), dtype=left.dtype)
            start = time.perf_counter()
            way(left, right, out)
            best[name] = min(best[name], time.perf_counter() - start)
    work = 2 * _SIZE**3 / 1e9
    return {name: work / best[name] if name in best else 0.0 for name in ways}


def _works(way: Product, left: Tensor, right: Tensor) -> bool:
    out = torch.empty(len(left), len(right), dtype=left.dtype)
    try:
        found = way(left, right, out)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return _exact_enough(found, left, right)


def _exact_enough(found: Tensor, left: Tensor, right: Tensor) -> bool:
    rows = slice(None, None, max(1, len(left) // 16))
    wide_left, wide_right = left[rows].double(), right.double()
    true = wide_left @ wide_right.t()
    magnitude = wide_left.abs() @ wide_right.abs().t()
    allowed = sum_error(left.shape[1]) * magnitude + unit_roundoff(left.dtype) * true.abs() * 1.01
    return bool(((found[rows].double() - true).abs() <= allowed).all())
