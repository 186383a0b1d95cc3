"""The floor under exact nearest neighbours: the bare products of all pairs of blocks, and no more.

Every exact method multiplies N x D features with themselves; by symmetry half of the N x N products
do. The floor is the time of these products at the best rate that this machine gives, one tile after
another into the same memory, without looking at a single number of the result.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from vreid.errors import ConfigError
from vreid.features import FloatArray

TILE = 2048  # rows a block

_Product = Callable[[Tensor, Tensor, Tensor], object]


def _torch(a: Tensor, b: Tensor, tile: Tensor) -> object:
    return torch.mm(a, b.T, out=tile)


def _numpy(a: Tensor, b: Tensor, tile: Tensor) -> object:
    return np.matmul(a.numpy(), b.numpy().T, out=tile.numpy())


def _onednn(a: Tensor, b: Tensor, tile: Tensor) -> object:
    return torch.nn.functional.linear(a, b)  # oneDNN's tensors choose their own memory


# Backend: how a block's operand is stored, how two of them are multiplied, the type of the tile.
_BACKENDS: Mapping[str, tuple[Callable[[Tensor], Tensor], _Product, torch.dtype]] = {
    "torch fp32": (lambda block: block, _torch, torch.float32),
    "numpy fp32": (lambda block: block, _numpy, torch.float32),
    "oneDNN fp32": (lambda block: block.to_mkldnn(), _onednn, torch.float32),
    "torch bf16": (lambda block: block.bfloat16(), _torch, torch.bfloat16),
}


def product_rates(*, dim: int = 2048, rows: int = TILE, rounds: int = 3) -> dict[str, float]:
    """GFLOP/s of a (rows, dim) x (dim, rows) product by backend; the best of some rounds in turns.

    Without oneDNN in torch its backend is left out.
    """
    feats = np.random.default_rng(0).standard_normal((2 * rows, dim), dtype=np.float32)
    names = [name for name in _BACKENDS if "oneDNN" not in name or _has_onednn()]
    floors = {name: half_product(feats, backend=name, rows=rows) for name in names}
    best = dict.fromkeys(names, float("inf"))
    for _ in range(rounds + 1):  # the first touches the memory
        for name, floor in floors.items():
            start = time.perf_counter()
            floor()
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: 3 * 2e-9 * rows * rows * dim / seconds for name, seconds in best.items()}


def half_product(feats: FloatArray, *, backend: str, rows: int = TILE) -> Callable[[], None]:
    """Store the operands for a backend and return what multiplies the pairs of blocks.

    Args:
        feats: (N, D).
        backend: A key of `product_rates`.
        rows: Rows a block.

    Raises:
        ConfigError: When there is no such backend.
    """
    if backend not in _BACKENDS:
        raise ConfigError(f"no product backend {backend!r}; there are {', '.join(_BACKENDS)}")
    store, product, dtype = _BACKENDS[backend]
    parts = torch.split(torch.from_numpy(feats), rows)
    sizes = [len(part) for part in parts]
    operands = [store(part) for part in parts]
    # One more for the last block: a tile is dense memory, not a corner of a larger one.
    tiles = {
        (high, wide): torch.empty(high, wide, dtype=dtype)
        for high in set(sizes)
        for wide in set(sizes)
    }

    def multiply() -> None:
        for first, left in enumerate(operands):
            for second in range(first, len(operands)):
                product(left, operands[second], tiles[sizes[first], sizes[second]])

    return multiply


def _has_onednn() -> bool:
    return bool(torch._C._has_mkldnn)
