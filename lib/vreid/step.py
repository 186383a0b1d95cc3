"""One training step: forward, losses, backward, clipping, update; in mixed precision or not."""

from collections.abc import Callable

import torch

from vreid.models.embedder import Embedder, Embedding
from vreid.precision import Precision

Loss = Callable[[Embedding, torch.Tensor], dict[str, torch.Tensor]]


class TrainStep:
    """Steps of one training.

    Args:
        model: In training mode, on its device.
        loss: Named losses of a batch; ``total`` is minimised.
        optimizer: Over the model's parameters.
        precision: Number type of the forward pass.
        scaler: Scales the loss in fp16; elsewhere it passes everything through.
        clip_norm: Largest norm of the gradient over all parameters; 0 for no clipping.
    """

    def __init__(
        self,
        model: Embedder,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        *,
        precision: Precision,
        scaler: torch.amp.GradScaler,
        clip_norm: float = 0.0,
    ) -> None:
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._precision = precision
        self._scaler = scaler
        self._clip_norm = clip_norm

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Train on images (B, 3, H, W) with labels (B,) and return the detached losses."""
        device = self._precision.device
        with self._precision.autocast():
            embedding = self._model(images.to(device, non_blocking=True))
            losses = self._loss(embedding, labels.to(device, non_blocking=True))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(losses["total"]))
        if self._clip_norm > 0:
            self._scaler.unscale_(self._optimizer)  # else the scaled gradient would be clipped
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return {name: loss.detach() for name, loss in losses.items()}
