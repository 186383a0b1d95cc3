"""SphereFace, or A-Softmax: the own class must win though its angle counts several times.

Liu et al., "SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017,
arXiv:1704.08063, equation 7. The paper multiplies the cosines by the feature's length ‖f‖; here a
fixed s takes its place, as with the other margins: behind a BNNeck ‖f‖ is near sqrt(D) anyway, and
on normalised features, as regob trains it, it is 1. The paper's blend with the plain cosine at the
start of a training is left out.
"""

import math

import torch
from torch import Tensor


def sphereface_logits(
    cosines: Tensor, labels: Tensor, *, scale: float = 64.0, margin: int = 4
) -> Tensor:
    """s · ψ(θ) for the own class, s · cos θ for the others.

    ψ(θ) = (-1)^k cos(m θ) - 2 k for θ in [k π / m, (k + 1) π / m] falls from 1 at θ = 0 to 1 - 2 m
    at π.

    Args:
        cosines: cos θ, (B, C) in [-1, 1] of any float type.
        labels: (B,) int64 in [0, C).
        scale: s.
        margin: m, 1 or more; 1 is the scaled cosine.

    Returns:
        (B, C) float32 logits, for the cross entropy of `identity_loss`.
    """
    cosines = cosines.float()
    own = cosines.gather(1, labels[:, None])  # (B, 1)
    angle = own.detach().clamp(-1, 1).acos()
    k = (angle * margin / math.pi).floor().clamp_max(margin - 1)  # at π the last piece goes on
    sign = 1 - 2 * (k % 2)
    target = sign * _cos_of_multiple(own, margin) - 2 * k
    return scale * cosines.scatter(1, labels[:, None], target)


def _cos_of_multiple(cosine: Tensor, times: int) -> Tensor:
    """cos(m θ) from cos θ.

    By the recurrence of Chebyshev's polynomials and not by acos, whose gradient is infinite at 1.
    """
    before, found = torch.ones_like(cosine), cosine
    for _ in range(times - 1):
        before, found = found, 2 * cosine * found - before
    return found
