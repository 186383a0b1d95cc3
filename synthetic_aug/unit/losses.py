"""UNIT's losses: reconstruction, divergence from the prior, both again around the cycle, and GAN.

Liu, Breuel and Kautz, NeurIPS 2017, arXiv:1703.00848, equations 2 to 7. What is fixed there up to
constants is taken as its authors' program takes it: reconstruction is the mean absolute error, the
divergence the mean square of the codes' means. GAN: least squares (Mao and others, "Least Squares
Generative Adversarial Networks", ICCV 2017, arXiv:1611.04076), summed over scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import l1_loss

from synthetic_aug.unit.networks import SOURCE, TARGET, Critic, Translator


@dataclass(frozen=True)
class Weights:
    """Weights of the generator's losses; the paper's λ0, λ1, λ2, λ3, λ4 in this order."""

    gan: float = 10.0
    kl: float = 0.1
    reconstruction: float = 100.0
    cycle_kl: float = 0.1
    cycle: float = 100.0


@dataclass(frozen=True)
class Passed:
    """What the generators make of a batch of each domain; pairs are (`SOURCE`, `TARGET`).

    Attributes:
        real: (B, 3, H, W) in [-1, 1].
        codes: Means of the codes of ``real``, (B, C, h, w).
        same: ``real`` decoded into its own domain.
        made: Images in this domain from the other one's ``real``.
        made_codes: Means of the codes of ``made``.
        cycled: ``real`` after going through the other domain.
    """

    real: tuple[Tensor, Tensor]
    codes: tuple[Tensor, Tensor]
    same: tuple[Tensor, Tensor]
    made: tuple[Tensor, Tensor]
    made_codes: tuple[Tensor, Tensor]
    cycled: tuple[Tensor, Tensor]


def pass_through(net: Translator, source: Tensor, target: Tensor, *, noise: Tensor) -> Passed:
    """Encode, decode into both domains, and go back.

    Args:
        net: The networks.
        source: (B, 3, H, W) in [-1, 1].
        target: (B, 3, H, W) in [-1, 1].
        noise: (4, B, C, h, w), normal: the codes' deviation from their means, of both domains, then
            of both around the cycle.
    """
    codes = (net.encode(source, SOURCE), net.encode(target, TARGET))
    drawn = (codes[0] + noise[0], codes[1] + noise[1])
    same = (net.decode(drawn[0], SOURCE), net.decode(drawn[1], TARGET))
    made = (net.decode(drawn[1], SOURCE), net.decode(drawn[0], TARGET))
    made_codes = (net.encode(made[0], SOURCE), net.encode(made[1], TARGET))
    cycled = (
        net.decode(made_codes[1] + noise[3], SOURCE),
        net.decode(made_codes[0] + noise[2], TARGET),
    )
    return Passed((source, target), codes, same, made, made_codes, cycled)


def generator_losses(
    passed: Passed, critics: Sequence[Critic], *, weights: Weights
) -> dict[str, Tensor]:
    """Named losses of the generators, and their weighted sum as ``total``."""
    parts = {
        "reconstruction": _absolute(passed.same, passed.real),
        "kl": divergence(passed.codes[0]) + divergence(passed.codes[1]),
        "cycle": _absolute(passed.cycled, passed.real),
        "cycle_kl": divergence(passed.made_codes[0]) + divergence(passed.made_codes[1]),
        "gan": sum(_sum_squares(critics[k](passed.made[k]), 1.0) for k in (SOURCE, TARGET)),
    }
    total = sum(getattr(weights, name) * loss for name, loss in parts.items())
    return {"total": total, **parts}


def critic_loss(passed: Passed, critics: Sequence[Critic]) -> Tensor:
    """Least squares of the discriminators: 1 for real images, 0 for made ones."""
    return sum(  # type: ignore[return-value]
        _sum_squares(critics[k](passed.real[k]), 1.0)
        + _sum_squares(critics[k](passed.made[k].detach()), 0.0)
        for k in (SOURCE, TARGET)
    )


def divergence(codes: Tensor) -> Tensor:
    """Divergence of N(codes, 1) from N(0, 1), twice and a value: the mean square."""
    return codes.float().square().mean()


def _absolute(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    return l1_loss(left[0].float(), right[0]) + l1_loss(left[1].float(), right[1])


def _sum_squares(maps: Sequence[Tensor], wanted: float) -> Tensor:
    return sum((one.float() - wanted).square().mean() for one in maps)  # type: ignore[return-value]
