"""Batch normalisation whose statistics are those of all processes together.

Ioffe and Szegedy, ICML 2015, arXiv:1502.03167, with the batch taken over the processes of a
training (Peng et al., "MegDet", CVPR 2018, arXiv:1711.07240). Mean and summed squares of every
process are exchanged once and combined by Chan's formula, which loses no digits to a large mean;
the backward pass exchanges the two sums that it needs. Sums over 16-bit maps are float32.

torch.nn.SyncBatchNorm does the same, but on GPUs only; it has other module types (a `BNNeck` and
timm's norm with activation would be lost in it), and tests without a GPU could not see it. Here the
loops over the maps are torch's own kernels on both kinds of devices, those of its plain batch
normalisation, so that one code costs only one more pass over the maps in the backward pass.
"""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from vreid.distributed import world_size
from vreid.errors import ConfigError
from vreid.models.heads import BNNeck
from vreid.models.reduction import FloatBatchNorm


class SyncBatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d` over all processes."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C) or (B, C, L)."""
        return _synchronized(self, input) if _is_shared(self) else super().forward(input)


class SyncBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` over all processes."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C, h, w)."""
        return _synchronized(self, input) if _is_shared(self) else super().forward(input)


class SyncBatchNormAct2d(BatchNormAct2d):
    """timm's `BatchNormAct2d` over all processes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, h, w), then drop-out and activation where it has them."""
        if not _is_shared(self):
            plain: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return plain
        shared: Tensor = self.act(self.drop(_synchronized(self, x)))
        return shared


class SyncBNNeck(BNNeck, SyncBatchNorm1d):
    """`BNNeck`, which goes through `SyncBatchNorm1d` here."""


class SyncFloatBatchNorm(FloatBatchNorm, SyncBatchNorm1d):
    """The reduction's normalisation, which goes through `SyncBatchNorm1d` here."""


SYNCHRONIZED: dict[type[_BatchNorm], type[_BatchNorm]] = {
    nn.BatchNorm1d: SyncBatchNorm1d,
    nn.BatchNorm2d: SyncBatchNorm2d,
    BatchNormAct2d: SyncBatchNormAct2d,
    BNNeck: SyncBNNeck,
    FloatBatchNorm: SyncFloatBatchNorm,
}


def synchronize_norms(model: nn.Module) -> int:
    """Let every batch normalisation of a model see the batches of all processes, in place.

    The modules stay the same objects with the same parameters, buffers and hooks, and are still
    instances of what they were. In evaluation mode, so also where they are frozen, and with one
    process they do what they did before.

    Args:
        model: A second call changes nothing more.

    Returns:
        Their number.

    Raises:
        ConfigError: When one of them is of a kind that is not known here.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    known = SYNCHRONIZED.keys() | set(SYNCHRONIZED.values())
    strange = sorted({type(norm).__name__ for norm in norms if type(norm) not in known})
    if strange:
        kinds = ", ".join(kind.__name__ for kind in SYNCHRONIZED)
        raise ConfigError(
            f"several processes: the model normalises by {', '.join(strange)}, which cannot be"
            f" synchronised; expected one of {kinds}; take another backbone or one process"
        )
    for norm in norms:
        norm.__class__ = SYNCHRONIZED.get(type(norm), type(norm))
    return len(norms)


def _is_shared(norm: _BatchNorm) -> bool:
    return norm.training and world_size() > 1


def _synchronized(norm: _BatchNorm, input: Tensor) -> Tensor:
    """What a norm in training mode makes of its share (B, C, ...) of the batch."""
    norm._check_input_dim(input)  # type: ignore[no-untyped-call]
    mean, var, count = _global_statistics(input)
    if norm.track_running_stats:
        _track(norm, mean, var * (count / (count - 1)))
    result: Tensor = _Normalize.apply(input, norm.weight, norm.bias, mean, var, count, norm.eps)
    return result


@torch.no_grad()
def _global_statistics(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), variance (C,) without Bessel's correction and count () over all processes."""
    assert input.numel() > 0, "a process has no images in this batch"
    channels = input.shape[1]
    dtype = torch.promote_types(input.dtype, torch.float32)
    # With statistics of this type to "update" (by nothing), the kernel accumulates in it.
    ones = torch.ones(channels, dtype=dtype, device=input.device)
    own_mean, own_var = torch.batch_norm_update_stats(input, ones.clone(), ones.clone(), 0.0)
    own_count = input.numel() // channels
    own = torch.cat([own_mean, own_var, ones[:1] * own_count])  # (2C + 1,)
    found = own.new_empty(world_size(), len(own))
    dist.all_gather(list(found.unbind()), own)
    means, variances, counts = torch.split(
        found, [channels, channels, 1], dim=1
    )  # (R, C), (R, C), (R, 1)
    count = counts.sum()
    shares = counts / count
    mean = (shares * means).sum(dim=0)
    var = (shares * (variances + (means - mean).square())).sum(dim=0)
    return mean, var, count


@torch.no_grad()
def _track(norm: _BatchNorm, mean: Tensor, var: Tensor) -> None:
    """Move the running statistics as `nn.BatchNorm2d` does."""
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    for running, new in ((norm.running_mean, mean), (norm.running_var, var)):
        if norm.momentum is None:  # the mean over all batches so far
            running.lerp_(new.to(running), (1 / norm.num_batches_tracked).to(running))
        else:
            running.lerp_(new.to(running), norm.momentum)


class _Normalize(torch.autograd.Function):
    """γ (x - μ) / sqrt(σ² + ε) + β, with μ and σ² functions of the x of all processes.

    With y the result, x̂ the normalised input, N the count and g = ∂L/∂y, for the loss L of all
    processes: ∂L/∂x = γ / sqrt(σ² + ε) · (g - Σg / N - x̂ Σ(g x̂) / N), the sums over all processes.
    The gradients of γ and β are the own parts Σ(g x̂) and Σg, as of every other parameter.
    """

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        count: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(input, weight, mean, var, count)
        ctx.eps = eps
        return F.batch_norm(input, mean, var, weight, bias, training=False, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, weight, mean, var, count = ctx.saved_tensors
        invstd = (var + ctx.eps).rsqrt()
        scale = torch.ones_like(mean) if weight is None else weight.to(mean)
        grad = _laid_out_like(input, grad)  # the kernels are slow, and inexact in bfloat16, else
        _, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
            grad, input, scale, None, None, mean, invstd, True, ctx.eps, [False, True, True]
        )
        grad_input = None
        if ctx.needs_input_grad[0]:
            sums = torch.stack([grad_bias, grad_weight])  # (2, C): Σg and Σ(g x̂)
            dist.all_reduce(sums)
            mean_grad, mean_product = sums / count
            factor = scale * invstd
            zero, one = torch.zeros_like(mean), torch.ones_like(mean)
            # Two scalings by channel, by the kernel that does it in one pass for every type.
            own = F.batch_norm(grad, zero, one, factor, -factor * mean_grad, eps=0.0)
            shared = F.batch_norm(input, mean, var, -factor * mean_product, zero, eps=ctx.eps)
            grad_input = own + shared
        if weight is None:
            return grad_input, None, None, None, None, None, None
        return grad_input, grad_weight.to(weight), grad_bias.to(weight), None, None, None, None


def _laid_out_like(input: Tensor, grad: Tensor) -> Tensor:
    if input.ndim == 4 and input.is_contiguous(memory_format=torch.channels_last):
        return grad.contiguous(memory_format=torch.channels_last)
    return grad.contiguous()
