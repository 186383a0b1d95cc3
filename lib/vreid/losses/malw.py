"""MALW, momentum adaptive loss weight: the ID loss weighs less where it swings more.

Huynh et al., "A Strong Baseline for Vehicle Re-Identification", CVPRW 2021, arXiv:2104.10850.
Every K steps the standard deviations of the two losses over those steps are compared; only where
the ID loss has the larger one does its weight move. The weight of the metric losses stays.

The paper and its authors' code differ, and both are here. The code takes the losses without their
weights and moves by λ ← α λ + (1 - α) σ_metric / σ_id. The paper takes them with their weights and
moves by λ ← α λ + σ_metric / σ_id, which may grow far above 1. Two things are our own: a window in
which either deviation is 0 moves nothing (a metric loss that rests at 0 would otherwise switch off
the ID loss as well), and the state is part of the checkpoint.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Form = Literal["code", "paper"]


class Malw(nn.Module):
    """The weight of the ID loss.

    Args:
        weight: λ at the start.
        interval: K, the steps of a window.
        momentum: α in [0, 1].
        form: ``code`` or ``paper``, see above.

    Attributes:
        weight: λ, a float32 scalar.
        window: (2, K) float32, ID and metric losses of the window so far.
    """

    weight: Tensor
    window: Tensor

    def __init__(
        self,
        *,
        weight: float = 1.0,
        interval: int = 500,
        momentum: float = 0.9,
        form: Form = "code",
    ) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.register_buffer("window", torch.zeros(2, interval))
        self._momentum = momentum
        self.form = form
        self._filled = 0

    @torch.no_grad()
    def record(self, id_loss: Tensor, metric_loss: Tensor) -> None:
        """Note the losses of a step; the step that fills the window moves λ for the next one.

        Losses that are not finite move nothing.

        Args:
            id_loss: A scalar, without its weight in ``code``'s form, with it in ``paper``'s.
            metric_loss: The same of the metric losses together.
        """
        self.window[0, self._filled] = id_loss
        self.window[1, self._filled] = metric_loss
        self._filled += 1
        if self._filled < self.window.shape[1]:
            return
        self._filled = 0
        # On the device and without branches, so that the training need not wait for numbers. From
        # the first value on: the deviation of equal numbers is then 0 and no rounding error.
        changes = (self.window - self.window[:, :1]).double()
        sigma_id, sigma_metric = changes.std(dim=1, correction=0)
        gain = 1 - self._momentum if self.form == "code" else 1.0
        moved = self._momentum * self.weight.double() + gain * sigma_metric / sigma_id
        moves = (sigma_id > sigma_metric) & (sigma_metric > 0)  # False for NaN
        # A new tensor: this step's total still needs the old weight in its backward pass.
        self.weight = torch.where(moves, moved.float(), self.weight)

    def get_extra_state(self) -> dict[str, int]:
        """What a checkpoint holds beside the buffers."""
        return {"filled": self._filled}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take up what `get_extra_state` gave."""
        self._filled = state["filled"]
