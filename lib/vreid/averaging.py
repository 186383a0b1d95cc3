"""Averages of the weights that a training passes through; they often generalise better.

EMA: an exponential moving average after every step (Polyak and Juditsky, SIAM J. Control Optim. 30,
1992), with the usual growing decay min(decay, (1 + n) / (10 + n)), so that the random start is soon
forgotten. SWA: the plain mean of the weights after each epoch (Izmailov et al., "Averaging Weights
Leads to Wider Optima and Better Generalization", UAI 2018, arXiv:1803.05407). There the statistics
of normalisation layers are measured anew at the end; here they are averaged like the weights, which
needs no further pass over the data and can be validated at any time.
"""

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError

Model = TypeVar("Model", bound=nn.Module)


class WeightAverage(nn.Module, Generic[Model]):
    """The average of a model's weights so far.

    Numbers that are not of a float type, such as counters, are those of the model.

    Args:
        model: Whose weights are averaged; a copy of it holds the average.
        decay: Of EMA, in [0, 1); None takes the plain mean.

    Attributes:
        module: The copy.
        count: Number of states averaged; the copy is worth nothing while it is 0.
    """

    count: Tensor
    module: Model

    def __init__(self, model: Model, *, decay: float | None) -> None:
        super().__init__()
        if decay is not None and not 0 <= decay < 1:
            raise ConfigError(f"the decay of the average is {decay}; [0, 1) is needed")
        self.module = deepcopy(model).requires_grad_(False).eval()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64, device="cpu"))
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights that the model has now."""
        number = int(self.count)
        new = 1 / (number + 1)  # share of the new weights
        if self._decay is not None and number > 0:
            new = 1 - min(self._decay, (1 + number) / (10 + number))
        theirs = model.state_dict()
        for key, own in self.module.state_dict().items():
            value = theirs[key]
            if not isinstance(own, Tensor):
                continue  # extra state of a module; the copy has its own
            if own.is_floating_point():
                own.lerp_(value.to(own.dtype), new)
            else:
                own.copy_(value)
        self.count += 1
