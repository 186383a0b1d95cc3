"""One training step: forward, losses, backward, clipping, update; in mixed precision or not.

Under torchrun each process runs the model on its share of the batch and sees the embeddings of all
of it, so that pairs across processes count and every process has the same losses. The gradient of
the whole batch is then the sum over the processes, see `vreid.distributed`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vreid.distributed import gather_shares, sum_gradients, world_size
from vreid.losses.combined import CombinedLoss
from vreid.models.embedder import Embedder, Embedding
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
        forward: What to call instead of the model, such as its compiled form.
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
        forward: Callable[..., Embedding] | None = None,
    ) -> None:
        self._model = model
        self._forward = model if forward is None else forward
        self._loss = loss
        self._optimizers = optimizers
        self._precision = precision
        self._scaler = scaler
        self._clip_norm = clip_norm
        self._is_updated = True  # whether the gradients there are have been used

    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        side: Tensor | None = None,
        *,
        share: float = 1.0,
        update: bool = True,
    ) -> dict[str, Tensor]:
        """Train on a batch and return the detached losses.

        Args:
            images: (B, 3, H, W) uint8.
            labels: (B,) int64.
            side: (B, 2) cameras and views, for models that embed them.
            share: What the batch's gradient is multiplied with, 1 / n when n batches are gathered.
            update: Whether to step after it; otherwise the gradient waits for the next batch.
        """
        device = self._precision.device
        with self._precision.autocast():
            images = images.to(device, non_blocking=True)
            side = None if side is None else side.to(device, non_blocking=True)
            embedding = self._forward(images, side)
            total = len(labels) * world_size()
            labels = gather_shares(labels.to(device, non_blocking=True), total)
            losses = self._loss(_gather(embedding, total), labels)
        if self._is_updated:
            for optimizer in self._optimizers:
                optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(losses["total"] * share))
        self._is_updated = update
        if update:
            self._update()
        return {name: loss.detach() for name, loss in losses.items()}

    def _update(self) -> None:
        # The losses' own parameters saw the whole batch in every process: nothing to sum there.
        sum_gradients(self._model.parameters())
        if self._clip_norm > 0:
            self._scaler.unscale_(self._optimizers[0])  # else the scaled gradient would be clipped
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        for optimizer in self._optimizers:
            self._scaler.step(optimizer)
        self._scaler.update()


def _gather(embedding: Embedding, total: int) -> Embedding:
    """The embeddings of the whole batch from those of every process's share."""
    logits = embedding.logits
    return Embedding(
        gather_shares(embedding.feat, total),
        gather_shares(embedding.feat_bn, total),
        None if logits is None else gather_shares(logits, total),
    )
