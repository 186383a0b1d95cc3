"""Cross-batch memory (XBM): the features of earlier batches serve as further pairs.

Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020, arXiv:1912.06798. Features
drift slowly once a training has settled, so those of some steps ago still stand for their images.
The batch is compared with itself and with the memory in one loss, and only then remembered.
"""

import torch
from torch import Tensor, nn

from vreid.losses.pairs import NO_LABEL, Remembered


class Memory(nn.Module):
    """A queue of features, first in, first out.

    Args:
        size: M, the number of places.
        dim: D, the width of the features.
        start: Batches to let pass before the first is remembered, while features still move fast.

    Attributes:
        feats: (M, D) float32 as they came, newest first.
        labels: (M,) int64; `NO_LABEL` where the place is empty.
    """

    feats: Tensor
    labels: Tensor

    def __init__(self, size: int, dim: int, *, start: int = 0) -> None:
        super().__init__()
        self.register_buffer("feats", torch.zeros(size, dim))
        self.register_buffer("labels", torch.full((size,), NO_LABEL))
        self._to_wait = start

    def recall(self) -> Remembered | None:
        """What is remembered; None while nothing is wanted yet."""
        return None if self._to_wait > 0 else Remembered(self.feats, self.labels)

    @torch.no_grad()
    def remember(self, feats: Tensor, labels: Tensor) -> None:
        """Put a batch (B, D) in front; the oldest features fall out."""
        if self._to_wait > 0:
            self._to_wait -= 1
            return
        size = len(self.labels)
        # New tensors: the old ones may still be part of a graph that waits for its backward pass.
        self.feats = torch.cat([feats.detach().float(), self.feats])[:size]
        self.labels = torch.cat([labels, self.labels])[:size]

    def get_extra_state(self) -> dict[str, int]:
        """What a checkpoint holds beside the buffers."""
        return {"to_wait": self._to_wait}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take up what `get_extra_state` gave."""
        self._to_wait = state["to_wait"]
