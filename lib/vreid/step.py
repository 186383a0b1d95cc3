"""One training step: forward, losses, backward, clipping, update; in mixed precision or not."""

from collections.abc import Sequence

import torch

from vreid.losses.combined import CombinedLoss
from vreid.models.embedder import Embedder
from vreid.precision import Precision


class TrainStep:
    """Steps of one training.

    Args:
        model: In training mode, on its device.
        loss: Named losses of a batch, on the same device; ``total`` is minimised.
        optimizers: The model's, and that of the losses where they learn something.
        precision: Number type of the forward pass.
        scaler: Scales the loss in fp16; elsewhere it passes everything through.
        clip_norm: Largest norm of the gradient over the model's parameters; 0 for no clipping.
    """

    def __init__(
        self,
        model: Embedder,
        loss: CombinedLoss,
        optimizers: Sequence[torch.optim.Optimizer],
        *,
        precision: Precision,
        scaler: torch.amp.GradScaler,
        clip_norm: float = 0.0,
    ) -> None:
        self._model = model
        self._loss = loss
        self._optimizers = optimizers
        self._precision = precision
        self._scaler = scaler
        self._clip_norm = clip_norm

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Train on images (B, 3, H, W) with labels (B,) and return the detached losses."""
        device = self._precision.device
        with self._precision.autocast():
            embedding = self._model(images.to(device, non_blocking=True))
            losses = self._loss(embedding, labels.to(device, non_blocking=True))
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(losses["total"]))
        if self._clip_norm > 0:
            self._scaler.unscale_(self._optimizers[0])  # else the scaled gradient would be clipped
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        for optimizer in self._optimizers:
            self._scaler.step(optimizer)
        self._scaler.update()
        return {name: loss.detach() for name, loss in losses.items()}
